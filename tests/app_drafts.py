"""Draft folders in the shapes that JianYing and CapCut save, written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Content = dict[str, Any]
PLACEHOLDER = "##_draftpath_placeholder_0E685133-18CE-45ED-8CB8-2904A212EC80_##"
WINDOWS = "C:/Users/ann/AppData/Local/JianyingPro/User Data/Projects/com.lveditor.draft"
SECOND = 1_000_000
PLATFORM = {"app_id": 3704, "app_source": "lv", "app_version": "5.9.0", "os": "windows"}


def times(start: float, duration: float) -> dict[str, int]:
    """A time range; seconds in, microseconds out."""
    return {"duration": round(duration * SECOND), "start": round(start * SECOND)}


def segment(known: str, material: str, start: float, duration: float, **more: Any) -> dict[str, Any]:
    """A clip with what JianYing 5.9 writes into each."""
    return {
        "cartoon": False,
        "clip": {
            "alpha": 1.0,
            "flip": {"horizontal": False, "vertical": False},
            "rotation": 0.0,
            "scale": {"x": 1.0, "y": 1.0},
            "transform": {"x": 0.0, "y": -0.0},
        },
        "common_keyframes": [],
        "extra_material_refs": [],
        "id": known,
        "material_id": material,
        "render_index": 0,
        "source_timerange": None,
        "speed": 1.0,
        "target_timerange": times(start, duration),
        "template_id": "",
        "visible": True,
        "volume": 1.0,
        **more,
    }


def rich_text(*spans: tuple[str, Mapping[str, Any]]) -> str:
    """The `content` of a text: its words, and the style of each span by UTF-16 range."""
    styles, at = [], 0
    for text, style in spans:
        end = at + len(text.encode("utf-16-le")) // 2
        styles.append({"fill": {"content": {"solid": {"color": [1, 1, 1]}}}, "range": [at, end], **style})
        at = end
    return json.dumps({"styles": styles, "text": "".join(text for text, _ in spans)}, ensure_ascii=False)


def jianying_59(picture: str, video: str, sound: str) -> dict[str, Any]:
    """The content of a draft with one of everything that JianYing 5.9 saves.

    Args:
        picture: Path of an image of 640x360.
        video: Path of a video of 3 s, 320x180.
        sound: Path of a sound of 2 s.
    """
    crop = {f"{v}_{h}_{a}": float((h == "right") if a == "x" else (v == "lower"))
            for v in ("upper", "lower") for h in ("left", "right") for a in ("x", "y")}  # fmt: skip
    pictures = [
        {"id": "V1", "type": "photo", "path": picture, "material_name": "", "width": 640, "height": 360,
         "duration": 10_800_000_000, "crop": crop, "local_material_id": "L1", "has_audio": False},
        {"id": "V2", "type": "video", "path": video, "material_name": "clip.mp4", "width": 320, "height": 180,
         "duration": 3 * SECOND, "crop": crop, "local_material_id": "L2", "has_audio": True},
        {"id": "V3", "type": "video", "path": "", "material_name": "", "extra_type_option": 2,
         "duration": 2 * SECOND, "width": 1920, "height": 1080, "crop": crop},
    ]  # fmt: skip
    inner = {
        "id": "INNER",
        "duration": 2 * SECOND,
        "canvas_config": {"width": 1920, "height": 1080, "ratio": "original"},
        "materials": {
            "videos": [{**pictures[0], "id": "IV1", "local_material_id": "L1"}],
            "texts": [{"id": "IT1", "type": "text", "content": rich_text(("inside", {"size": 8.0}))}],
        },
        "tracks": [
            {"id": "IK1", "type": "video", "segments": [segment("IS1", "IV1", 0, 2)]},
            {"id": "IK2", "type": "text", "segments": [segment("IS2", "IT1", 0, 2)]},
        ],
    }
    template = {
        "id": "TT1",
        "type": "text_template",
        "name": "标题模板",
        "resource_id": "7000000000000000001",
        "text_info_resources": [
            {"text_material_id": "T2", "attach_info": times(0, 3), "extra_material_refs": ["A2"],
             "order_in_layer": 0},
            {"text_material_id": "T3", "attach_info": times(0, 3), "extra_material_refs": []},
        ],
    }  # fmt: skip
    texts = [
        {"id": "T1", "type": "text", "font_size": 12.0, "shadow_point": {"x": 1.0182337649086284, "y": 1e-05},
         "content": rich_text(("春天", {"size": 12.0, "bold": True}), ("来了", {"size": 6.5}))},
        {"id": "T2", "type": "text", "content": rich_text(("TITLE", {"size": 20.0}))},
        {"id": "T3", "type": "text", "content": rich_text(("subtitle", {"size": 10.0}))},
        {"id": "T4", "type": "subtitle",
         "content": "<font id=\"\"><color=(1.0, 1.0, 1.0, 1.0)>[old caption]</color></font>"},
    ]  # fmt: skip
    animations = [
        {"id": "A1", "type": "sticker_animation", "animations": [{"type": "in", "duration": 500_000}]},
        {"id": "A2", "type": "sticker_animation", "animations": [{"type": "loop", "duration": 1_000_000}]},
    ]
    curve = {"id": "X1", "speed_points": [{"x": 0.0, "y": 0.6000000238418579}, {"x": 1.0, "y": 2.5}]}
    speeds = [
        {"id": "P1", "type": "speed", "mode": 0, "speed": 1.0, "curve_speed": None},
        {"id": "P2", "type": "speed", "mode": 1, "speed": 1.0, "curve_speed": curve},
    ]
    compound = {
        "id": "D1",
        "type": "combination",
        "name": "复合片段1",
        "combination_id": "C1",
        "draft": inner,
        "draft_file_path": f"{PLACEHOLDER}/subdraft/INNER/draft_content.json",
    }
    effects = [{"id": "E1", "type": "filter", "name": "晴空", "value": 0.8},
               {"id": "E2", "type": "brightness", "value": 0.12}]  # fmt: skip
    return {
        "canvas_config": {"height": 1080, "ratio": "original", "width": 1920},
        "duration": 12 * SECOND,
        "fps": 30.0,
        "id": "91E08AC5-22FB-47E2-9AA0-7DC300FAEA2B",
        "keyframes": {"adjusts": [], "audios": [], "videos": []},
        "last_modified_platform": PLATFORM,
        "materials": {
            "audios": [{"id": "AU1", "type": "extract_music", "name": "song.wav", "path": sound,
                        "duration": 2 * SECOND, "local_material_id": "L3"}],
            "drafts": [compound],
            "effects": effects,
            "material_animations": animations,
            "never_seen": [{"id": "N1", "kept": [1e-7, 18446744073709551616, "\u2028"]}],
            "speeds": speeds,
            "stickers": [{"id": "ST1", "type": "sticker", "resource_id": "7002", "name": "花"}],
            "text_templates": [template],
            "texts": texts,
            "video_effects": [{"id": "VE1", "type": "video_effect", "name": "金粉", "adjust_params": [0.1]}],
            "videos": pictures,
        },
        "name": "",
        "new_version": "110.0.0",
        "platform": PLATFORM,
        "tracks": [
            {"attribute": 0, "flag": 0, "id": "K1", "name": "", "type": "video", "segments": [
                segment("S1", "V1", 0, 3, source_timerange=times(0, 3), extra_material_refs=["P1", "A1"]),
                segment("S2", "V2", 3, 3, source_timerange=times(0, 3), extra_material_refs=["P2"]),
                segment("S3", "V3", 6, 2, source_timerange=times(0, 2), extra_material_refs=["D1"]),
            ]},
            {"id": "K2", "name": "标题", "type": "text", "segments": [
                segment("S4", "T1", 0, 3), segment("S5", "TT1", 3, 3), segment("S6", "T4", 6, 2)]},
            {"id": "K3", "type": "sticker", "segments": [segment("S7", "ST1", 1, 2)]},
            {"id": "K4", "type": "effect", "segments": [segment("S8", "VE1", 0, 12)]},
            {"id": "K5", "type": "adjust", "segments": [segment("S9", "E2", 0, 12)]},
            {"id": "K6", "type": "filter", "segments": [segment("S10", "E1", 0, 12)]},
            {"id": "K7", "type": "hologram", "segments": [segment("S11", "N1", 0, 12)]},
            {"id": "K8", "type": "audio", "segments": [
                segment("S12", "AU1", 0, 2, source_timerange=times(0, 2))]},
        ],
        "version": 360000,
    }  # fmt: skip


def write(folder: Path, content: Mapping[str, Any], media: Sequence[Mapping[str, Any]] = ()) -> Path:
    """A draft folder as JianYing for Windows leaves it; floats as its writer spells them."""
    folder.mkdir(parents=True, exist_ok=True)
    meta = {
        "draft_cover": "",
        "draft_fold_path": f"{WINDOWS}/{folder.name}",
        "draft_id": "BC69C7CD-7C5E-4185-B284-AF3E1047A664",
        "draft_materials": [{"type": 0, "value": list(media)}, {"type": 2, "value": []}],
        "draft_name": folder.name,
        "draft_root_path": WINDOWS,
        "tm_draft_create": 1_700_000_000_000_000,
        "tm_duration": content.get("duration", 0),
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    (folder / "draft_content.json").write_text(text.replace("1e-05", "1.0e-5"), encoding="utf-8")
    (folder / "draft_meta_info.json").write_text(json.dumps(meta, ensure_ascii=False), encoding="utf-8")
    (folder / "draft_agency_config.json").write_text('{"marterials":null}', encoding="utf-8")
    return folder


def read(path: Path | str) -> Content:
    """The object in a JSON file."""
    held: Content = json.loads(Path(path).read_bytes())
    return held


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its name relative to it."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def put(path: Path, data: bytes | str) -> None:
    """Write a file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def is_file(*parts: str | Path) -> bool:
    return Path(*parts).is_file()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def material(content: Content, group: str, known: str) -> Content:
    (found,) = [held for held in content["materials"][group] if held["id"] == known]
    return dict(found)


def clip_of(content: Content, known: str) -> Content:
    (found,) = [s for track in content["tracks"] for s in track["segments"] if s["id"] == known]
    return dict(found)
