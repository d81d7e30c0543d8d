"""Renders a preview in a process of its own: its decoders read files that others made, and may crash.

A job is a JSON object on stdin; the answer is one on stdout, `{"failed": code, ...}` without a preview.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from PIL import Image, PngImagePlugin

from c2jy_bridge.core import i18n
from c2jy_bridge.core.draft_views import Preview, PreviewNote
from c2jy_bridge.drafts.library.snapshot import load
from c2jy_bridge.drafts.preview import MARK
from c2jy_bridge.drafts.preview.compositor import Compositor, size_of
from c2jy_bridge.drafts.preview.contact_sheet import LONGEST, frame_times, sheet
from c2jy_bridge.drafts.preview.font_files import Fonts
from c2jy_bridge.drafts.preview.frame_sources import FrameSources, Size
from c2jy_bridge.drafts.preview.marks import Marks, grouped
from c2jy_bridge.drafts.preview.scene import Clip, Note, Scene
from c2jy_bridge.drafts.preview.scene_reader import read_scene
from c2jy_bridge.drafts.preview.text_painter import TextPainter

_SIDES: Final = {"sheet": (LONGEST, 0), "frame": (1280, 0), "clip": (0, 480)}
"""Pixels of the longer or the shorter side of frames."""
_LARGEST_SIDE: Final = 1920
_MOST_CHARACTERS: Final = 20


class Failed(Exception):
    """There is no preview; the code and the values of an issue."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code, self.values = code, values


class Studio:
    """A draft with all that its preview is drawn by.

    Args:
        content: Of the draft's main file.
        folder: The draft.
        longest: Pixels of the frames' longer side; not more than the canvas has.
        fonts: What texts are written with.
        shorter: Pixels of the shorter side, instead.
    """

    def __init__(
        self, content: Mapping[str, Any], folder: Path, longest: int, fonts: Fonts, *, shorter: int = 0
    ) -> None:
        self.scene: Scene = read_scene(content)
        if self.scene.duration_us <= 0:
            raise Failed("preview_empty")
        self._found: dict[tuple[str, str], Note] = {}
        self.marks = Marks(fonts)
        self.sources = FrameSources(
            folder, lambda path, code: self._note(code, path), small=longest == LONGEST
        )
        painter = TextPainter(
            fonts,
            lambda name: self._note("font", name, approximate=True),
            self._lack,
        )
        sides = self.scene.width, self.scene.height
        if shorter:
            longest = round(shorter * max(sides) / min(sides))
        self.size = size_of(self.scene, min(longest, _LARGEST_SIDE, max(sides)))
        self._compositor = Compositor(
            self.scene, self.size, self.sources, painter, lambda clip, code: self.undrawn(clip, code)
        )
        self._marked: list[Note] = []

    def frame(self, at_us: int) -> Image.Image:
        """The frame at a time, marked with what is not as in the app."""
        self._marked = []
        picture = self._compositor.frame(at_us)
        notes = [note for note in self.scene.notes if note.covers(at_us)]
        return self.marks.mark(picture, [*notes, *self._marked])

    def notes(self) -> tuple[PreviewNote, ...]:
        """All notes, those that came up while it was drawn among them."""
        return grouped([*self.scene.notes, *self._found.values()], self.marks)

    def drawn(self) -> dict[str, int]:
        """Clips by kind."""
        counts: dict[str, int] = {}
        for clip in self.scene.everything():
            counts[clip.kind] = counts.get(clip.kind, 0) + 1
        return counts

    def _note(self, code: str, name: str, *, approximate: bool = False) -> None:
        fidelity: Any = "approximate" if approximate else "not_drawn"
        shown = name.replace("\\", "/").rpartition("/")[2] if code in ("missing", "unreadable") else name
        self._found.setdefault((code, name), Note(code, shown, fidelity))

    def _lack(self, characters: str) -> None:
        """One note for all characters that no font has; the first few are enough to know the script."""
        key = ("characters", "")
        before = self._found[key].name if key in self._found else ""
        merged = "".join(dict.fromkeys(before + characters))[:_MOST_CHARACTERS]
        self._found[key] = Note("characters", merged, "not_drawn")

    def undrawn(self, clip: Clip, code: str) -> None:
        """Note a clip that cannot be drawn or heard; without a code it is known already."""
        if code:
            self._note(code, clip.path)
        same = (note for (_, name), note in self._found.items() if name == clip.path)
        self._marked += list(same)


def render(job: Mapping[str, Any]) -> Preview:
    """Render what a job asks for.

    Raises:
        Failed: There is no preview of it.
    """
    i18n.use(job["language"])
    folder = Path(job["folder"])
    content, state, _ = load(folder / job["content"])
    if content is None:
        raise Failed("preview_encrypted" if state == "encrypted" else "preview_unreadable")
    kind, out = job["kind"], Path(job["out"])
    fonts = Fonts(Path(job["font"]) if job["font"] else None)
    longest, shorter = _SIDES[kind]
    studio = Studio(content, folder, longest, fonts, shorter=shorter)
    scene = studio.scene
    times: tuple[int, ...] = ()
    size = studio.size
    try:
        if kind == "clip":
            from c2jy_bridge.drafts.preview.clip_writer import write_clip
            from c2jy_bridge.drafts.preview.sound_mix import SoundMix

            mix = SoundMix(scene, folder, studio.undrawn)
            write_clip(out, scene, size, studio.frame, mix, _report)
            mix.close()
        elif kind == "frame":
            if job["at_us"] >= scene.duration_us:
                raise Failed("preview_beyond", at=job["at_us"] / 1e6, end=scene.duration_us / 1e6)
            times = (job["at_us"],)
            size = _save(studio.frame(times[0]), out)
        else:
            times = frame_times(scene)
            frames = []
            for at_us in times:
                frames.append((at_us, studio.frame(at_us)))
                _report(len(frames), len(times))
            size = _save(sheet(job["name"], scene, frames, studio.notes(), studio.marks), out)
    finally:
        studio.sources.close()
    return Preview(
        path=str(out),
        kind=kind,
        width=size[0],
        height=size[1],
        duration_us=scene.duration_us,
        times_us=times,
        drawn=studio.drawn(),
        notes=studio.notes(),
    )


def _save(picture: Image.Image, out: Path) -> Size:
    chunk = PngImagePlugin.PngInfo()
    chunk.add_text("Software", MARK)
    picture.save(out, "PNG", pnginfo=chunk, compress_level=4)
    return picture.size


def _report(done: int, total: int) -> None:
    """Progress, a line of JSON before the answer."""
    print(json.dumps({"done": done, "total": total}), flush=True)


def main() -> None:
    """Answer one job."""
    job = json.load(sys.stdin)
    try:
        answer = asdict(render(job))
    except Failed as failed:
        answer = {"failed": failed.code, "values": failed.values}
    except OSError as error:
        answer = {"failed": "disk", "errno": error.errno, "reason": error.strerror or str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
