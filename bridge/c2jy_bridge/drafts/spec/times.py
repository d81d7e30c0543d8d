"""Times as people and models write them, read into integer microseconds.

A bare number has the document's unit (seconds unless it says otherwise); a string carries its own:
`1.5s`, `500ms`, `1500000us`, `1m2.5s`, `00:01:02.500`, `90f` (frames).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, WithJsonSchema
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


def clock(micros: int) -> str:
    """Microseconds for people: `0:03.5`, `1:02:03`."""
    seconds, fraction = divmod(micros, 1_000_000)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    tail = f".{fraction:06}".rstrip("0") if fraction else ""
    return f"{head}:{seconds:02}{tail}"


_TIME_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
    "description": "Seconds as a number, or a string with its unit: 1.5s, 500ms, 00:01:02.5, 90f",
}
TimeUS = Annotated[int, BeforeValidator(parse_time), WithJsonSchema(_TIME_SCHEMA)]
"""A time in a spec: microseconds inside, seconds or a string with a unit at the edge."""
