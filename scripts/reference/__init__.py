"""Reference pages in Markdown, generated from the code so that they agree with it."""

from reference.pages import reference_pages

__all__ = ["reference_pages"]
