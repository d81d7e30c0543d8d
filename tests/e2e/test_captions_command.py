"""Captions into a draft and out of it again, at the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
LRC = "[00:01.00]第一句\n[00:02.50]第二句\n[00:04.00]\n"


@pytest.mark.slow
def test_a_lyric_file_becomes_captions_and_comes_out_as_any_other_format(
    c2jy: Command, tmp_path: Path
) -> None:
    document = {"name": "歌", "subtitles": {"path": str(tmp_path / "song.lrc")}}
    (tmp_path / "song.lrc").write_bytes(LRC.encode("gbk"))
    (tmp_path / "song.json").write_text(json.dumps(document), encoding="utf-8")
    root = ("--drafts-root", tmp_path / "out")
    allowed = {"C2JY_MATERIALS__FOLDERS": json.dumps([str(tmp_path)])}
    built = c2jy("draft", "build", tmp_path / "song.json", *root, **allowed)
    assert built.status == 0, built.err

    srt = c2jy("draft", "captions", "歌", *root)
    assert srt.out == (
        "1\n00:00:01,000 --> 00:00:02,500\n第一句\n\n2\n00:00:02,500 --> 00:00:04,000\n第二句\n"
    )
    assert c2jy("draft", "captions", "歌", "--to", "lrc", *root).out == LRC
    out = tmp_path / "song.ass"
    written = c2jy("draft", "captions", "歌", "--to", "ass", "--out", out, *root)
    assert (written.status, str(out) in written.out) == (0, True)
    before = out.read_text("utf-8")
    assert "第一句" in before

    again = c2jy("draft", "captions", "歌", "--to", "txt", "--out", out, *root)
    assert (again.status, out.read_text("utf-8")) == (1, before)
    unknown = c2jy("draft", "captions", "歌", "--track", "none", *root)
    assert (unknown.status, unknown.out) == (1, "")
