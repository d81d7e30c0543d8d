"""Plain objects that turn a user's intent into calls of the engine, and the state folded from its events.

A controller is handed the engine's port, the pane it updates and the widget that hosts its workers, dialogs
and notices. It draws nothing and knows neither the app nor the main screen.
"""
