"""A template in the shape of JianYing 5.9, and what fills it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app_drafts import Content, jianying_59, read, write
from c2jy_bridge.core.draft_views import BuiltDraft
from c2jy_bridge.drafts import DraftBuilder, Library
from c2jy_bridge.drafts.template.filler import TemplateFiller

FillIt = Callable[..., Any]


@pytest.fixture
def template(tmp_path: Path, media: Path) -> Path:
    return write(
        tmp_path / "drafts" / "template",
        jianying_59(*(str(media / name) for name in ("wide.png", "video.mp4", "sound.wav"))),
        [{"file_Path": str(media / "wide.png"), "id": "L1", "metetype": "photo"}],
    )


@pytest.fixture
def filler(builder: DraftBuilder, library: Library) -> TemplateFiller:
    return TemplateFiller(builder, library, lambda: 1_760_000_000.0)


@pytest.fixture
def fill(filler: TemplateFiller, template: Path) -> FillIt:
    """Fills the template; gives the new draft and its content."""

    async def one(values: Any, name: str = "new", **options: Any) -> tuple[BuiltDraft, Content]:
        done = await filler.fill("template", values, name, **options)
        return done, read(Path(done.path, "draft_content.json"))

    return one
