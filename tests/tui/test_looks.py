"""What the screen looks like, as pictures that are compared: three sizes, two languages, dark and light.

And whatever is written can be read: the contrast of each letter is computed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.color import Color
from textual.pilot import Pilot

from c2jy_bridge.core.events import Problem
from c2jy_bridge.core.settings_file import SettingsEditor
from c2jy_bridge.core.views import ConversationView
from c2jy_tui import themes
from c2jy_tui.themes import Look
from contrast import RGB_THEMES, faint
from pane_host import NARROW, NORMAL, WIDE, snapshot_id, soon

QUESTION = {"en": "Make me a video about Chinese food", "zh": "帮我生成一个介绍中国美食的视频"}
THOUGHT = {"en": "Five scenes will do.", "zh": "五个镜头就够了。"}
ANSWER = {
    "en": """Here is the plan for **Chinese food**:

| Scene | Seconds |
|-------|--------:|
| Hotpot | 3.0 |
| Dumplings | 2.5 |

1. Pictures and a voice
2. Captions in `yellow`

```json
{"tracks": 5, "name": "food"}
```
""",
    "zh": """好的，**中国美食**的镜头安排如下：

| 镜头 | 秒 |
|------|---:|
| 火锅 | 3.0 |
| 小笼包 | 2.5 |

1. 画面和旁白
2. `黄色`字幕

