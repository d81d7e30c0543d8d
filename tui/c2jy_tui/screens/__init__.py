"""The screens that open over the panes: a dialog, a detail, a question; each gets what it shows and answers.

A screen must not know the app or the pane that opened it.
"""
