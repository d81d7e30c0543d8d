"""The full screens and the dialogs over them; a dialog is handed what it shows and returns an answer.

A screen must not know the app or the pane that opened it.
"""
