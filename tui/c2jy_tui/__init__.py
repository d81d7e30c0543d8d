"""The face of c2jy-tui: draws the engine's events and sends the maker's intents."""
