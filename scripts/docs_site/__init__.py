"""Builds the documentation's site, English and Chinese: `make docs`.

The pages are the README, `docs/`, `examples/` and what `reference` generates from the code. They are laid
out in a folder for each language, under the same names, and mkdocs builds each folder.
"""
