"""From a document to published drafts: reads, fetches, compiles, writes, registers and packs.

On top of spec, materials, compile and write, which must not know it.
"""

from c2jy_bridge.drafts.build.builder import DraftBuilder, ProbeResult

__all__ = ["DraftBuilder", "ProbeResult"]
