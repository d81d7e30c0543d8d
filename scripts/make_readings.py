"""Writes readings.tsv: run `python scripts/make_readings.py` after an update of pyJianYingDraft.

The pinyin is computed here and not at run time: pypinyin picks the right one of several readings of a
character, but loading its dictionary costs 0.4 s and 45 MB (0.55.0, CPython 3.11).
"""

from __future__ import annotations

from c2jy_bridge.drafts.compile.names import CATALOGUES, title
from c2jy_bridge.drafts.resources.search import READINGS, has_chinese, plain


def readings() -> str:
    """The table: a name, a tab, its syllables; `ü` is written `v`, as it is typed."""
    from pypinyin import lazy_pinyin

    names = sorted({title(member) for catalogue in CATALOGUES.values() for member in catalogue})
    lines = []
    for name in names:
        if has_chinese(name):
            syllables = [part for syllable in lazy_pinyin(name) if (part := plain(syllable))]
            lines.append(f"{name}\t{' '.join(syllables)}\n")
    return "".join(lines)


if __name__ == "__main__":
    READINGS.write_text(readings(), encoding="utf-8", newline="\n")
