"""What every part of a spec has in common: frozen, unknown fields kept so that they can be reported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from c2jy_bridge.drafts.spec.times import TimeUS

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
        from c2jy_bridge.drafts.spec.times import us

        given = {"start": start, "duration": duration, "end": end}
        return cls.model_validate({name: us(value) for name, value in given.items() if value is not None})

    @property
    def length_us(self) -> int | None:
        """Its length in microseconds; None when only the start is known."""
        return self.end - (self.start or 0) if self.end is not None else self.duration


@contextmanager
def counting_strangers() -> Iterator[list[int]]:
    """How many unknown fields are met in this block, as the one item of a list: usually none, so that nobody
    has to look for them."""
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
