"""The project's own measurements, each against the plain thing a user would write, in one run.

    make bench                    all of them
    make bench ARGS="drafts"      some

Absolute times say little on a shared machine; the ratio of two times taken in turns says something.
"""
