"""Captions: read in any format, fitted to narration, made into tracks, and taken out of drafts again.

Knows times and words. Must not know where a file comes from, nor how a draft's JSON is written.
"""
