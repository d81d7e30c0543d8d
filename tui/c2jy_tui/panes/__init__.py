"""The panes of the screen, a folder each: widgets that are views of the engine's events.

A pane is handed events by `show` and an engine by `load`; it must not know the app, nor another pane.
"""
