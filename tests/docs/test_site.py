"""The documentation's site: built without a warning, complete in both languages, nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from c2jy_bridge.core.settings import Settings
from docs_site.layout import lay_out
from reference import from_models, from_words, reference_pages
from reference.pages import plain

ROOT = Path(__file__).resolve().parents[2]


class Resources(HTMLParser):
    """Addresses that a browser fetches by itself when it opens the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        fetched = tag in ("script", "img", "iframe", "source") or (
            tag == "link" and named.get("rel") not in ("canonical", "alternate", "next", "prev")
        )
        if fetched:
            self.found += [value for name in ("src", "href") if (value := named.get(name))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "docs_site", str(target)], cwd=ROOT / "scripts", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return target


@pytest.mark.slow
def test_the_site_is_built_in_both_languages_without_a_warning(site: Path) -> None:
    english = {path.relative_to(site).as_posix() for path in site.rglob("*.html") if "zh" not in path.parts}
    chinese = {path.relative_to(site / "zh").as_posix() for path in (site / "zh").rglob("*.html")}
    assert english == chinese
    assert {"index.html", "guide.html", "reference/settings.html", "reference/messages.html"} <= english
    assert 'lang="zh"' in (site / "zh" / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        resources = Resources()
        resources.feed(page.read_text(encoding="utf-8"))
        assert [name for name in resources.found if re.match(r"(https?:)?//", name)] == [], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


@pytest.fixture(scope="module", params=["en", "zh"])
def pages(request: pytest.FixtureRequest) -> dict[str, str]:
    return reference_pages(request.param)


@pytest.mark.slow
def test_every_setting_field_event_key_and_message_is_on_its_page(pages: dict[str, str]) -> None:
    for name, field in Settings.model_fields.items():
        assert f"`{name}`" in pages["settings.md"] or f"[{name}]" in pages["settings.md"]
        for below in getattr(field.annotation, "model_fields", ()):
            assert f"| `{below}` |" in pages["settings.md"]
    for model in from_models.spec_models():
        assert f"## {model.__name__}\n" in pages["spec.md"]
    assert {"DraftSpec", "Track", "TextClip", "TextStyle", "Keyframe", "Crop"} <= {
        model.__name__ for model in from_models.spec_models()
    }
    for name in ("turn_completed", "tool_call_finished", "workflow_asked", "Problem"):
        assert f"## {name}\n" in pages["events.md"]
    for key in ("app.quit", "drafts.pack", "requests.retry", "approval.always"):
        assert f"`{key}`" in pages["keys.md"]
    for code in ("unauthorized", "disk_full", "time_without_unit", "port_taken"):
        assert f"`{code}` |" in pages["messages.md"], code
    for tool in ("generate_draft", "search_resources", "bridge_execute", "append_scenes"):
        assert f"## {tool}\n" in pages["tools.md"]
    assert "## POST /v1/requests\n" in pages["http.md"]
    assert "`128+n`" in pages["commands.md"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_message_with_advice_is_found_by_its_words(language: Any) -> None:
    page = from_words.messages(language)
    for domain, texts in from_words.catalogues(language):
        for key, text in texts.items():
            if (
                key.startswith(("issue.", "error.", "failure.", "http.", "problem."))
                and domain != "bridge_pane"
            ):
                longest = max(re.split(r"\{[^{}]*\}", text), key=len)
                assert plain(longest.strip()) in page, (domain, key)


@pytest.mark.parametrize(
    ("language", "page"), [("en", "troubleshooting.md"), ("zh", "troubleshooting.zh-CN.md")]
)
def test_the_troubleshooting_page_quotes_messages_as_the_app_says_them(language: Any, page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    quoted = re.findall(r'^### ["“](.+)["”]$', text, re.MULTILINE)
    assert len(quoted) >= 10
    messages = from_words.messages(language)
    assert [quote for quote in quoted if f"| {plain(quote)} |" not in messages] == []


@pytest.mark.slow
def test_links_lead_to_pages_of_the_same_language(tmp_path: Path) -> None:
    for language in ("en", "zh"):
        for name in lay_out(language, tmp_path / language):
            text = (tmp_path / language / name).read_text(encoding="utf-8")
            assert not re.search(r"\]\((?!http)[^)\s]*(\.zh-CN|\.\./README|docs/)", text), (language, name)
