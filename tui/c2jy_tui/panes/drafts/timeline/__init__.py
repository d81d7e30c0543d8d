"""A draft's tracks drawn to scale: pure geometry below, one line-drawn widget above.

It knows `TrackView` and cells; it must not know where a draft comes from or what can be done with it.
"""

from c2jy_tui.panes.drafts.timeline.view import TimelineView

__all__ = ["TimelineView"]