```json
{"tracks": 5, "name": "美食"}
```
""",
}
DONE = {
    "en": "The draft is ready; open it in JianYing.",
    "zh": "草稿做好了，打开剪映就能看到。它会出现在草稿列表的最前面，可以接着改字幕和配乐。",
}
MORE = {"en": ("Other music?", "Make it shorter"), "zh": ("换一种背景音乐", "再短一点")}
NAME = {"en": "Chinese food", "zh": "中国美食"}

Scene = Callable[[Any, str], Awaitable[None]]


async def welcome(on: Any, lang: str) -> None:
    """Nothing was asked yet."""


async def running(on: Any, lang: str) -> None:
    """A tool runs, a question waits."""
    await on.ask(QUESTION[lang])
    await on.play(on.bot.started(QUESTION[lang]), on.bot.thinks(THOUGHT[lang]))
    on.clock.advance(3)
    await on.play(on.bot.said(ANSWER[lang]), on.bot.wants("generate_draft"), on.bot.runs())
    on.clock.advance(4)
    await on.play(on.bot.progresses("hotpot.mp4", 3, 12))
    await on.ask(MORE[lang][1])
    await on.tick()


async def talk(on: Any, lang: str) -> None:
    """A whole turn."""
    await running(on, lang)
    on.chat.set_queued("")
    await on.play(
        on.bot.wrote(NAME[lang]),
        on.bot.finished("generate_draft", elapsed_s=4.2),
        on.bot.said(DONE[lang], "m2"),
        on.bot.suggests(MORE[lang][0]),
        on.bot.suggests(MORE[lang][1]),
        on.bot.completed(),
    )


async def failure(on: Any, lang: str) -> None:
    """The turn broke; a part of the answer is there."""
    await on.ask(QUESTION[lang])
    await on.play(
        on.bot.started(QUESTION[lang]),
        on.bot.says(DONE[lang]),
        on.bot.recovered(),
        on.bot.failed(Problem("coze", "The Bot is not published.", "Publish it.", 4015, "20251009AB")),
    )


async def question(on: Any, lang: str) -> None:
    """A tool asks for leave."""
    await on.ask(QUESTION[lang])
    await on.play(
        on.bot.started(QUESTION[lang]),
        on.bot.wants("read_file"),
        on.bot.asks_leave("read_file", {"path": "/home/maker/笔记.txt", "max_bytes": 4096}, deadline_s=60.0),
    )


async def help_(on: Any, lang: str) -> None:
    """F1."""
    await on.press("f1")


async def sessions(on: Any, lang: str) -> None:
    """Ctrl+O."""
    on.engine.stored_conversations = [
        ConversationView("conv-1", QUESTION[lang], on.clock(), on.clock(), 3),
        ConversationView("conv-0", MORE[lang][0], on.clock() - 90_000, on.clock() - 86_400, 12),
    ]
    await on.press("ctrl+o")


async def narrow_inspector(on: Any, lang: str) -> None:
    """The other panes of a narrow screen are one key away."""
    await talk(on, lang)
    await on.press("f4")


async def settings_(on: Any, lang: str) -> None:
    """F9, a value that was refused."""
    await on.press("f9", "slash", *"bridge port", "enter", "enter", *"0", "enter")


async def themes_(on: Any, lang: str) -> None:
    """The choice of a theme."""
    await on.app.run_action("change_theme")
    await soon(on.pilot, lambda: on.app.screen is not on.main)


async def keys_(on: Any, lang: str) -> None:
    """The keys, two of them changed."""
    await on.app.run_action("settings('keys')")
    await soon(on.pilot, lambda: on.app.screen is not on.main)
    await on.press(*"bridge.toggle", "enter", "f5")


DARK, LIGHT, ANSI = "c2jy-dark", "c2jy-light", "ansi-dark"


@pytest.mark.parametrize(
    ("scene", "size", "lang", "theme"),
    [
        (welcome, WIDE, "en", DARK),
        (welcome, NORMAL, "zh", DARK),
        (welcome, NARROW, "en", DARK),
        (talk, WIDE, "zh", DARK),
        (talk, WIDE, "en", LIGHT),
        (talk, NORMAL, "en", DARK),
        (talk, NARROW, "zh", DARK),
        (talk, NORMAL, "zh", ANSI),
        (running, WIDE, "en", DARK),
        (failure, NORMAL, "en", DARK),
        (question, WIDE, "en", DARK),
        (question, NORMAL, "zh", DARK),
        (question, NARROW, "zh", LIGHT),
        (help_, WIDE, "zh", DARK),
        (sessions, NORMAL, "en", DARK),
        (narrow_inspector, NARROW, "zh", DARK),
        (settings_, WIDE, "zh", DARK),
        (settings_, NORMAL, "en", LIGHT),
        (settings_, NARROW, "zh", DARK),
        (themes_, NORMAL, "zh", DARK),
        (keys_, NARROW, "en", DARK),
    ],
    ids=snapshot_id,
)
def test_the_screen_looks_as_it_did(
    scene: Scene,
    size: tuple[int, int],
    lang: str,
    theme: str,
    snap_compare: Any,
    make_app: Any,
    stage_of: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text("[bridge]\nport = 9000\n")
    editor = SettingsEditor(Path("config.toml"), environment={"C2JY_BRIDGE__HOST": "localhost"})
    app = make_app(lang=lang, look=Look(theme=theme), edit_settings=lambda: editor)

    async def act(pilot: Pilot[None]) -> None:
        on = await stage_of(app, pilot)
        await scene(on, lang)
        await on.settle()

    assert snap_compare(app, terminal_size=size, run_before=act)


# --- contrast --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("theme", RGB_THEMES)
async def test_whatever_the_app_writes_can_be_read(theme: str, stage: Any, tmp_path: Path) -> None:
    found: set[str] = set()
    editor = SettingsEditor(tmp_path / "config.toml")
    async with stage(look=Look(theme=theme), edit_settings=lambda: editor) as on:
        for scene in (welcome, talk, failure):
            await scene(on, "en")
            found |= faint(on.app)
        await on.press("escape")
        for keys in (["f4"], ["f5"], ["f6"], ["f3", "shift+tab"], ["shift+tab"], ["f1"]):
            await on.press(*keys)
            found |= faint(on.app)
        await on.press("escape")
        for show in (settings_, keys_):
            await show(on, "en")
            found |= faint(on.app)
            await on.press("escape", "escape", "escape")
        await on.press("ctrl+p")
        found |= faint(on.app)
        await on.press("escape")
        on.app.notify("a notice", severity="error", title="b")
        on.app.notify("another", severity="warning")
        await sessions(on, "en")
        found |= faint(on.app)
    assert not found, "\n".join(sorted(found))


@pytest.mark.slow
@pytest.mark.parametrize("theme", RGB_THEMES)
async def test_a_question_can_be_read(theme: str, stage: Any) -> None:
    async with stage(look=Look(theme=theme)) as on:
        await question(on, "en")
        found = faint(on.app)
        assert not found, "\n".join(sorted(found))
        await on.press("escape")
        await running(on, "en")
        await on.press("f4")
        found = faint(on.app)
        assert not found, "\n".join(sorted(found))
        await help_(on, "en")
        found = faint(on.app)
        assert not found, "\n".join(sorted(found))


async def test_with_no_color_nothing_has_a_colour_and_the_cursor_is_seen(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage(look=Look(theme="c2jy-light")) as on:
        await talk(on, "en")
        await on.press("ctrl+p", "down", "up")
        await soon(on.pilot, lambda: "New conversation" in on.text)
        found = [
            segment
            for strip in on.app.screen._compositor.render_strips()
            for segment in strip.apply_filter(on.app._filters[-1], Color(0, 0, 0))
        ]
        styles = [segment.style for segment in found if segment.style is not None]
        assert {c.name for style in styles for c in (style.color, style.bgcolor) if c} == {"default"}
        marked = "".join(one.text for one in found if one.style is not None and one.style.underline)
        assert "New conversation" in marked


@pytest.mark.parametrize(
    ("named", "colours", "theme"),
    [
        ("auto", "truecolor", "c2jy-dark"),
        ("auto", "256", "c2jy-dark"),
        ("auto", "standard", "ansi-dark"),
        ("c2jy-light", "standard", "c2jy-light"),
    ],
)
def test_a_terminal_of_few_colours_gets_its_own(named: str, colours: str, theme: str) -> None:
    assert themes.theme_for(named, colours) == theme
