"""Progress, results and options of work on drafts.

In core like `views`, so that a screen needs nothing from the packages that do the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from c2jy_bridge.core.events import Issue
from c2jy_bridge.core.views import DraftView

TimeUnitName = Literal["us", "ms", "s"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long job is; `done` and `total` count `unit`s, `total` is None while it is not known."""

    message: str
    done: int
    total: int | None
    unit: Literal["bytes", "items"]


OnProgress = Callable[[Progress], None]
"""Called on the event loop, at most about ten times a second, and once at the end."""


class DraftError(ValueError):
    """No draft was made, or nothing could be done with it.

    `issues` holds every reason that was found, at least one; `str()` is their messages.
    """

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.issues: tuple[Issue, ...] = tuple(issues)
        lines = (f"{i.path}: {i.message}" if i.path else i.message for i in self.issues)
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class BuiltDraft:
    """One draft that was made, verified and published; or only tried, in a dry run."""

    draft_id: str
    name: str
    path: str
    """The folder; empty in a dry run."""
    duration_us: int
    tracks: int
    clips: int
    media: int
    """Files."""
    issues: tuple[Issue, ...] = ()
    """What in its part of the document was not done exactly as asked."""
    archive: str = ""
    """The zip that was asked for; empty when none was, or it could not be written."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """All drafts of a document, and what there is to say about the document as a whole."""

    drafts: tuple[BuiltDraft, ...]
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Packed:
    """A zip of one draft or several."""

    path: str
    drafts: tuple[str, ...]
    root: str
    """The drafts folder that the media are spelled for in it; empty when they name none."""
    files: int
    size_bytes: int
    """Of the zip."""
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaceView:
    """A drafts folder that a draft may be spelled for."""

    app: Literal["jianying", "capcut"]
    system: Literal["here", "windows", "macos"]
    """`here`: found on this machine; else where the app keeps drafts on such a one unless it was moved."""
    path: str
    """As the app spells it; `<name>` in it stands for the account of whoever uses that machine."""


@dataclass(frozen=True, slots=True)
class PackingView:
    """What there is to choose before a draft is packed."""

    spelled_for: str
    """The drafts folder that its media are spelled for now; empty when that cannot be seen."""
    places: tuple[PlaceView, ...]
    out: str
    """The folder for zips when no other is named."""


@dataclass(frozen=True, slots=True)
class OriginView:
    """What a draft can be built from again."""

    resaved: bool
    """Its main file was written after we built it: changes made in JianYing are in that file only."""
    unit: TimeUnitName | None = None
    """The unit in which the numbers of a Coze2JianYing export were read; None for other documents."""
    lengths_us: Mapping[TimeUnitName, int] = field(default_factory=dict)
    """How long the draft is in each unit, microseconds."""
    evidence: Issue | None = None
    """What the unit was decided by."""


@dataclass(frozen=True, slots=True)
class TrashedView:
    """One draft in the trash."""

    ticket: str
    draft: DraftView
    """As it lies in the trash, under the name that it had."""
    root: str
    """The drafts folder that it came from."""
    trashed_at: float
    """Unix seconds."""
