"""Paints a text: wrapping, alignment, colours, border, shadow, background."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from c2jy_bridge.drafts.preview.font_files import Font, Fonts, has_characters, load_font
from c2jy_bridge.drafts.preview.text_look import Colour, Span, TextLook

_MOST_CHARACTERS: Final = 3_000
_LARGEST_FONT: Final = 1_500
"""Pixels; larger than any canvas that a preview has."""
_LARGEST_SIDE: Final = 4_000
_SLANT: Final = 0.21
"""Of a font without an italic face: 12 degrees."""
_NO_LINE_START: Final = frozenset("、。，．：；？！）〕］｝〉》」』】’”…,.:;?!)]}%")


@dataclass(frozen=True, slots=True)
class _Run:
    """Characters of one line with one style and one font."""

    text: str
    span: Span
    font: Font
    spacing: float
    synthetic_bold: bool
    synthetic_italic: bool

    @property
    def em(self) -> int:
        return int(self.font.size)

    @property
    def width(self) -> float:
        return float(self.font.getlength(self.text)) + self.spacing * len(self.text)

    @property
    def height(self) -> int:
        return sum(self.font.getmetrics())


_Line = list[_Run]


class TextPainter:
    """Paints texts; pictures of the last ones are kept.

    Args:
        fonts: Where fonts come from.
        on_other_font: Told the name of a font in the draft that is not on this machine.
        on_lacking: Told characters that no font here has.
    """

    def __init__(
        self, fonts: Fonts, on_other_font: Callable[[str], None], on_lacking: Callable[[str], None]
    ) -> None:
        self._fonts, self._on_other_font, self._on_lacking = fonts, on_other_font, on_lacking
        self.paint = lru_cache(maxsize=64)(self._paint)

    def _paint(self, look: TextLook, unit: float, canvas_width: float) -> Image.Image:
        """The picture of a text, transparent around it; its centre is the centre of the text's box.

        Args:
            look: The text.
            unit: Pixels for one unit of font size.
            canvas_width: Pixels, for the wrapping, in the text's own scale.
        """
        runs = list(self._runs(look, unit))
        if not runs:
            return Image.new("RGBA", (1, 1))
        if look.vertical:
            lines = [[run] for run in _stacked(runs)]
        else:
            lines = list(_wrapped(runs, look.wrap_width * canvas_width))
        em = max(run.em for run in runs)
        return _Sheet(lines, look, em).picture()

    def _runs(self, look: TextLook, unit: float) -> Iterator[_Run]:
        left = _MOST_CHARACTERS
        for span in look.spans:
            text, left = span.text[:left], left - len(span.text)
            if not text or left < -len(span.text) + 1:
                return
            pixels = min(_LARGEST_FONT, max(2, round(span.size * unit)))
            path, is_named = self._fonts.choose(span.font_path, text, bold=span.bold, italic=span.italic)
            if not is_named and (span.font_id or span.font_path):
                self._on_other_font(span.font_path.replace("\\", "/").rpartition("/")[2] or span.font_id)
            self._check(path, text)
            name = PurePath(path).name.lower()
            yield _Run(
                text,
                span,
                load_font(path, pixels),
                look.letter_spacing * pixels,
                synthetic_bold=span.bold and "bold" not in name and not name.startswith("msyhbd"),
                synthetic_italic=span.italic and "italic" not in name and "oblique" not in name,
            )

    def _check(self, path: str, text: str) -> None:
        lacking = "".join(dict.fromkeys(c for c in text if not has_characters(path, c)))
        if lacking:
            self._on_lacking(lacking[:20])


def _part(run: _Run, text: str) -> _Run:
    return _Run(text, run.span, run.font, run.spacing, run.synthetic_bold, run.synthetic_italic)


def _stacked(runs: Iterable[_Run]) -> Iterator[_Run]:
    """Vertical text: a character a line."""
    for run in runs:
        yield from (_part(run, character) for character in run.text if character != "\n")


def _wrapped(runs: Iterable[_Run], longest: float) -> Iterator[_Line]:
    """Lines, ended where the text ends them and, when `longest` is not 0, before they are longer."""
    line: _Line = []
    used = 0.0
    for run in runs:
        for number, piece in enumerate(run.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
            if number:
                yield line or [_part(run, "")]
                line, used = [], 0.0
            for word in _words(piece):
                width = _part(run, word).width
                fits = used + _part(run, word.rstrip()).width <= longest
                if longest and not fits and used and word[:1] not in _NO_LINE_START:
                    yield line
                    line, used = [], 0.0
                _append(line, _part(run, word))
                used += width
    if line:
        yield line


def _append(line: _Line, run: _Run) -> None:
    if line and line[-1].span is run.span and line[-1].font is run.font:
        line[-1] = _part(run, line[-1].text + run.text)
    else:
        line.append(run)


def _words(text: str) -> Iterator[str]:
    """Pieces between which a line may end: after spaces, and around each Chinese or Japanese character."""
    word = ""
    for character in text:
        wide = unicodedata.east_asian_width(character) in "WF"
        if word and (wide or word[-1].isspace() or unicodedata.east_asian_width(word[-1]) in "WF"):
            yield word
            word = ""
        word += character
    if word:
        yield word


class _Sheet:
    """One text on its transparent picture."""

    def __init__(self, lines: list[_Line], look: TextLook, em: int) -> None:
        self._look, self._em = look, em
        self._lines = lines
        self._gap = look.line_spacing * em
        self._heights = [max(run.height for run in line) for line in lines]
        self._widths = [sum(run.width for run in line) for line in lines]
        self._width = max(self._widths)
        self._height = sum(self._heights) + self._gap * (len(lines) - 1)
        spans = [run.span for line in lines for run in line]
        reach = max(span.border_width + span.shadow_distance + 3 * span.shadow_blur + 0.3 for span in spans)
        around = max(look.background_size) + max(map(abs, look.background_offset)) if look.background else 0.0
        self._margin = math.ceil((reach + around) * em)

    def picture(self) -> Image.Image:
        size = (
            min(_LARGEST_SIDE, math.ceil(self._width) + 2 * self._margin),
            min(_LARGEST_SIDE, math.ceil(self._height) + 2 * self._margin),
        )
        picture = Image.new("RGBA", size)
        if self._look.background:
            self._background(picture, self._look.background)
        for kind in ("shadow", "border", "fill"):
            for colour in dict.fromkeys(self._colours(kind)):
                mask = Image.new("L", size)
                blur = self._draw(mask, kind, colour)
                if blur:
                    mask = mask.filter(ImageFilter.GaussianBlur(blur))
                _tint(picture, mask, colour)
        return picture

    def _colours(self, kind: str) -> Iterator[Colour]:
        for line in self._lines:
            for run in line:
                if (colour := _colour(run.span, kind)) is not None:
                    yield colour

    def _draw(self, mask: Image.Image, kind: str, colour: Colour) -> float:
        """Draw what has this colour; returns the radius by which it is to be blurred."""
        blur = 0.0
        for run, (x, y) in self._placed():
            span = run.span
            if _colour(span, kind) != colour:
                continue
            stroke = round(span.border_width * run.em) if span.border else 0
            bold = max(1, round(run.em * 0.02)) if run.synthetic_bold else 0
            if kind == "shadow":
                angle = math.radians(span.shadow_angle)
                x += span.shadow_distance * run.em * math.cos(angle)
                y -= span.shadow_distance * run.em * math.sin(angle)
                blur = max(blur, span.shadow_blur * run.em)
            _write(mask, run, (x, y), bold + (stroke if kind != "fill" else 0))
            if span.underline and kind == "fill":
                # Thickness and place as the app's materials say: underline_width 0.05, underline_offset 0.22.
                below = y + 0.22 * run.em / 2
                ImageDraw.Draw(mask).rectangle(
                    (x, below, x + run.width, below + max(1, 0.05 * run.em)), fill=255
                )
        return blur

    def _placed(self) -> Iterator[tuple[_Run, tuple[float, float]]]:
        """Every run with the left end of its baseline."""
        for line, (x, y, _, height) in zip(self._lines, self._boxes(), strict=True):
            ascent = max(run.font.getmetrics()[0] for run in line)
            descent = max(run.font.getmetrics()[1] for run in line)
            baseline = y + (height - ascent - descent) / 2 + ascent
            for run in line:
                yield run, (x, baseline)
                x += run.width

    def _boxes(self) -> Iterator[tuple[float, float, float, float]]:
        """Left, top, width, height of each line."""
        y = float(self._margin)
        for width, height in zip(self._widths, self._heights, strict=True):
            align = 1 if self._look.vertical else self._look.align
            x = self._margin + (self._width - width) * (0.0, 0.5, 1.0)[align if align in (0, 1, 2) else 1]
            yield x, y, width, float(height)
            y += height + self._gap

    def _background(self, picture: Image.Image, colour: Colour) -> None:
        look = self._look
        across, down = (length * self._em for length in look.background_size)
        right, up = (offset * self._em for offset in look.background_offset)
        if look.background_by_line:
            boxes = list(self._boxes())
        else:
            boxes = [(self._margin, self._margin, self._width, self._height)]
        mask = Image.new("L", picture.size)
        draw = ImageDraw.Draw(mask)
        for x, y, width, height in boxes:
            left, top = x - across / 2 + right, y - down / 2 - up
            box = (left, top, left + width + across, top + height + down)
            draw.rounded_rectangle(
                box, look.background_radius * min(width + across, height + down) / 2, fill=255
            )
        _tint(picture, mask, colour)


def _colour(span: Span, kind: str) -> Colour | None:
    return {"shadow": span.shadow, "border": span.border, "fill": span.colour}[kind]


def _write(mask: Image.Image, run: _Run, at: tuple[float, float], stroke: int) -> None:
    if run.spacing:
        x = at[0]
        for character in run.text:
            _write_piece(mask, run, character, (x, at[1]), stroke)
            x += run.font.getlength(character) + run.spacing
    elif run.text.strip():
        _write_piece(mask, run, run.text, at, stroke)


def _write_piece(mask: Image.Image, run: _Run, text: str, at: tuple[float, float], stroke: int) -> None:
    if not run.synthetic_italic:
        ImageDraw.Draw(mask).text(at, text, font=run.font, fill=255, anchor="ls", stroke_width=stroke)
        return
    upright = Image.new("L", mask.size)
    ImageDraw.Draw(upright).text(at, text, font=run.font, fill=255, anchor="ls", stroke_width=stroke)
    slant = (1.0, _SLANT, -_SLANT * at[1], 0.0, 1.0, 0.0)
    slanted = upright.transform(mask.size, Image.Transform.AFFINE, slant, Image.Resampling.BICUBIC)
    mask.paste(ImageChops.lighter(mask, slanted))


def _tint(picture: Image.Image, mask: Image.Image, colour: Colour) -> None:
    red, green, blue, alpha = colour
    if alpha < 255:
        mask = mask.point([value * alpha // 255 for value in range(256)])
    tinted = Image.new("RGBA", picture.size, (red, green, blue, 255))
    tinted.putalpha(mask)
    picture.alpha_composite(tinted)
