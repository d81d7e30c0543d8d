"""The library's materials, made from what is known already instead of parsing each file again.

pyJianYingDraft's constructors run MediaInfo, which is slow and not thread-safe (it can end the process), and
put `os.path.abspath` around the path, which ruins a path meant for another machine.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pyJianYingDraft import AudioMaterial, CropSettings, VideoMaterial

from c2jy_bridge.drafts.spec import Crop

PHOTO_US: Final = 10_800_000_000
"""Length of a still image: three hours (pyJianYingDraft 0.3.1, VideoMaterial)."""


class MediaFile(Protocol):
    """What is known of a fetched file; `materials.Material` is one."""

    @property
    def kind(self) -> str:
        """video, image or audio."""

    @property
    def duration_us(self) -> int:
        """0 for images."""

    @property
    def width(self) -> int:
        """Pixels."""

    @property
    def height(self) -> int:
        """Pixels."""

    @property
    def has_audio(self) -> bool:
        """Whether there is sound."""


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A fetched file and where the draft will find it."""

    file: MediaFile
    path: str
    """As the machine that opens the draft spells it."""
    name: str
    """What JianYing shows."""
    stands_for: bool = False
    """It is a placeholder for a file that could not be had."""

    @property
    def length_us(self) -> int:
        """How much of it can be used."""
        return PHOTO_US if self.file.kind == "image" else self.file.duration_us


class _Shared:
    """Segments deep-copy their material; every copy would only say the same."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Shared:
        return self


class SharedVideo(_Shared, VideoMaterial):  # type: ignore[misc]  # the library ships no types
    """A video or image, shared by all segments that show it."""

    def __init__(self, placed: PlacedFile, crop: Crop | None) -> None:
        self.material_id = uuid.uuid4().hex
        self.local_material_id = str(uuid.uuid4())
        self.material_name = placed.name
        self.path = placed.path
        self.material_type = "photo" if placed.file.kind == "image" else "video"
        self.duration = placed.length_us
        self.width = placed.file.width
        self.height = placed.file.height
        self.crop_settings = _crop_settings(crop)


class SharedAudio(_Shared, AudioMaterial):  # type: ignore[misc]  # the library ships no types
    """A sound, shared by all segments that play it."""

    def __init__(self, placed: PlacedFile) -> None:
        self.material_id = uuid.uuid4().hex
        self.material_name = placed.name
        self.path = placed.path
        self.duration = placed.file.duration_us


def _crop_settings(crop: Crop | None) -> Any:
    if crop is None:
        return CropSettings()
    corners = crop.corners or (
        (crop.left, crop.top),
        (crop.right, crop.top),
        (crop.left, crop.bottom),
        (crop.right, crop.bottom),
    )
    names = ("upper_left", "upper_right", "lower_left", "lower_right")
    sides = {
        f"{n}_{axis}": v
        for n, corner in zip(names, corners, strict=True)
        for axis, v in zip("xy", corner, strict=True)
    }
    return CropSettings(**sides)


class MaterialPool:
    """One library material for each file and crop of a draft."""

    def __init__(self) -> None:
        self._videos: dict[tuple[str, Crop | None], SharedVideo] = {}
        self._audios: dict[str, SharedAudio] = {}

    def video(self, placed: PlacedFile, crop: Crop | None) -> SharedVideo:
        """The picture material of this file, cropped so."""
        key = (placed.path, crop)
        if key not in self._videos:
            self._videos[key] = SharedVideo(placed, crop)
        return self._videos[key]

    def audio(self, placed: PlacedFile) -> SharedAudio:
        """The sound material of this file."""
        if placed.path not in self._audios:
            self._audios[placed.path] = SharedAudio(placed)
        return self._audios[placed.path]
