"""Drafts on disk: list, inspect, trash, pack and relocate the folders that are there."""
