"""The base model of every part of a spec, and times as people write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

Unit = Literal["s", "ms", "us"]

US_PER: Final[dict[str, int]] = {"s": 1_000_000, "ms": 1_000, "us": 1}
LONGEST_US: Final = 24 * 3600 * 1_000_000
"""A day. Longer is a wrong unit, not a film: 3936000 meant as microseconds is 45 days of seconds."""


class Us(int):
    """An integer that is microseconds already, whatever unit the document has. Made by `us()`."""

    __slots__ = ()


def us(value: int) -> Us:
    """Mark `value` as microseconds, for code that builds a spec instead of reading one."""
    return Us(value)


# What a bare number and a frame mean in the document that is being read: (microseconds per unit, fps).
_reading: ContextVar[tuple[int, float]] = ContextVar("reading", default=(US_PER["s"], 30.0))


@contextmanager
def reading(unit: Unit, fps: float) -> Iterator[None]:
    """Within this block, bare numbers have this unit and a frame lasts 1/fps seconds."""
    token = _reading.set((US_PER[unit], fps))
    try:
        yield
    finally:
        _reading.reset(token)


_NUMBER = r"\d+(?:\.\d+)?"
_UNITS: Final = re.compile(
    rf"(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m(?:in)?(?!s))?(?:(?P<s>{_NUMBER})s(?:ec)?)?"
    rf"(?:(?P<ms>{_NUMBER})ms)?(?:(?P<us>{_NUMBER})(?:us|µs|μs))?(?:(?P<f>{_NUMBER})f)?",
    re.ASCII,
)
_CLOCK: Final = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,6}))?", re.ASCII)
_FACTORS: Final = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}


def parse_time(value: object) -> int:
    """Read a time.

    Args:
        value: A number (the document's unit), a string with a unit, or a `Us`.

    Returns:
        Microseconds, 0 to `LONGEST_US`.

    Raises:
        PydanticCustomError: Not a time; the type is `time_*` and names the message for people.
    """
    if type(value) is Us:
        micros = int(value)
    elif isinstance(value, bool):
        raise PydanticCustomError("time_boolean", "true/false is not a time")
    elif isinstance(value, (int, float)):
        exact = value * _reading.get()[0]
        if isinstance(exact, float) and not math.isfinite(exact):
            raise PydanticCustomError("time_not_finite", "{value} is not a time", {"value": str(value)})
        micros = round(exact)
    elif isinstance(value, str):
        micros = _from_text(value)
    else:
        raise PydanticCustomError(
            "time_type", "a time is a number or a string", {"value": type(value).__name__}
        )
    if micros < 0:
        raise PydanticCustomError("time_negative", "a time cannot be negative", {"value": str(value)})
    if micros > LONGEST_US:
        raise PydanticCustomError("time_too_long", "longer than a day", {"value": str(value)})
    return micros


def _from_text(text: str) -> int:
    given = text.strip().lower().replace(" ", "")
    if not given:
        raise PydanticCustomError("time_empty", "an empty string is not a time")
    if given.startswith("-"):
        raise PydanticCustomError("time_negative", "a time cannot be negative", {"value": text})
    if re.fullmatch(_NUMBER, given, re.ASCII):
        raise PydanticCustomError("time_without_unit", "a string needs a unit", {"value": text})
    if len(given) <= 64:
        if clock := _CLOCK.fullmatch(given):
            hours, minutes, seconds, fraction = clock.groups()
            whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
            return whole * 1_000_000 + int((fraction or "0").ljust(6, "0"))
        if match := _UNITS.fullmatch(given):
            return round(sum(_amount(unit, text) for unit, text in match.groupdict().items() if text))
    raise PydanticCustomError("time_unreadable", "not a time", {"value": text})


def _amount(unit: str, text: str) -> Decimal:
    if unit == "f":
        return Decimal(text) * 1_000_000 / Decimal(str(_reading.get()[1]))
    return Decimal(text) * _FACTORS[unit]


_TIME_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
    "description": "Seconds as a number, or a string with its unit: 1.5s, 500ms, 00:01:02.5, 90f",
}
TimeUS = Annotated[int, BeforeValidator(parse_time), WithJsonSchema(_TIME_SCHEMA)]
"""A time in a spec: microseconds inside, seconds or a string with a unit at the edge."""


_strangers: ContextVar[list[int] | None] = ContextVar("strangers", default=None)


def _count(value: Any) -> Any:
    if (count := _strangers.get()) is not None:
        count[0] += 1
    return value


class SpecModel(BaseModel):
    """Base of all parts of a spec."""

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        use_attribute_docstrings=True,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
        coerce_numbers_to_str=True,
    )
    __pydantic_extra__: dict[str, Annotated[Any, BeforeValidator(_count)]]


class Range(SpecModel):
    """A stretch of time. Give `duration` or `end`, not both."""

    start: TimeUS | None = None
    """Where it begins. On a track, left out means: right after the clip before."""
    duration: TimeUS | None = None
    """How long it lasts."""
    end: TimeUS | None = None
    """Where it ends; an alternative to `duration`."""

    @model_validator(mode="after")
    def _one_end(self) -> Range:
        if self.end is not None:
            begin = self.start or 0
            if self.duration is not None and begin + self.duration != self.end:
                raise PydanticCustomError("range_twice", "duration and end contradict each other")
            if self.end <= begin:
                raise PydanticCustomError("range_backwards", "the end is not after the start")
        elif self.duration == 0:
            raise PydanticCustomError("range_empty", "the duration is zero")
        return self

    @classmethod
    def of_us(cls, start: int | None = None, duration: int | None = None, end: int | None = None) -> Range:
        """A range from microseconds, whatever the unit of the document is."""

        given = {"start": start, "duration": duration, "end": end}
        return cls.model_validate({name: us(value) for name, value in given.items() if value is not None})

    @property
    def length_us(self) -> int | None:
        """Its length in microseconds; None when only the start is known."""
        return self.end - (self.start or 0) if self.end is not None else self.duration


@contextmanager
def counting_strangers() -> Iterator[list[int]]:
    """Count the unknown fields read in this block, as the one item of a list."""
    token = _strangers.set(count := [0])
    try:
        yield count
    finally:
        _strangers.reset(token)


def unknown_fields(part: Any, path: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Fields that no part of the spec knows.

    Yields:
        (path of the part, name of the field, names that the part does know).
    """
    if isinstance(part, SpecModel):
        if part.model_extra:
            known = frozenset(f.alias or name for name, f in type(part).model_fields.items())
            for name in part.model_extra:
                yield path, name, known
        # The instance dict holds fields only; extras are apart.
        for name, value in part.__dict__.items():
            if isinstance(value, (SpecModel, tuple, dict)):
                step = type(part).model_fields[name].alias or name
                yield from unknown_fields(value, f"{path}.{step}" if path else step)
    elif isinstance(part, tuple):
        for index, value in enumerate(part):
            if isinstance(value, SpecModel):
                yield from unknown_fields(value, f"{path}[{index}]")
    elif isinstance(part, dict):
        for key, value in part.items():
            if isinstance(value, SpecModel):
                yield from unknown_fields(value, f"{path}.{key}")
