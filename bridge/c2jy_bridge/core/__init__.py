"""The ground floor: events, settings, catalogues and other plain things that every room may use.

It knows no other room.
"""
