"""What an export says of the draft as a whole: its canvas, and the media that it lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from c2jy_bridge.compat.coze2jianying.exports.fields import Fields
from c2jy_bridge.compat.coze2jianying.exports.issues import shown

_RESOURCE: Final = ("resource_type", "duration_ms", "file_size", "format", "width", "height", "filename")


def project(fields: Fields) -> dict[str, Any]:
    """Canvas and name, ready for the spec."""
    inner = fields.inner("project") or Fields({}, fields.at("project"), fields.report)
    canvas: dict[str, Any] = {}
    for name, most, default in (("width", 16384, 1920), ("height", 16384, 1080), ("fps", 240, 30)):
        number = (inner if name in inner else fields).bounded(default, 1, most, name)
        canvas[name] = number if name == "fps" else round(number)
    title = inner.text("name", "draft_name") or fields.text("draft_name", "name")
    if title:
        canvas["name"] = title
    for name in ("video_quality", "audio_quality", "background_color"):
        for holder in (inner, fields):
            kept, path = holder.take(name)
            if kept is not None:
                # Black is what JianYing shows anyway.
                loud = name == "background_color" and str(kept).lower() not in ("#000000", "#000", "black")
                holder.report.add("no_place", path, "warning" if loud else "info", value=shown(kept))
    inner.close()
    return canvas


@dataclass(frozen=True, slots=True)
class Resource:
    """What an export says of one of its media files; the length is 0 when it does not."""

    path: str
    name: str
    duration_us: int


def resources(fields: Fields) -> dict[str, Resource]:
    """The media that the export lists, by URL. Their sizes and formats are seen from the files."""
    found = {}
    for item, path in fields.items("media_resources"):
        if not isinstance(item, dict):
            fields.report.add("not_an_object", path, value=shown(item))
            continue
        one = Fields(item, path, fields.report)
        url, name, length_ms = one.text("url"), one.text("filename"), one.number("duration_ms")
        for known in _RESOURCE:
            one.take(known)
        one.close()
        if url:
            found[url] = Resource(path, name or "", round(max(0, length_ms or 0) * 1000))
    return found
