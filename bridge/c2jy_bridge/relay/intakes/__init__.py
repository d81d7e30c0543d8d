"""The ways in: HTTP, a mailbox conversation, workflows run from here. Each only asks at the desk.

An intake knows its own wire and the desk; it must not know how a request is carried out.
"""
