"""The UI and command line of c2jy-tui: draws the engine's events and sends the user's intents to it."""
