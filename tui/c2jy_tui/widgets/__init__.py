"""Widgets and drawing helpers that several panes and screens use."""
