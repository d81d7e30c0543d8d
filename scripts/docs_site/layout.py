"""Lays out the Markdown pages of one language under names that both languages share."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from reference import reference_pages

Language = Literal["en", "zh"]

ROOT: Final = Path(__file__).resolve().parents[2]
_SUFFIX: Final = {"en": "", "zh": ".zh-CN"}
_SOURCES: Final = {
    "README": "index",
    "CONTRIBUTING": "contributing",
    "CHANGELOG": "changelog",
    "LICENSE": "license",
}
"""Files in the project's folder, by the page that each becomes."""
_LINK: Final = re.compile(r"(\]\()(?!https?:|mailto:|#)([^)#\s]+)((?:#[^)\s]*)?\))")
_OTHER_LANGUAGE: Final = re.compile(r"^\[(?:中文|English)\]\(.*\n\n?", re.MULTILINE)
_ENGLISH_ONLY: Final = '!!! note ""\n    本页目前只有英文。\n\n'


def lay_out(language: Language, target: Path) -> list[str]:
    """Write all pages and pictures of a language into `target`, which is replaced.

    Returns:
        The pages' names relative to `target`, with `/`.
    """
    shutil.rmtree(target, ignore_errors=True)
    texts: dict[str, str] = {}
    for name, page in _SOURCES.items():
        texts[f"{page}.md"] = _top_page(name, language)
    for path in sorted((ROOT / "docs").glob("*.md")):
        if not path.stem.endswith(".zh-CN"):
            texts[path.name] = _page(path, language)
    texts["examples.md"] = _page(ROOT / "examples" / "README.md", language)
    texts |= {f"reference/{name}": text for name, text in reference_pages(language).items()}
    for name, text in texts.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "images", target / "images")
    return sorted(texts)


def _top_page(name: str, language: Language) -> str:
    if name == "LICENSE":
        return f"# Apache-2.0\n\n```text\n{(ROOT / name).read_text(encoding='utf-8').strip()}\n```\n"
    return _page(ROOT / f"{name}.md", language)


def _page(path: Path, language: Language) -> str:
    own = path.with_name(f"{path.stem}{_SUFFIX[language]}.md")
    there = own if own.is_file() else path
    text = _OTHER_LANGUAGE.sub("", there.read_text(encoding="utf-8"), count=1)
    if language == "zh" and there == path:
        title, _, rest = text.partition("\n\n")
        text = f"{title}\n\n{_ENGLISH_ONLY}{rest}"
    folder = PurePosixPath(path.relative_to(ROOT).parent.as_posix())
    return _LINK.sub(lambda link: link[1] + page_link(folder, link[2]) + link[3], text)


def page_link(folder: PurePosixPath, target: str) -> str:
    """Where a link in a file of `folder` leads on the site: the page of its file, in the page's language."""
    parts: list[str] = []
    for part in (folder / target).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    path = PurePosixPath(*parts)
    stem = path.stem.removesuffix(".zh-CN")
    if path.parts[0] == "examples":
        return "examples.md"  # also for the media's licences, which have no page
    if path.parts[0] == "docs":
        relative = path.relative_to("docs").with_name(stem + path.suffix)
        return relative.as_posix()
    return f"{_SOURCES[stem]}.md" if stem in _SOURCES else target
