"""Lays scenes end to end: picture, narration, captions; lengths come from the narration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from c2jy_bridge.compat.coze2jianying.unfinished.draft import Lane, Unfinished, issue, say
from c2jy_bridge.core.events import Issue
from c2jy_bridge.drafts.captions.fitting import caption_lines, columns_of
from c2jy_bridge.drafts.materials import Material

_SILENT_US: Final = 3_000_000
"""A picture without narration: as long as JianYing shows a photo on a new track."""
_TOLERANCE_US: Final = 1_000
_MUSIC_FADE_US: Final = 1_000_000
_LONGEST_S: Final = 3600.0
_CAPTION_STYLE: Final[dict[str, Any]] = {"border": {"color": "#000000"}}
"""White letters alone cannot be read on a bright picture."""


class _Argument(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Scene(_Argument):
    """One scene."""

    image: str | None = None
    """Address of a picture; or give `video`."""
    video: str | None = None
    """Address of a video; repeated or cut to the length of the scene."""
    narration: str | None = None
    """Address of the voice; the scene is as long as it."""
    caption: str | None = None
    """What is said; cut into short lines that follow one another while the voice speaks."""
    duration: float | None = Field(None, gt=0, le=_LONGEST_S)
    """Seconds; needed only without narration (else 3, or the whole video). Never shorter than the voice."""
    transition: str | None = None
    """How it passes into the next scene: a name of JianYing, such as 叠化."""
    animation: str | None = None
    """How the picture comes in: a name of JianYing, such as 渐显."""
    video_volume: float | None = Field(None, ge=0, le=10)
    """The video's own sound; left out: 0 with narration, 1 without."""

    @model_validator(mode="after")
    def _one_picture(self) -> Scene:
        if self.image and self.video:
            raise PydanticCustomError("scene_twice", "give image or video, not both")
        if not (self.image or self.video or self.narration or self.caption):
            raise PydanticCustomError("scene_empty", "give image or video, narration, caption")
        return self


class Music(_Argument):
    """Music under all scenes of the call."""

    url: str
    """Address of the music; repeated or cut to the length of the scenes."""
    volume: float = Field(0.3, ge=0, le=10)
    """1 is as it is."""
    fade: bool = True
    """Fade it out at the end."""

    @model_validator(mode="before")
    @classmethod
    def _address(cls, given: object) -> object:
        """An address alone is music too: models like to write it so."""
        return {"url": given} if isinstance(given, str) else given


@dataclass(frozen=True, slots=True)
class SceneLayout:
    """Scenes on the timeline."""

    lanes: tuple[Lane, ...]
    spans: tuple[tuple[int, int], ...]
    """Start and end of each scene, microseconds."""
    issues: tuple[Issue, ...]


def sources(scenes: Sequence[Scene], music: Music | None) -> list[tuple[str, str]]:
    """Every file they need: (path in the arguments, address)."""
    found = [
        (f"scenes[{index}].{name}", address)
        for index, scene in enumerate(scenes)
        for name in ("image", "video", "narration")
        if (address := getattr(scene, name))
    ]
    return [*found, ("music.url", music.url)] if music else found


def lay_out_scenes(
    scenes: Sequence[Scene],
    music: Music | None,
    draft: Unfinished,
    files: Mapping[str, Material],
    *,
    prefix: str,
    fit: Literal["fit", "fill", "stretch"] = "fit",
    caption_style: Mapping[str, Any] | None = None,
) -> SceneLayout:
    """Lay scenes out after the last picture of a draft.

    Args:
        scenes: In their order.
        music: Under all of them.
        draft: Where they go.
        files: What each address is.
        prefix: What ids of clips begin with.
        fit: How pictures fill the canvas.
        caption_style: Style of the captions, as in the spec.
    """
    layout = _Layout(draft, files, prefix, fit, {**_CAPTION_STYLE, **(caption_style or {})})
    for index, scene in enumerate(scenes):
        layout.add(scene, index)
    if music:
        layout.add_music(music)
    return SceneLayout(tuple(layout.lanes()), tuple(layout.spans), tuple(layout.issues))


