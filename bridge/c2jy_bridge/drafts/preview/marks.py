"""Says on the picture itself what is approximate in it, or missing from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from PIL import Image, ImageDraw

from c2jy_bridge.core.draft_views import PreviewNote
from c2jy_bridge.core.i18n import Language, catalogue, language
from c2jy_bridge.core.safety import one_line
from c2jy_bridge.drafts.preview.font_files import Font, Fonts, has_characters, load_font
from c2jy_bridge.drafts.preview.scene import Note

_BOX: Final = (0, 0, 0, 176)
_LETTERS: Final = (255, 214, 102)
_MOST_LINES: Final = 3


class Marks:
    """Writes notes into a corner of pictures.

    Args:
        fonts: Where the letters come from.
    """

    def __init__(self, fonts: Fonts) -> None:
        self._fonts = fonts
        spoken = language()
        if spoken == "zh" and not self._can_write("预览"):
            spoken = "en"  # no font here has Chinese characters
        self.language: Language = spoken
        self.say = catalogue("drafts", fixed=spoken)
        self._drawn: dict[tuple[Note, ...], Image.Image] = {}

    def font(self, text: str, pixels: int) -> Font:
        """A font that has the characters of a text, as far as any has."""
        path, _ = self._fonts.choose("", text, bold=False, italic=False)
        return load_font(path, pixels)

    def mark(self, picture: Image.Image, notes: Sequence[Note]) -> Image.Image:
        """A picture with the notes in its upper left corner; itself when there are none."""
        if not notes:
            return picture
        key = tuple({(note.code, note.name): note for note in notes}.values())
        if key not in self._drawn:
            self._drawn[key] = self._box(key, picture.size)
        marked = picture.convert("RGBA")
        marked.alpha_composite(self._drawn[key])
        return marked.convert("RGB")

    def words(self, note: Note | PreviewNote) -> str:
        """A note in a few words."""
        name = one_line(note.name)[:40] or self.say("preview.nameless")
        text = self.say(f"preview.{note.code}", name=name)
        return self.say(f"preview.{note.fidelity}", what=text)

    def _box(self, notes: Sequence[Note], size: tuple[int, int]) -> Image.Image:
        pixels = max(10, min(size) // 22)
        lines = [self.words(note) for note in notes]
        if len(lines) > _MOST_LINES:
            lines[_MOST_LINES - 1 :] = [self.say("preview.more", count=len(lines) - _MOST_LINES + 1)]
        box = Image.new("RGBA", size)
        draw = ImageDraw.Draw(box)
        step, edge = round(pixels * 1.35), pixels // 2
        fonts = [self.font(line, pixels) for line in lines]
        fitting = [
            (cut(line, font, size[0] - 4 * edge), font) for line, font in zip(lines, fonts, strict=True)
        ]
        width = max(font.getlength(line) for line, font in fitting)
        draw.rectangle((0, 0, width + 2 * edge, step * len(fitting) + edge), fill=_BOX)
        for row, (line, font) in enumerate(fitting):
            draw.text((edge, edge // 2 + row * step), line, font=font, fill=_LETTERS)
        return box

    def _can_write(self, text: str) -> bool:
        path, _ = self._fonts.choose("", text, bold=False, italic=False)
        return has_characters(path, text)


def cut(text: str, font: Font, longest: float) -> str:
    """A text shortened to a width in pixels."""
    if font.getlength(text) <= longest:
        return text
    while text and font.getlength(f"{text}…") > longest:
        text = text[:-1]
    return f"{text}…"


def grouped(notes: Iterable[Note], marks: Marks) -> tuple[PreviewNote, ...]:
    """Notes that say the same, together."""
    groups: dict[tuple[str, str], list[Note]] = {}
    for note in notes:
        groups.setdefault((note.code, note.name), []).append(note)
    return tuple(
        PreviewNote(
            code,
            one_line(name)[:200],
            same[0].fidelity,
            marks.words(same[0]),
            min(note.start_us for note in same),
            len(same),
        )
        for (code, name), same in groups.items()
    )
