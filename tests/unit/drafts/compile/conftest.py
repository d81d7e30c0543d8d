"""The same draft twice: by pyJianYingDraft alone, as its users write, and from our document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyJianYingDraft as jy
import pytest

from c2jy_bridge.core.settings import DraftSettings
from c2jy_bridge.drafts import DraftBuilder

_ID = re.compile(r"[0-9a-f]{32}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ASIDE = frozenset({"path", "local_material_id"})


def without_ids(content: dict[str, Any]) -> dict[str, Any]:
    """A draft's content with ids numbered in the order of the tracks, paths and the draft's own name aside.

    A reference that leads nowhere is left out: the library gives each text and sticker one to a speed that it
    never writes.
    """
    known = {m["id"] for group in content["materials"].values() for m in group if isinstance(m, dict)}
    for track in content["tracks"]:
        for segment in track["segments"]:
            if "extra_material_refs" in segment:
                segment["extra_material_refs"] = [r for r in segment["extra_material_refs"] if r in known]
    numbers: dict[str, str] = {}

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: json.loads(item) if key == "content" and str(item).startswith("{") else walk(item)
                for key, item in value.items()
                if key not in _ASIDE
            }
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, str) and _ID.fullmatch(value):
            return numbers.setdefault(value, f"#{len(numbers)}")
        return value

    tracks = walk(content["tracks"])
    rest = walk({key: value for key, value in content.items() if key not in ("tracks", "id", "name")})
    return {"tracks": tracks, **rest}


def _read(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "draft_content.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture
def same(tmp_path: Path, make_builder: Callable[..., DraftBuilder]) -> Callable[..., Any]:
    """Builds both and compares them, with what ours adds (`beyond`); hands back the issues of ours."""
    builder = make_builder(DraftSettings(media_paths="absolute"))

    async def compare(
        document: dict[str, Any],
        plain: Callable[[Any], None],
        beyond: Callable[[dict[str, Any]], None] = lambda expected: None,
    ) -> list[Any]:
        width, height = document.get("width", 1920), document.get("height", 1080)
        (tmp_path / "plain").mkdir(exist_ok=True)
        script = jy.DraftFolder(str(tmp_path / "plain")).create_draft("plain", width, height)
        plain(script)
        script.save()
        expected = _read(tmp_path / "plain" / "plain")
        beyond(expected)
        report = await builder.build({"schema": "c2jy/1", "name": "ours", **document})
        got = _read(Path(report.drafts[0].path))
        assert without_ids(got) == without_ids(expected)
        return list(report.drafts[0].issues)

    return compare
