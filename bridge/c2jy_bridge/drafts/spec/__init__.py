"""The `c2jy/1` document: what a draft shall be, as frozen pydantic models, and how it is read.

Times inside are integer microseconds; at the edge a bare number is seconds and a string carries its unit.
Knows nothing of pyJianYingDraft, of the network or of the disk: names of effects are only strings here.
"""
