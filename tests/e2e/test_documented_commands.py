"""Every code block of the documentation is run: commands typed, documents built, settings read.

One that cannot be run here says why in an HTML comment above it: `not run: …` or `not built: …`.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "examples/*.md")
    for path in ROOT.glob(pattern)
    if path.name != "CHANGELOG.md"
)
ELSEWHERE = {
    "yaml": "tests/unit/coze_emulator/test_docs.py",
    "ini": "tests/unit/relay/test_docs.py",
    "javascript": "tests/unit/relay/test_docs.py",
}
"""Languages whose blocks have a test of their own."""


@dataclass(frozen=True)
class Block:
    """A code block with the comment above it."""

    page: str
    line: int
    language: str
    comment: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    pattern = r"^( *)(?:<!-- (?P<comment>.*?) -->\n\1)?```(?P<language>\w+)\n(?P<text>.*?)^\1```$"
    for found in re.finditer(pattern, text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, found.start()) + 1
        inside = re.sub(rf"^{found[1]}", "", found["text"], flags=re.MULTILINE)
        yield Block(page, line, found["language"], found["comment"] or "", inside)


BLOCKS = [block for page in PAGES for block in blocks(page)]
RUN = [block for block in BLOCKS if block.language == "sh" and not block.comment.startswith("not run: ")]
BUILT = [
    block for block in BLOCKS if block.language == "json" and not block.comment.startswith("not built: ")
]


@pytest.fixture
def here(
    tmp_path: Path, environment: dict[str, str], command: Path, c2jy: Callable[..., Any]
) -> dict[str, str]:
    """The environment of a user who has the examples and the files that the pages name in this folder."""
    shutil.copytree(ROOT / "examples", tmp_path, dirs_exist_ok=True)
    for name, source in {
        "story.json": "picture-story.json",
        "export.json": "coze2jianying-export.json",
        "values.json": "template-values.json",
        "内容.json": "template-values.json",
    }.items():
        shutil.copyfile(tmp_path / source, tmp_path / name)
    for name in ("table.csv", "表格.csv"):
        (tmp_path / name).write_text("title,text1\nfirst,一\nsecond,二\n", encoding="utf-8")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "c2jy-tui").symlink_to(command)
    environment |= {
        "C2JY_DRAFTS__ROOT": str(tmp_path / "drafts"),
        "PATH": f"{programs}:{environment['PATH']}",
        "TERM": "xterm-256color",
    }
    return environment


@contextmanager
def bridge(environment: dict[str, str]) -> Iterator[int]:
    """A bridge of the demo; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    words = ["c2jy-tui", "bridge", "serve", "--demo", "--relay", "direct", "--port", str(port)]
    process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def emulator(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The emulator in place of Coze; yields the variables that it prints."""
    words = ["c2jy-tui", "emulator", "--port", "0"]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = "".join(process.stdout.readline() for _ in range(4))
        yield dict(re.findall(r"(\w+)=(\S+)", printed))
        process.send_signal(signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", RUN, ids=str)
def test_the_commands_of_a_page_succeed(
    block: Block, here: dict[str, str], tmp_path: Path, c2jy: Callable[..., Any]
) -> None:
    script = block.text
    for name in ("NAME", "名称"):
        if name in script:
            assert c2jy("draft", "build", "template.json", "--name", name, **here).status == 0

    def run(**more: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path, env={**here, **more}, capture_output=True, text=True, encoding="utf-8",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    if block.comment == "run: with bridge":
        with bridge(here) as port:
            script = script.replace("127.0.0.1:8765", f"127.0.0.1:{port}")
            script = script.replace("$(c2jy-tui bridge", "$(c2jy-tui --demo bridge").replace(
                "curl ", "curl -sf "
            )
            run()
    elif "COZE_API_TOKEN" in script:
        with emulator(here) as coze:
            script = re.sub(r"(COZE_\w+)=\S+", lambda found: f"{found[1]}={coze[found[1]]}", script)
            run(COZE_API_BASE=coze["COZE_API_BASE"])
    else:
        run()
    assert block.comment in ("", "run: with bridge")


@pytest.mark.slow
@pytest.mark.parametrize("block", BUILT, ids=str)
def test_the_documents_of_a_page_become_verified_drafts(
    block: Block, here: dict[str, str], tmp_path: Path, c2jy: Callable[..., Any]
) -> None:
    (tmp_path / "block.json").write_text(block.text, encoding="utf-8")
    built = c2jy("draft", "build", "block.json", "--json", **here)
    assert built.status == 0, built.out + built.err
    (draft,) = json.loads(built.out)["drafts"]
    assert [issue for issue in draft["issues"] if issue["severity"] != "info"] == []
    checked = c2jy("draft", "check", draft["name"], "--json", **here)
    assert (checked.status, json.loads(checked.out)["issues"]) == (0, [])


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "toml"], ids=str)
def test_the_settings_of_a_page_are_taken(block: Block, tmp_path: Path, c2jy: Callable[..., Any]) -> None:
    (tmp_path / "config.toml").write_text(block.text, encoding="utf-8")
    shown = c2jy("--config", tmp_path / "config.toml", "config", "show")
    assert shown.status == 0, shown.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.language == "python" and not block.comment], ids=str
)
def test_the_tools_of_a_page_run(block: Block, tmp_path: Path, c2jy: Callable[..., Any]) -> None:
    (tmp_path / "config.toml").touch()
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "own.py").write_text(block.text, encoding="utf-8")
    called = c2jy(
        *("--config", tmp_path / "config.toml", "tools", "call", "word_count", '{"text": "a bc"}', "--yes")
    )
    assert (called.status, json.loads(called.out)["words"]) == (0, 2), called.err


def test_what_is_not_run_says_why_and_is_counted() -> None:
    """A new block is run, or has a reason here and in the page."""
    left_out = [b for b in BLOCKS if re.match(r"not (run|built): .{10,}", b.comment)]
    skipped = [b for b in BLOCKS if re.match(r"not (run|built)", b.comment)]
    assert left_out == skipped
    count = Counter((b.page.removesuffix(".md").removesuffix(".zh-CN"), b.language) for b in left_out)
    assert count == {
        ("CONTRIBUTING", "sh"): 2,
        ("README", "sh"): 4,
        ("docs/bridge", "json"): 2,
        ("docs/cookbook", "json"): 2,
        ("docs/emulator", "sh"): 4,
        ("docs/guide", "json"): 4,
        ("docs/guide", "sh"): 8,
        ("docs/reliability", "sh"): 1,
        ("docs/studio", "ini"): 2,
        ("docs/studio", "sh"): 4,
        ("docs/studio", "yaml"): 2,
    }
    known = {"sh", "json", "toml", "python", "text", *ELSEWHERE}
    assert [b for b in BLOCKS if b.language not in known] == []
    assert all((ROOT / test).is_file() for test in ELSEWHERE.values())
    assert [b for b in BLOCKS if b.language == "python" and b.comment and "code node" not in b.comment] == []
    assert len(RUN) >= 30