class _Layout:
    def __init__(
        self, draft: Unfinished, files: Mapping[str, Material], prefix: str, fit: str, style: dict[str, Any]
    ) -> None:
        self._files, self._prefix, self._fit, self._style = files, prefix, fit, style
        self._columns = columns_of(draft.width, draft.height)
        # The lowest pictures are JianYing's main track: go on there.
        self._main = next((lane for lane in draft.lanes if lane.kind == "video"), None)
        self._start = self._at = draft.pictures_end_us
        self._pictures: list[dict[str, Any]] = []
        self._voices: list[dict[str, Any]] = []
        self._captions: list[dict[str, Any]] = []
        self._music: list[dict[str, Any]] = []
        self.spans: list[tuple[int, int]] = []
        self.issues: list[Issue] = []

    def add(self, scene: Scene, index: int) -> None:
        voice_us = self._files[scene.narration].duration_us if scene.narration else 0
        length_us = self._length_us(scene, voice_us, f"scenes[{index}]")
        at = {"start": self._at, "duration": length_us}
        if scene.image or scene.video:
            self._pictures.append(self._picture(scene, at, index))
        if scene.narration:
            voice = {"type": "audio", "media": scene.narration}
            span = {"start": self._at, "duration": voice_us}
            self._voices.append({**voice, "at": span, "id": self._id("voice", index)})
        if scene.caption and scene.caption.strip():
            spoken_us = voice_us or length_us
            for number, (start, length, line) in enumerate(
                caption_lines(scene.caption, self._at, spoken_us, self._columns)
            ):
                self._captions.append(
                    {
                        "type": "text",
                        "text": line,
                        "style": self._style,
                        "at": {"start": start, "duration": length},
                        "id": f"{self._id('caption', index)}-{number + 1}",
                    }
                )
        self.spans.append((self._at, self._at + length_us))
        self._at += length_us

    def add_music(self, music: Music) -> None:
        length_us = self._at - self._start
        clip: dict[str, Any] = {
            "type": "audio",
            "media": music.url,
            "at": {"start": self._start, "duration": length_us},
            "volume": music.volume,
            "loop": True,
            "id": f"{self._prefix}-music",
        }
        if music.fade:
            clip["fade"] = {"out": min(_MUSIC_FADE_US, length_us // 2)}
        self._music.append(clip)

    def lanes(self) -> list[Lane]:
        main, name = ("scenes", say("track.scenes")) if self._main is None else (self._main.key, None)
        made = (
            Lane("video", main, name or (self._main.name if self._main else None), tuple(self._pictures)),
            Lane("audio", "narration", say("track.narration"), tuple(self._voices)),
            Lane("audio", "music", say("track.music"), tuple(self._music)),
            Lane("text", "captions", say("track.captions"), tuple(self._captions), captions=True),
        )
        return [lane for lane in made if lane.clips]

    def _length_us(self, scene: Scene, voice_us: int, path: str) -> int:
        wanted_us = round(scene.duration * 1e6) if scene.duration else 0
        if voice_us > wanted_us + _TOLERANCE_US and wanted_us:
            seconds = f"{voice_us / 1e6:g}"
            self.issues.append(issue("scene_longer", f"{path}.duration", "warning", seconds=seconds))
        if voice_us or wanted_us:
            return max(voice_us, wanted_us)
        if scene.video and (video_us := self._files[scene.video].duration_us):
            return video_us
        self.issues.append(issue("scene_silent", path, "info", seconds=f"{_SILENT_US / 1e6:g}"))
        return _SILENT_US

    def _picture(self, scene: Scene, at: dict[str, int], index: int) -> dict[str, Any]:
        # A picture in `video` (an animated GIF is one, a photo is not) is shown as what it is.
        address = scene.video or scene.image or ""
        kind = "video" if self._files[address].kind == "video" else "image"
        clip: dict[str, Any] = {"type": kind, "media": address, "at": at}
        clip["id"] = self._id("scene", index)
        if self._fit != "fit":
            clip["fit"] = self._fit
        if kind == "video":
            quiet = 0.0 if scene.narration else 1.0
            clip |= {"loop": True, "volume": quiet if scene.video_volume is None else scene.video_volume}
        if scene.transition:
            clip["transition"] = {"name": scene.transition}
        if scene.animation:
            clip["animations"] = [{"kind": "in", "name": scene.animation}]
        return clip

    def _id(self, what: str, index: int) -> str:
        return f"{self._prefix}-{what}-{index + 1}"
