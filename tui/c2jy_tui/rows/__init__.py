"""A list of rows in columns that draws only what is seen, so that 10,000 rows cost as much as thirty.

It knows widths in terminal cells and a cursor; it must not know what the rows are about.
"""

from c2jy_tui.rows.columns import Cell, Column, Row, Tone, clip, clip_start, fit
from c2jy_tui.rows.list_pane import ListPane
from c2jy_tui.rows.row_list import RowList

__all__ = ["Cell", "Column", "ListPane", "Row", "RowList", "Tone", "clip", "clip_start", "fit"]
