"""Why a source cannot be had: a code inside the room, a sentence and a fix for people at its edge."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

from c2jy_bridge.core import i18n
from c2jy_bridge.core.safety import visible
from c2jy_bridge.drafts.materials.material import MaterialFailure

say = i18n.catalogue("materials")
_LONGEST = 80


class Refused(Exception):
    """This source cannot be had, and trying again will not help."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def failure(self, source: str) -> MaterialFailure:
        """The words for it, in the language in use."""
        values = {"source": shown(source), **self.values}
        return MaterialFailure(
            source=source,
            code=self.code,
            message=say(f"failure.{self.code}", **values),
            fix=say(f"fix.{self.code}", **values),
        )


class Passing(Refused):
    """This try failed, another may not; `retry_after_s` is how long the server asked to be left alone."""

    def __init__(self, code: str, retry_after_s: float | None = None, **values: object) -> None:
        super().__init__(code, **values)
        self.retry_after_s = retry_after_s


def shown(source: str) -> str:
    """`source` short enough for a sentence, and without its query: signed links carry secrets there."""
    if source[:5].lower() == "data:":
        return source[:24] + "…"
    if "://" in source[:10]:
        parts = split(source)
        # Of what cannot be taken apart, at least nothing that may be a password or a signature.
        unclear = source.partition("://")[2].partition("?")[0].rpartition("@")[2]
        source = f"{parts.hostname or ''}{unquote(parts.path)}" if parts else unclear
    text = visible(source, newlines=False)
    return text if len(text) <= _LONGEST else f"{text[:30]}…{text[-(_LONGEST - 31) :]}"


def split(source: str) -> SplitResult | None:
    """The parts of a link; None for one that is none, as `http://[` or a host of forbidden characters."""
    try:
        return urlsplit(source)
    except ValueError:
        return None
