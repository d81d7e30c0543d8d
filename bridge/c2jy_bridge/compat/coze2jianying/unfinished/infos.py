"""The `*_infos` of the add_* tools, as users of Coze2JianYing write them, to clips of our spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports import Imported, parse
from c2jy_bridge.compat.coze2jianying.exports.fields import checked
from c2jy_bridge.compat.coze2jianying.exports.wrappers import decoded
from c2jy_bridge.compat.coze2jianying.unfinished.draft import Lane, Unfinished, issue
from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.settings import TimeUnit
from c2jy_bridge.drafts.errors import DraftError
from c2jy_bridge.drafts.spec.document import AudioClip, PictureClip, TrackKind
from c2jy_bridge.drafts.spec.model import Unit

_MADE: Final = "_info_string"
"""How the fields end in which make_image_info and its like return an info."""


@dataclass(frozen=True, slots=True)
class ReadInfos:
    """Infos as clips, and what they were read as."""

    argument: str
    infos: list[Any]
    imported: Imported
    asked: TimeUnit
    draft: Unfinished
    as_before: bool = False
    """They left the unit open, and it was taken from what the draft has."""

    @property
    def sources(self) -> list[str]:
        """Addresses of their media, each once."""
        return list(
            dict.fromkeys(
                clip.media.address
                for track in self.imported.spec.tracks
                for clip in track.clips
                if isinstance(clip, (PictureClip, AudioClip)) and clip.media.address
            )
        )

    @property
    def unit(self) -> Unit | None:
        """The unit of their times, when that is certain."""
        decision = self.imported.unit
        return decision.unit if decision and decision.sure and decision.reason != "none" else None

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What was changed, guessed, or has no place; the unit and the evidence for it among them."""
        if not self.as_before:
            return self.imported.issues
        found = [one for one in self.imported.issues if one.code != "time_unit"]
        return (issue("unit_as_before", self.argument, "info", unit=self.asked), *found)

    def place(self, path: str) -> str:
        """Maps a path in the spec back to the path in the infos."""
        return self.imported.original_path(path)

    def with_durations(self, durations_us: Mapping[str, int], usual: Unit | None) -> ReadInfos:
        """The same once it is known how long the media are.

        Args:
            durations_us: By address; images left out.
            usual: The unit that the draft's earlier infos had; taken where these leave it open.

        Raises:
            DraftError: In that unit they are impossible.
        """
        again = replace(self, imported=self.imported.decide_unit(durations_us))
        decision = again.imported.unit
        if usual is None or decision is None or decision.sure or decision.unit == usual:
            return again
        read = _read(self.argument, self.infos, usual, self.draft)
        return replace(read, as_before=True)

    def lanes(self, kind: TrackKind, key: str, name: str | None, prefix: str, taken: set[str]) -> list[Lane]:
        """The clips by track.

        Args:
            kind: What the tool adds.
            key: Of their track.
            name: Of their track, if it has one.
            prefix: What ids of clips begin with.
            taken: Ids that other clips have.
        """
        spec = self.imported.spec.model_dump(mode="json", exclude_unset=True)
        lanes = []
        for track in spec["tracks"]:
            own = track["type"] == kind
            clips = []
            for number, clip in enumerate(track["clips"], 1):
                fresh = f"{prefix}-{track['type']}-{number}"
                given = clip.get("id")
                clip_id = given if given and given not in taken else fresh
                taken.add(clip_id)
                clips.append({**clip, "id": clip_id})
            lanes.append(Lane(track["type"], key, name if own else None, tuple(clips)))
        return lanes


def read_infos(argument: str, infos: Any, draft: Unfinished, time_unit: TimeUnit) -> ReadInfos:
    """Read infos.

    Args:
        argument: Their name, `image_infos`; paths of issues begin with it.
        infos: A list of JSON texts, a list of objects, one JSON text that holds the list, or one object.
        draft: The draft they are for.
        time_unit: Of bare numbers; `auto` is the draft's, or else found out.

    Raises:
        DraftError: With an issue for every fault.
    """
    asked = draft.time_unit if time_unit == "auto" else time_unit
    return _read(argument, _listed(argument, infos), asked, draft)


def _read(argument: str, infos: list[Any], asked: TimeUnit, draft: Unfinished) -> ReadInfos:
    project = {"width": draft.width, "height": draft.height, "fps": draft.fps}
    document = {"project": project, argument: infos}
    return ReadInfos(argument, infos, parse(document, time_unit=asked)[0], asked, draft)


def _listed(argument: str, infos: Any) -> list[Any]:
    value = decoded(checked(infos, argument), argument)
    if isinstance(value, dict) and set(value) == {argument}:
        value = decoded(value[argument], argument)
    items = value if isinstance(value, list) else [value]
    opened = [_opened(decoded(item, f"{argument}[{index}]")) for index, item in enumerate(items)]
    found = [item for item in opened if item is not None and item != ""]
    if not found:
        raise DraftError([issue("no_infos", argument)])
    return found


def _opened(item: Any) -> Any:
    """The result of make_*_info may come with its field around it."""
    if isinstance(item, dict):
        for name, inner in item.items():
            if name.endswith(_MADE):
                return decoded(inner, name)
    return item
