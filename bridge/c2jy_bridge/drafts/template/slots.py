"""What of a draft can be filled: pictures, videos, sounds and texts, each with a name to fill it by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.core.draft_views import SlotView
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.drafts.errors import DraftError, issue
from c2jy_bridge.drafts.library.quick_figures import number
from c2jy_bridge.drafts.library.snapshot import object_, objects
from c2jy_bridge.drafts.library.timeline import Materials, inner_texts, words
from c2jy_bridge.drafts.template.texts import spans
from c2jy_bridge.drafts.write.paths import pure

FILLABLE: Final = ("image", "video", "audio", "text", "text_template")
_LABEL: Final = 200


@dataclass(frozen=True, slots=True)
class Slot:
    """A clip that can be filled."""

    view: SlotView
    segment_id: str
    compound: str = ""
    """The material id of the compound clip that it is in; empty on the draft's own timeline."""


def slots_of(content: Mapping[str, Any]) -> list[Slot]:
    """The slots of a content: those on its timeline by start and track, then those inside compound clips."""
    return list(_named(content, "", "", Counter()))


def find(slots: list[Slot], name: str, path: str) -> Slot:
    """The slot of a name, an id, or the only one that shows a file or text of that name.

    Args:
        slots: What there is.
        name: As the values name it.
        path: JSON path of it there, for the error.

    Raises:
        DraftError: None or several are called so.
    """
    for slot in slots:
        if name in (slot.view.slot, slot.segment_id):
            return slot
    labelled = [slot for slot in slots if slot.view.label == name]
    if len(labelled) == 1:
        return labelled[0]
    names = [slot.view.slot for slot in slots]
    if labelled:
        several = ", ".join(slot.view.slot for slot in labelled[:8])
        raise DraftError([issue("slot_several", path, name=name, slots=several)])
    near = nearest(name, names) or ", ".join(names[:8])
    raise DraftError([issue("slot_unknown", path, name=name, near=near)])


def _named(content: Mapping[str, Any], before: str, compound: str, counts: Counter[str]) -> Iterator[Slot]:
    materials = Materials.of(content)
    found = []
    inner: dict[str, Mapping[str, Any]] = {}
    for number_of_track, track in enumerate(objects(content.get("tracks"))):
        kind_of_track = str(track.get("type", ""))
        for segment in objects(track.get("segments")):
            when = object_(segment.get("target_timerange"))
            kind = materials.kind(segment, kind_of_track)
            if kind == "compound" and not compound and (held := materials.compound(segment)):
                inner[str(held.get("id"))] = object_(held.get("draft"))
            elif kind in FILLABLE and not _is_derived(materials, segment):
                found.append((number(when.get("start")), number_of_track, kind, track, segment))
    for start, number_of_track, kind, track, segment in sorted(found, key=lambda slot: slot[:2]):
        counts[f"{before}{kind}"] += 1
        name = f"{before}{kind}{counts[f'{before}{kind}']}"
        group, material = materials.get(segment.get("material_id"))
        texts = _texts(materials, group, material)
        label = (
            texts[0] if len(texts) == 1 else str(material.get("material_name") or material.get("name") or "")
        )
        path = str(material.get("path") or "")
        yield Slot(
            SlotView(
                slot=name,
                kind=kind,
                track=str(track.get("name") or "") or f"{track.get('type', '')} {number_of_track + 1}",
                start_us=start,
                duration_us=number(object_(segment.get("target_timerange")).get("duration")),
                width=number(material.get("width")) if group == "videos" else 0,
                height=number(material.get("height")) if group == "videos" else 0,
                label=(label or pure(path).name)[:_LABEL],
                texts=tuple(text[:_LABEL] for text in texts),
                spans=tuple(spans(str(material.get("content") or ""))) if group == "texts" else (),
            ),
            str(segment.get("id") or ""),
            compound,
        )
    for index, (known, draft) in enumerate(inner.items()):
        yield from _named(draft, f"compound{index + 1}/", known, counts)


def _is_derived(materials: Materials, segment: Mapping[str, Any]) -> bool:
    """A sound that the app has read out from a text: it follows the text, no file is put in its place."""
    _, material = materials.get(segment.get("material_id"))
    return not segment.get("id") or material.get("type") == "text_to_audio"


def _texts(materials: Materials, group: str, material: Mapping[str, Any]) -> list[str]:
    if group == "texts":
        return [words(material.get("content"))]
    if group == "text_templates":
        return [words(materials.get(known)[1].get("content")) for known in inner_texts(material)]
    return []
