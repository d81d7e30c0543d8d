"""Filters and effects, on a clip and over everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from c2jy_bridge.drafts.compile.canvas import Canvas
from c2jy_bridge.drafts.compile.names import title
from c2jy_bridge.drafts.kinds import NameKind
from c2jy_bridge.drafts.spec import Effect, EffectClip, Filter, nearest

PICTURE_EFFECTS: Final[tuple[NameKind, ...]] = ("scene", "character")
SOUND_EFFECTS: Final[tuple[NameKind, ...]] = ("audio_scene", "tone", "speech_to_song")


def add_filters(segment: Any, filters: Sequence[Filter], path: str, canvas: Canvas) -> None:
    """Put colour filters on a picture."""
    for index, wanted in enumerate(filters):
        member = canvas.name(("filter",), wanted.name, f"{path}.filters[{index}].name")
        if member is not None:
            segment.add_filter(member, wanted.intensity)


def add_picture_effects(segment: Any, effects: Sequence[Effect], path: str, canvas: Canvas) -> None:
    """Put scene and character effects on a picture."""
    for index, effect in enumerate(effects):
        where = f"{path}.effects[{index}]"
        if (member := find_effect(effect, PICTURE_EFFECTS, where, canvas)) is not None:
            segment.add_effect(member, sliders(effect.params, member, f"{where}.params", canvas))


def add_sound_effects(segment: Any, effects: Sequence[Effect], path: str, canvas: Canvas) -> None:
    """Put audio effects on a sound: one of each kind, as the library has it."""
    taken: set[type] = set()
    for index, effect in enumerate(effects):
        where = f"{path}.effects[{index}]"
        if (member := find_effect(effect, SOUND_EFFECTS, where, canvas)) is None:
            continue
        if type(member) in taken:
            canvas.notes.note("sound_effect_twice", where, "warning", name=title(member))
            continue
        taken.add(type(member))
        segment.add_effect(member, sliders(effect.params, member, f"{where}.params", canvas))


def find_effect(
    effect: Effect | EffectClip, possible: tuple[NameKind, ...], path: str, canvas: Canvas
) -> Any | None:
    """The library's member for an effect, looked for in its kind or in all possible ones."""
    if effect.kind is None:
        return canvas.name(possible, effect.name, f"{path}.name")
    if effect.kind not in possible:
        canvas.notes.note(
            "effect_kind", f"{path}.kind", "warning", kind=effect.kind, known=", ".join(possible)
        )
        return None
    return canvas.name((effect.kind,), effect.name, f"{path}.name")


def sliders(
    params: tuple[float | None, ...] | Mapping[str, float], member: Any, path: str, canvas: Canvas
) -> list[float | None]:
    """An effect's parameters in the library's order, 0-100 or None for the default."""
    known = [param.name for param in member.value.params]
    if isinstance(params, Mapping):
        values: list[float | None] = [None] * len(known)
        for name, value in params.items():
            # All of JianYing's begin with effects_adjust_; nobody writes that by heart.
            full = next((k for k in known if name in (k, k.removeprefix("effects_adjust_"))), None)
            if full is None:
                near = nearest(name, known, 1) or known or ["-"]
                canvas.notes.note("unknown_param", f"{path}.{name}", "warning", name=name, near=near[0])
            else:
                values[known.index(full)] = value
        return values
    if len(params) > len(known):
        canvas.notes.note("too_many_params", path, "warning", name=title(member), count=len(known))
    return list(params[: len(known)])
