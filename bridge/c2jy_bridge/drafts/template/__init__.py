"""Templates: a draft that a person made is filled with other media and texts, and becomes a new draft.

Works on the JSON itself and keeps the bytes of everything that is not filled, so nothing is lost that this
program does not know. Must not know Coze, the local plugin or a screen.
"""
