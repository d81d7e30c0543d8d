"""The engine of c2jy-tui: everything between a Coze Bot and a JianYing draft. It never imports a screen."""

__version__ = "0.1.0"
