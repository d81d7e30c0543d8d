"""Draft folders on the disk: names, staging, media, meta file, verification, one rename.

Knows JianYing's files and this machine's file system. Must not know where media come from or what a clip is.
"""
