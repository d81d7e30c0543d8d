"""The built-in script: every dialogue that the product promises, in both languages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

BUILT = {
    "status": "success",
    "message": "ok",
    "drafts": [{"name": "N-1", "path": "/drafts/N-1", "duration_s": 15.0, "tracks": 5, "clips": 14}],
    "issues": [],
}


def said(events: list[tuple[str, Any]], kind: str = "answer") -> list[str]:
    """The completed messages of one sort."""
    return [d["content"] for n, d in events if n == "conversation.message.completed" and d["type"] == kind]


def calls(events: list[tuple[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Names and arguments of the open calls."""
    chat = events[-2][1]
    found = chat["required_action"]["submit_tool_outputs"]["tool_calls"]
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in found]


def clips(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All clips of a document."""
    for track in spec["tracks"]:
        yield from track["clips"]


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("帮我生成一个介绍中国美食的视频", "中国美食"),
        ("Make me a video about Chinese food", "Chinese food"),
        ("帮我做一个关于江南古镇的短视频！", "江南古镇"),
        ("please create a short film about my grandmother's garden.", "my grandmother's garden"),
    ],
)
def test_a_wish_for_a_video_becomes_one_document_of_all_four_kinds(
    built_in: Any, read_events: Any, prompt: str, name: str
) -> None:
    events = built_in.ask(prompt)
    assert any("reasoning_content" in data for _, data in events if isinstance(data, dict))
    assert name in said(events)[0]
    ((tool, arguments),) = calls(events)
    spec = arguments["content"]
    assert (tool, spec["schema"], spec["name"]) == ("generate_draft", "c2jy/1", name)
    assert {clip["type"] for clip in clips(spec)} == {"video", "image", "audio", "text"}
    captions = [clip["text"] for clip in clips(spec) if clip["type"] == "text"]
    assert len(captions) == 7
    assert all(caption and "{{" not in caption for caption in captions)
    events = read_events(built_in.submit(events[-2][1], BUILT).text)
    assert all(part in said(events)[0] for part in ("N-1", "15", "/drafts/N-1", "## "))
    assert 2 <= len(said(events, "follow_up")) <= 3


def test_the_media_of_the_document_are_there_and_long_enough(built_in: Any) -> None:
    import av

    lengths: dict[str, float] = {}
    ((_, arguments),) = calls(built_in.ask("帮我生成一个介绍中国美食的视频"))
    types = set()
    for clip in clips(arguments["content"]):
        if clip["type"] == "text":
            continue
        response = built_in.http.get(clip["media"], follow_redirects=True)
        assert response.status_code == 200, clip["media"]
        types.add(response.headers["content-type"])
        if clip["type"] == "image":
            continue
        if clip["media"] not in lengths:
            import io

            with av.open(io.BytesIO(response.content)) as container:
                lengths[clip["media"]] = container.duration / 1e6
        trim = clip.get("trim", {"start": 0})["start"]
        assert trim + clip["at"]["duration"] <= lengths[clip["media"]] + 0.001, clip
    assert types == {"video/mp4", "audio/mpeg", "image/png", "image/webp"}


@pytest.mark.parametrize(
    ("prompt", "word"),
    [("帮我生成一个介绍中国美食的视频", "没有做成"), ("Make me a video about Chinese food", "not")],
)
def test_a_failed_draft_is_told_honestly(built_in: Any, read_events: Any, prompt: str, word: str) -> None:
    chat = built_in.ask(prompt)[-2][1]
    failed = {"status": "error", "message": "tracks[0]: the disk is full", "drafts": [], "issues": []}
    events = read_events(built_in.submit(chat, failed).text)
    (answer,) = said(events)
    assert all(part in answer for part in (word, "tracks[0]: the disk is full"))
    assert "🎬" not in answer
    chat = built_in.ask(prompt)[-2][1]
    (answer,) = said(read_events(built_in.submit(chat, "Traceback: boom").text))
    assert "Traceback: boom" in answer


@pytest.mark.parametrize("prompt", ["导入扣子导出的草稿", "Import my Coze2JianYing export"])
def test_an_export_of_coze2jianying_is_handed_on_in_its_own_wrapper(built_in: Any, prompt: str) -> None:
    ((tool, arguments),) = calls(built_in.ask(prompt))
    assert tool == "generate_draft"
    wrapper = json.loads(arguments["content"])
    inner = json.loads(wrapper["draft_data"])
    segments = [segment for track in inner["drafts"][0]["tracks"] for segment in track["segments"]]
    assert {segment["type"] for segment in segments} == {"video", "image", "audio", "text"}
    assert max(segment["time_range"]["end"] for segment in segments) == 6_000_000
    assert inner["drafts"][0]["project"]["name"]


@pytest.mark.parametrize("prompt", ["探测素材并列出草稿", "Probe the media and list my drafts"])
def test_two_tools_are_called_at_once(built_in: Any, read_events: Any, prompt: str) -> None:
    events = built_in.ask(prompt)
    assert [tool for tool, _ in calls(events)] == ["probe_media", "list_drafts"]
    probed = {
        "results": [{"name": "wok.mp4", "kind": "video", "duration_s": 4.0, "width": 1280, "height": 720}]
    }
    drafts = {"drafts": [{"name": "D-9", "duration_s": 3.25, "clips": 2}]}
    (answer,) = said(read_events(built_in.submit(events[-2][1], probed, drafts).text))
    assert all(part in answer for part in ("wok.mp4", "1280×720", "D-9", "3.25"))


@pytest.mark.parametrize("prompt", ["检查素材，再生成草稿", "Check the media, then build a draft"])
def test_one_turn_has_two_required_actions(built_in: Any, read_events: Any, prompt: str) -> None:
    events = built_in.ask(prompt)
    assert [tool for tool, _ in calls(events)] == ["probe_media"]
    events = read_events(built_in.submit(events[-2][1], {"status": "success", "results": []}).text)
    assert [tool for tool, _ in calls(events)] == ["generate_draft"]
    events = read_events(built_in.submit(events[-2][1], BUILT).text)
    assert "N-1" in said(events)[0]
    assert events[-2][0] == "conversation.chat.completed"


@pytest.mark.parametrize("wish", ["用这五张图片填充我的模板", "Fill my template with these five pictures"])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_template_is_filled_with_five_pictures_and_made_first_where_there_is_none(
    built_in: Any, read_events: Any, wish: str, is_there: bool
) -> None:
    events = built_in.ask(wish)
    assert [tool for tool, _ in calls(events)] == ["describe_template"]
    described: dict[str, Any] = {"status": "success" if is_there else "error", "message": "E1", "slots": []}
    events = read_events(built_in.submit(events[-2][1], described).text)
    if not is_there:
        assert [tool for tool, _ in calls(events)] == ["generate_draft"]
        events = read_events(built_in.submit(events[-2][1], BUILT).text)
    ((tool, arguments),) = calls(events)
    (repeated,) = arguments["fill"]["repeat"]
    assert (tool, repeated["slots"], len(repeated["items"])) == ("fill_template", ["image1", "text1"], 5)
    filled = {"status": "success", "name": "F-5", "duration_s": 10.0}
    events = read_events(built_in.submit(events[-2][1], filled).text)
    assert "F-5" in said(events)[0]
    assert events[-2][0] == "conversation.chat.completed"


SEEN = {
    "status": "success",
    "file_id": "F-9",
    "width": 1596,
    "height": 806,
    "times_s": [1, 2],
    "not_drawn": ["X-1"],
}


@pytest.mark.parametrize(
    ("wish", "bigger"), [("给我看看", "把标题放大一点"), ("Show me", "Make the title bigger")]
)
def test_the_bot_looks_at_its_draft_and_builds_it_with_a_bigger_title(
    built_in: Any, read_events: Any, wish: str, bigger: str
) -> None:
    events = built_in.ask(wish)
    assert calls(events) == [("list_drafts", {"limit": 1})]
    listed = {"status": "success", "drafts": [{"name": "N-1"}]}
    events = read_events(built_in.submit(events[-2][1], listed).text)
    assert calls(events) == [("preview_draft", {"name": "N-1"})]
    events = read_events(built_in.submit(events[-2][1], SEEN).text)
    assert all(part in said(events)[0] for part in ("F-9", "1596", "X-1"))
    assert bigger in said(events, "follow_up")

    events = built_in.ask(bigger)
    ((tool, arguments),) = calls(events)
    titles = [clip["style"]["size"] for clip in clips(arguments["content"]) if clip["type"] == "text"]
    assert (tool, titles[0]) == ("generate_draft", 30)
    events = read_events(built_in.submit(events[-2][1], BUILT).text)
    assert calls(events) == [("preview_draft", {"name": "N-1"})]
    events = read_events(built_in.submit(events[-2][1], SEEN).text)
    assert "F-9" in said(events)[0]


@pytest.mark.parametrize(
    ("prompt", "tool", "arguments", "output", "word"),
    [
        ("列出我的草稿", "list_drafts", {}, {"drafts": [{"name": "D-1", "state": "ok"}]}, "D-1"),
        ("List my drafts", "list_drafts", {}, {"status": "success", "drafts": []}, "no draft"),
        (
            "草稿「中国美食」里有什么？",
            "get_draft",
            {"name": "中国美食"},
            {"status": "error", "message": "E1"},
            "E1",
        ),
        (
            'What is in draft "Chinese food"?',
            "get_draft",
            {"name": "Chinese food"},
            {
                "status": "success",
                "draft": {"name": "C-9", "duration_s": 15.0, "clips": 1},
                "timeline": [{"type": "text", "clips": [{"label": "L-7"}]}],
            },
            "L-7",
        ),
        ("读一下 notes.txt", "read_file", {"path": "notes.txt"}, {"status": "success", "text": "T-3"}, "T-3"),
        (
            "Read notes.txt",
            "read_file",
            {"path": "notes.txt"},
            {"status": "error", "message": "denied"},
            "denied",
        ),
        ("我的屏幕上有什么？", "screenshot", {}, {"status": "success", "file_id": "F-5"}, "F-5"),
        ("What's on my screen?", "screenshot", {}, {"output": "a little dog"}, "a little dog"),
        (
            "What do I have to do in the afternoon?",
            "get_schedule",
            {},
            {"output": "two interviews"},
            "two interviews",
        ),
        ("深圳天气", "get_current_temperature", {"input": "深圳"}, {"output": "深圳:多云"}, "深圳:多云"),
    ],
)
def test_one_tool_is_called_and_its_output_told(
    built_in: Any, read_events: Any, prompt: str, tool: str, arguments: Any, output: Any, word: str
) -> None:
    events = built_in.ask(prompt)
    assert calls(events) == [(tool, arguments)]
    events = read_events(built_in.submit(events[-2][1], output).text)
    assert word in "".join(said(events))
    assert "{{" not in "".join(said(events))


@pytest.mark.parametrize("prompt", ["写一篇长文", "Write something long"])
def test_the_long_answer_has_every_sort_of_markdown(built_in: Any, prompt: str) -> None:
    (answer,) = said(built_in.ask(prompt))
    for mark in (
        "\n## ",
        "\n| ",
        "\n```python\n",
        "\n```json\n",
        "\n- [x] ",
        "\n1. ",
        "\n> ",
        "\n---\n",
        "**",
        "`",
    ):
        assert mark in answer, mark
    assert len(answer) > 1200


@pytest.mark.parametrize(("text", "word"), [("今晚月色真美", "模拟器"), ("What is love?", "emulator")])
def test_anything_else_is_answered_honestly(built_in: Any, text: str, word: str) -> None:
    events = built_in.ask(text)
    assert word in said(events)[0]
    for prompt in said(events, "follow_up"):  # each suggestion leads somewhere
        assert said(built_in.ask(prompt)) != said(events)
