"""Converts exports of Coze2JianYing to our spec. Knows JSON and exports, no network and no disk.

    drafts = parse(document, time_unit="auto")     # a list of Imported; raises DraftError and nothing else
    for imported in drafts:
        imported.spec        # DraftSpec, integer microseconds; spec.legacy is the original, verbatim
        imported.issues      # what was changed, guessed or has no place, each with its JSON path
        imported.unit        # UnitDecision: the unit its numbers were read in, why, and what else it could be
        imported.origins     # a path in the spec -> the path in the document, for what is found later

An export of Coze2JianYing does not say its time unit, and the strongest evidence is how long the media really
are. Those are known only after fetching, so the decision has a second, pure step:

        imported = imported.decide_unit({source: duration_us, ...})     # by Source.address; images left out

It returns the same object when nothing changes, which is always so for our own `c2jy/1` documents and for an
explicit `time_unit`. Sources do not depend on the unit, so nothing needs to be fetched again. To switch the
unit later: `parse(spec.legacy, time_unit="ms")`.

This room must not know how a draft is compiled or written.
"""

from c2jy_bridge.compat.coze2jianying.exports.imported import Imported, parse, read_document
from c2jy_bridge.compat.coze2jianying.exports.units import UnitDecision

__all__ = ["Imported", "UnitDecision", "parse", "read_document"]
