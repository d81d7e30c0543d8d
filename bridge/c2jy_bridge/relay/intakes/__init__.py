"""Intakes: HTTP, a mailbox conversation, and workflows run from here. The first two submit to RequestService.

An intake knows its own wire and the service; it must not know how a request is run.
"""
