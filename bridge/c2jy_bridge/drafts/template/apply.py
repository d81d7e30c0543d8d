"""Applies values to a copy of a template's content; pure, the files are there already."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.lossless_json import Lossless
from c2jy_bridge.drafts.errors import DraftError, IssueCollector, issue
from c2jy_bridge.drafts.materials import Material, MaterialFailure
from c2jy_bridge.drafts.template.content import EditableContent, NewId, Segment
from c2jy_bridge.drafts.template.groups import follow, repeat_group
from c2jy_bridge.drafts.template.media import Replacement, replace_media
from c2jy_bridge.drafts.template.slots import Slot, find
from c2jy_bridge.drafts.template.texts import reword
from c2jy_bridge.drafts.template.values import LISTS, Fill, MediaValue, TextValue, Value, read_value

_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|[A-Za-z]:[\\/]|[\\/]")
"""A link, or a path from the top of a disk."""
Fetched = Mapping[str, Material | MaterialFailure]


@dataclass(frozen=True, slots=True)
class Assigned:
    """A value for a slot."""

    slot: Slot
    value: Value
    where: str
    """JSON path of the value."""
    group: int = -1
    """Index of the repeated group that it is in; -1 when it is in none."""
    item: int = 0


@dataclass(slots=True)
class Plan:
    """All values, each with its slot."""

    assigned: list[Assigned] = field(default_factory=list)
    groups: list[tuple[list[str], int, str]] = field(default_factory=list)
    """Repeated groups: ids of their clips, how often, JSON path."""

    def resolve(self, folder: Path) -> None:
        """Take relative paths of files as relative to a folder."""
        for index, each in enumerate(self.assigned):
            if isinstance(each.value, MediaValue) and not _ABSOLUTE.match(each.value.address):
                value = replace(each.value, address=str(folder / each.value.address))
                self.assigned[index] = replace(each, value=value)

    def values(self) -> Iterator[Value]:
        """Every value."""
        return (assigned.value for assigned in self.assigned)


def plan(slots: list[Slot], fill: Fill) -> Plan:
    """Find the slot of every value.

    Raises:
        DraftError: With every value that has none, or is none for its slot.
    """
    made, wrong = Plan(), list[Issue]()

    def assign(slot: Slot, given: object, where: str, group: int = -1, item: int = 0) -> None:
        made.assigned.append(Assigned(slot, read_value(given, slot.view.kind, where), where, group, item))

    for name, given in fill.slots.items():
        with _collecting(wrong):
            assign(find(slots, name, f"slots.{name}"), given, f"slots.{name}")
    for key, given_list in fill.lists.items():
        fitting = [slot for slot in slots if slot.view.kind in LISTS[key]]
        if len(given_list) > len(fitting):
            wrong.append(issue("more_than_slots", key, given=len(given_list), slots=len(fitting)))
        for index, (slot, given) in enumerate(zip(fitting, given_list, strict=False)):
            if given is not None:
                with _collecting(wrong):
                    assign(slot, given, f"{key}[{index}]")
    for number, repeat in enumerate(fill.repeats):
        where = f"repeat[{number}]"
        with _collecting(wrong):
            named = {name: find(slots, name, f"{where}.slots") for name in repeat.slots}
            if any(slot.compound for slot in named.values()):
                raise DraftError([issue("repeat_inside", f"{where}.slots")])
            members = [slot.segment_id for slot in named.values()]
            made.groups.append((members, len(repeat.items), where))
            for index, item in enumerate(repeat.items):
                for name, given in item.items():
                    at = f"{where}.items[{index}].{name}"
                    slot = named.get(name) or find(list(named.values()), name, at)
                    assign(slot, given, at, len(made.groups) - 1, index)
    if wrong:
        raise DraftError(wrong)
    _refuse_twice(made)
    return made


def _refuse_twice(made: Plan) -> None:
    """Two values for one slot: which of them was meant is not known."""
    seen: dict[tuple[str, str, int, int], str] = {}
    for each in made.assigned:
        key = (each.slot.compound, each.slot.segment_id, each.group, each.item)
        if key in seen:
            raise DraftError([issue("slot_twice", each.where, other=seen[key], slot=each.slot.view.slot)])
        seen[key] = each.where


class _collecting:
    def __init__(self, wrong: list[Issue]) -> None:
        self._wrong = wrong

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(error, DraftError):
            self._wrong += error.issues
            return True
        return False


def apply(
    node: Lossless,
    plan: Plan,
    fetched: Fetched,
    path_of: Callable[[Material], str],
    new_id: NewId,
    collector: IssueCollector,
) -> tuple[EditableContent, list[Material]]:
    """Fill a content.

    Args:
        node: The content, changed by it.
        plan: The values.
        fetched: Their files by address.
        path_of: Where a file is in the new draft, as a content names it.
        new_id: Ids of what is added.
        collector: Takes what was not done as asked.

    Returns:
        The content, and the files that it shows now.

    Raises:
        DraftError: A file could not be had or does not fit its slot.
    """
    content = EditableContent(node, new_id)
    copies = [
        repeat_group(content, members, count, where, collector) for members, count, where in plan.groups
    ]
    inner = {known: EditableContent(held, new_id) for known, held in content.compounds()}
    used: list[Material] = []
    for each in plan.assigned:
        place = inner[each.slot.compound] if each.slot.compound else content
        known = each.slot.segment_id
        if each.group >= 0:
            known = copies[each.group][each.item][known]
        segment = place.segment(known)
        if isinstance(each.value, TextValue):
            _reword(place, segment, each.value, each)
        else:
            used += _replace(place, segment, each, fetched, path_of, collector)
    collector.raise_if_failed()
    content.lengthen_to_clips()
    return content, used


def _replace(
    content: EditableContent,
    segment: Segment,
    each: Assigned,
    fetched: Fetched,
    path_of: Callable[[Material], str],
    collector: IssueCollector,
) -> list[Material]:
    value = each.value
    assert isinstance(value, MediaValue), "no other value is for a file"
    got = fetched[value.address]
    if isinstance(got, MaterialFailure):
        collector.extend(Issue(got.code, each.where, "error", got.message, got.fix))
        return []
    collector.extend(*got.issues)
    new = Replacement(got, path_of(got), got.name, value.length, value.framing, value.begin_us)
    before = segment.target
    longer = replace_media(content, segment, new, each.where, collector)
    if longer and (kept := follow(content, segment, before, longer)):
        collector.add("stays_as_long", each.where, "info", count=kept)
    return [got]


def _reword(content: EditableContent, segment: Segment, value: TextValue, each: Assigned) -> None:
    group, material = content.own_material(segment)
    if group == "texts":
        spans = len(each.slot.view.spans)
        if len(value.words) not in (1, spans):
            raise DraftError([issue("wrong_spans", each.where, given=len(value.words), spans=spans)])
        reword(material, value.words)
        return
    resources = [r for r in material["text_info_resources"] if "text_material_id" in r]
    if len(value.words) > len(resources):
        raise DraftError([issue("wrong_spans", each.where, given=len(value.words), spans=len(resources))])
    for resource, words in zip(resources, value.words, strict=False):
        known = resource["text_material_id"].value
        if known in content.materials:
            reword(content.materials[known][1], [words])
