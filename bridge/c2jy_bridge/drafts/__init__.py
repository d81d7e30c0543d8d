"""Drafts: from one declarative document to a verified JianYing draft folder, and the list of those folders.

The only room that knows pyJianYingDraft. Must not know Coze, the local plugin or a screen.
"""
