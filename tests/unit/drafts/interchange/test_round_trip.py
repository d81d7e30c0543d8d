"""A draft goes out as OTIO and comes back: tracks, clips, times, media, speeds, fades and markers."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from c2jy_bridge.drafts import DraftBuilder, DraftPacker, Library, TemplateFiller
from c2jy_bridge.drafts.interchange.exchange import read_timelines
from c2jy_bridge.drafts.preview.previewer import Previewer
from c2jy_bridge.engine.drafts import Drafts
from unit.drafts.interchange.conftest import Export, s


def media_exists(url: str) -> bool:
    return os.path.isfile(otio.url_utils.filepath_from_url(url))


def _timeline(content: dict[str, Any]) -> dict[str, Any]:
    """What a draft shows and sounds like, without ids and paths."""
    by_id = {m["id"]: (group, m) for group, ms in content["materials"].items() for m in ms if "id" in m}

    def clips(track: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        for segment in track["segments"]:
            _, material = by_id[segment["material_id"]]
            extras = dict(by_id[known] for known in segment["extra_material_refs"] if known in by_id)
            fade, transition = extras.get("audio_fades", {}), extras.get("transitions", {})
            yield (
                segment["target_timerange"],
                segment.get("source_timerange"),
                segment["speed"],
                segment["volume"],
                segment.get("clip"),
                material.get("type"),
                material.get("content", "") and material["content"].count("spring"),
                Path(material.get("path", "")).name,
                (fade.get("fade_in_duration"), fade.get("fade_out_duration")),
                (transition.get("name"), transition.get("duration")),
            )

    return {
        "canvas": content["canvas_config"],
        "fps": content["fps"],
        "tracks": [(track["type"], track["name"], *clips(track)) for track in content["tracks"]],
        "marks": [
            (mark["time_range"], mark["title"], mark["color"]) for mark in content["time_marks"]["mark_items"]
        ],
    }


async def test_a_draft_that_goes_out_as_otio_and_is_built_from_it_is_the_same_to_the_microsecond(
    rich: dict[str, Any], build: Callable[..., Any], builder: DraftBuilder, export: Export,
    content_of: Callable[..., dict[str, Any]], library: Library,
) -> None:  # fmt: skip
    before = content_of(await build(rich))

    made = export("春天")
    (read,) = read_timelines(Path(made.path))
    report = await builder.build(read.document, name="again", folders=[library.root])

    after = content_of(report.drafts[0])
    assert _timeline(after) == _timeline(before)
    assert {issue.code for issue in (*read.issues, *report.drafts[0].issues)} <= {"lanes", "rounded_to_file"}


async def test_the_timeline_is_one_that_other_programs_understand(
    rich: dict[str, Any], build: Callable[..., Any], export: Export
) -> None:
    await build(rich)

    timeline = otio.adapters.read_from_file(export("春天").path)

    kinds = [(track.kind, track.name) for track in timeline.tracks]
    assert kinds == [
        ("Video", "main"),
        ("Video", "above"),
        ("Video", "titles"),
        ("Audio", "main"),
        ("Audio", "music"),
    ]
    main = timeline.tracks[0]
    assert [type(child).__name__ for child in main] == ["Clip", "Transition", "Clip", "Gap", "Clip"]
    assert main.range_of_child_at_index(4).start_time.to_seconds() == pytest.approx(3)
    (warp,) = main[0].effects
    assert warp.time_scalar == 2
    for clip in timeline.find_clips():
        rate = clip.source_range.duration.rate
        assert (rate, clip.source_range.duration.value % 1) == (25, 0), "whole frames"
        if isinstance(clip.media_reference, otio.schema.ExternalReference):
            assert media_exists(clip.media_reference.target_url)
    assert [(mark.name, mark.color) for mark in timeline.tracks.markers] == [
        ("beat", "RED"),
        ("段落", "CYAN"),
    ]


async def test_a_clip_that_the_other_program_moved_is_where_it_was_moved_to(
    rich: dict[str, Any], build: Callable[..., Any], builder: DraftBuilder, export: Export,
    content_of: Callable[..., dict[str, Any]], library: Library,
) -> None:  # fmt: skip
    await build(rich)
    path = export("春天").path
    timeline = otio.adapters.read_from_file(path)
    frame, span = otio.opentime.RationalTime, otio.opentime.TimeRange
    above = timeline.tracks[1]
    above[0].source_range = span(frame(0, 25), frame(25, 25))  # the gap before the picture: 0.5 s -> 1 s
    above[1].source_range = span(frame(0, 25), frame(10, 25))
    otio.adapters.write_to_file(timeline, path)

    (read,) = read_timelines(Path(path))
    content = content_of((await builder.build(read.document, name="moved", folders=[library.root])).drafts[0])

    (moved,) = content["tracks"][1]["segments"]
    assert moved["target_timerange"] == {"start": s(1), "duration": s(0.4)}
    assert content["tracks"][0]["segments"][0]["target_timerange"]["duration"] == s(1.037), "others are exact"


@pytest.fixture
def drafts(make_builder: Callable[..., DraftBuilder], library: Library, tmp_path: Path) -> Drafts:
    """What the commands use, without declared folders."""
    builder = make_builder(folders=[])
    return Drafts(
        builder,
        library,
        DraftPacker(library, tmp_path / "exports"),
        TemplateFiller(builder, library, time.time),
        Previewer(library, tmp_path / "exports"),
    )


async def test_the_command_s_way_builds_from_a_file_whose_media_are_in_the_drafts_folder(
    rich: dict[str, Any], build: Callable[..., Any], drafts: Drafts, tmp_path: Path
) -> None:
    await build(rich)
    made = await drafts.export("春天", "otio", tmp_path / "out.otio")

    report = await drafts.build_timeline(Path(made.path), name="again")

    assert [(draft.name, draft.clips, draft.media) for draft in report.drafts] == [("again", 7, 5)]


async def test_all_timelines_of_a_file_are_in_one_zip(
    rich: dict[str, Any], build: Callable[..., Any], drafts: Drafts, tmp_path: Path
) -> None:
    await build(rich)
    made = await drafts.export("春天", "otio", tmp_path / "out.otio")
    both = otio.schema.SerializableCollection()
    both.extend(otio.adapters.read_from_file(made.path) for _ in range(2))
    otio.adapters.write_to_file(both, made.path)

    report = await drafts.build_timeline(Path(made.path), name="again", archive=tmp_path / "both.zip")

    names = ["again", "again (2)"]
    assert [(draft.name, draft.archive) for draft in report.drafts] == [
        (name, str(tmp_path / "both.zip")) for name in names
    ]
    with zipfile.ZipFile(tmp_path / "both.zip") as zipped:
        main = {name for name in zipped.namelist() if name.endswith("draft_content.json")}
    assert main == {f"{name}/draft_content.json" for name in names}
