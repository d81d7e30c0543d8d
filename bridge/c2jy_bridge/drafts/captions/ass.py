"""ASS and SSA, read and written by pysubs2; of styles what a draft can show is carried, the rest is named.

ASS measures in pixels of a canvas of its own, and letters by its height; JianYing measures letters by the
width of a canvas. Outlines and shadows are near, not exact.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pysubs2

from c2jy_bridge.drafts.captions.cues import Cue, ReadCues
from c2jy_bridge.drafts.kinds import font_unit
from c2jy_bridge.drafts.spec.appearance import TextBackground, TextBorder, TextShadow, TextStyle, Transform

_HEIGHT: Final = 288
"""PlayResY of a file that has none (libass)."""
_OUTLINE_SHARE: Final = 0.2
"""Width of an outline of 100 as a share of the letters (pyJianYingDraft 0.3.1, TextBorder)."""
_BOX: Final = 3
"""BorderStyle: a box behind the text."""
_OLD: Final = re.compile(r"^\s*\[V4 Styles\]", re.MULTILINE | re.IGNORECASE)
"""SSA: other fields, and other numbers for the alignment."""
_STYLE: Final = re.compile(r"^\s*Style:.*$", re.MULTILINE | re.IGNORECASE)
_EVENT: Final = re.compile(
    r"(?P<head>\s*(?:Dialogue|Comment):\s*(?:Marked=)?-?\d*\s*,)(?P<start>[^,]*),(?P<end>[^,]*),",
    re.IGNORECASE,
)
_CLOCK: Final = re.compile(r"\d{1,3}:\d{1,2}:\d{1,2}\.\d{1,3}")
_BLOCK: Final = re.compile(r"\{([^{}]*)\}")
_TAG: Final = re.compile(
    r"\\(?P<name>pos|an|fs|fn|1?c(?=&)|[1-4]a|alpha|[ibu](?=\d|$)|[a-zA-Z]+)(?P<value>\([^)]*\)|[^\\]*)"
)
_COLOUR: Final = re.compile(r"&?H?([0-9A-Fa-f]{1,8})&?")


def read_ass(text: str) -> ReadCues:
    """Read a file of ASS or SSA. Nothing is raised: what cannot be read has no cues."""
    text, bad = _without_bad_times(text)
    file, dropped = _parsed(text), set[str]()
    if file is None:  # one wrong number in a style is no reason to show no caption
        file, dropped = _parsed(_STYLE.sub("", text)), {"Style"}
    if file is None:
        return ReadCues((), bad)
    reader = _Reader(file)
    cues = list(reader.cues())
    return ReadCues(tuple(cues), bad, reader.marked_up, tuple(sorted(reader.dropped | dropped)))


def _without_bad_times(text: str) -> tuple[str, tuple[int, ...]]:
    """The text without lines whose times are none, as pysubs2 would refuse all of it; and their numbers."""
    kept, bad = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if match := _EVENT.match(line):
            start, end = (time.replace("：", ":").strip() for time in match.group("start", "end"))
            if not (_CLOCK.fullmatch(start) and _CLOCK.fullmatch(end)):
                bad.append(number)
                continue
            line = f"{match['head']}{start},{end},{line[match.end() :]}"
        kept.append(line)
    return "\n".join(kept), tuple(bad)


def _parsed(text: str) -> Any | None:
    form = "ssa" if _OLD.search(text) else "ass"
    try:
        with warnings.catch_warnings():  # pysubs2 says on stderr what it could not read
            warnings.simplefilter("ignore")
            return pysubs2.SSAFile.from_string(text, format_=form)
    except (pysubs2.Pysubs2Error, ValueError, LookupError, ArithmeticError, AttributeError):
        return None


class _Reader:
    def __init__(self, file: Any) -> None:
        self._file = file
        self._width, self._height = (_resolution(file, name) for name in ("PlayResX", "PlayResY"))
        # The usual scripts of 4:3 are for pictures of 16:9, and players measure letters by the height.
        upright = self._height > self._width
        self._unit = font_unit(self._width) if upright else self._height / 100
        self._looks: dict[str, tuple[TextStyle, Transform]] = {}
        self.dropped: set[str] = set()
        self.marked_up = 0

    def cues(self) -> Iterator[Cue]:
        for number, event in enumerate(self._file.events, 1):
            if event.is_comment:
                continue
            if event.is_drawing:
                self.dropped.add("\\p")
                continue
            words = event.plaintext.strip()
            if not words or not 0 <= event.start < event.end:
                continue
            style, place = self._look(event.style)
            style, place = self._overridden(event.text, style, place)
            yield Cue(number, event.start * 1000, event.end * 1000, words, style, place)

    def _look(self, name: str) -> tuple[TextStyle, Transform]:
        if name not in self._looks:
            style = self._file.styles.get(name) or self._file.styles.get("Default") or pysubs2.SSAStyle()
            self._looks[name] = self._carried(style)
        return self._looks[name]

    def _carried(self, style: Any) -> tuple[TextStyle, Transform]:
        """A style as the spec has it; what it cannot say is noted."""
        unlike = {
            "Fontname": not (font := _font(style.fontname)),
            "StrikeOut": style.strikeout,
            "ScaleX": style.scalex != 100,
            "ScaleY": style.scaley != 100,
            "Spacing": style.spacing != 0,
        }
        self.dropped |= {f"{name} {_value(style, name)}" for name, is_so in unlike.items() if is_so}
        size = _between(1.0, style.fontsize, 1000.0 * self._height)
        colour, alpha = _rgb(style.primarycolor)
        outline, outline_alpha = _rgb(style.outlinecolor)
        shade, shade_alpha = _rgb(style.backcolor)
        boxed, width = style.borderstyle == _BOX, style.outline / size / _OUTLINE_SHARE * 100
        distance = _between(0.0, style.shadow / size * 100, 100.0)
        text = TextStyle(
            font=font,
            size=self._size(size),
            bold=style.bold,
            italic=style.italic,
            underline=style.underline,
            color=colour,
            alpha=alpha,
            align=_ALIGN[_column(style.alignment)],
            border=TextBorder(color=outline, alpha=outline_alpha, width=_between(0.0, width, 100.0))
            if width > 0 and not boxed
            else None,
            shadow=TextShadow(color=shade, alpha=shade_alpha, distance=distance)
            if distance > 0 and not boxed
            else None,
            background=TextBackground(color=_hex(outline), alpha=outline_alpha) if boxed else None,
        )
        place = Transform(
            y=self._y(style.alignment, style.marginv, size), rotation=-_between(-360.0, style.angle, 360.0)
        )
        return text, place

    def _overridden(self, text: str, style: TextStyle, place: Transform) -> tuple[TextStyle, Transform]:
        """What tags before the first letter say of the whole caption; all others are taken away and noted."""
        leading = True
        marked = False
        at = 0
        for block in _BLOCK.finditer(text):
            leading = leading and not text[at : block.start()].strip()
            at = block.end()
            for tag in _TAG.finditer(block[1]):
                name, value = tag["name"], tag["value"].strip()
                changed = self._applied(name, value, style, place) if leading else None
                if changed is None:
                    marked = True
                    self.dropped.add(f"\\{name}")
                else:
                    style, place = changed
        self.marked_up += marked
        return style, place

    def _applied(
        self, name: str, value: str, style: TextStyle, place: Transform
    ) -> tuple[TextStyle, Transform] | None:
        try:
            if name in ("b", "i", "u"):
                field = {"b": "bold", "i": "italic", "u": "underline"}[name]
                return style.model_copy(update={field: value not in ("", "0")}), place
            if name in ("c", "1c") and (match := _COLOUR.fullmatch(value)):
                bgr = int(match[1], 16)
                rgb = tuple((bgr >> shift & 255) / 255 for shift in (0, 8, 16))
                return style.model_copy(update={"color": rgb}), place
            if name == "fs":
                return style.model_copy(
                    update={"size": self._size(_between(1.0, float(value), 1000.0 * self._height))}
                ), place
            if name == "an" and 1 <= int(value) <= 9:
                align = _ALIGN[_column(int(value))]
                y = self._y(int(value), 0, style.size * self._unit)
                return style.model_copy(update={"align": align}), place.model_copy(update={"y": y})
            if name == "pos":
                x, y = (float(number) for number in value.strip("()").split(","))
                moved = {"x": x / self._width * 2 - 1, "y": 1 - y / self._height * 2}
                if all(-10 <= number <= 10 for number in moved.values()):
                    return style, place.model_copy(update=moved)
        except (ValueError, KeyError):
            pass
        return None

    def _size(self, pixels: float) -> float:
        return min(1000.0, round(pixels / self._unit, 2))

    def _y(self, alignment: int, margin: float, size: float) -> float:
        """The middle of one line, in half canvas heights above the centre."""
        row = (int(alignment) - 1) // 3
        from_edge = (margin + size / 2) / self._height * 2
        return round(max(-1.0, min(1.0, (from_edge - 1, 0.0, 1 - from_edge)[row])), 4)


def _between(least: float, value: float, most: float) -> float:
    """A number of a file that others wrote; the least for what is none."""
    return min(max(least, value), most) if math.isfinite(value) else least


_ALIGN: Final = ("left", "center", "right")


def _column(alignment: int) -> int:
    return (int(alignment) - 1) % 3


def _resolution(file: Any, name: str) -> int:
    try:
        return max(1, int(file.info[name]))
    except (KeyError, ValueError):
        return _HEIGHT if name == "PlayResY" else _HEIGHT * 4 // 3


def _rgb(colour: Any) -> tuple[tuple[float, float, float], float]:
    """Red, green, blue, 0-1, and the opacity: in ASS 255 is invisible."""
    return (colour.r / 255, colour.g / 255, colour.b / 255), 1 - colour.a / 255


def _hex(rgb: Sequence[float]) -> str:
    return "#" + "".join(f"{round(value * 255):02x}" for value in rgb)


def _value(style: Any, name: str) -> Any:
    value = getattr(style, name.lower())
    return f"{value:g}" if isinstance(value, float) else value


def _font(name: str) -> str | None:
    """The font, if it is one of JianYing's."""
    from c2jy_bridge.drafts.compile.names import find

    return name if find("font", name) is not None else None


def write_ass(cues: Sequence[Cue], width: int, height: int) -> str:
    """Write captions as ASS, with a style for each look that they have.

    Args:
        cues: With their styles, where they have any.
        width: Of the canvas, px.
        height: Of the canvas, px.
    """
    file = pysubs2.SSAFile()
    file.info.update({"PlayResX": str(width), "PlayResY": str(height), "WrapStyle": "0"})
    names: dict[TextStyle, str] = {}
    file.styles.clear()
    for cue in cues:
        look = cue.style or TextStyle(size=5)
        if look not in names:
            names[look] = "Default" if not names else f"Style {len(names) + 1}"
            file.styles[names[look]] = _ass_style(look, width, height)
        text = cue.text.replace("\\", "\\\u2060").replace("{", "\\{").replace("\n", "\\N")
        place = cue.transform
        if place is not None and place.x is not None and place.y is not None and (place.x, place.y) != _USUAL:
            x, y = (place.x + 1) * width / 2, (1 - place.y) * height / 2
            text = f"{{\\an5\\pos({x:.0f},{y:.0f})}}{text}"
        start, end = (round(at / 1000) for at in (cue.start_us, cue.end_us))
        file.append(pysubs2.SSAEvent(start=start, end=end, style=names[look], text=text))
    return file.to_string("ass")


_USUAL: Final = (0.0, -0.8)


def _ass_style(look: TextStyle, width: int, height: int) -> Any:
    red, green, blue = (round(value * 255) for value in look.color[:3])
    return pysubs2.SSAStyle(
        fontname=look.font or "Arial",
        fontsize=round(look.size * font_unit(width), 1),
        primarycolor=pysubs2.Color(red, green, blue, round((1 - look.alpha) * 255)),
        bold=look.bold,
        italic=look.italic,
        underline=look.underline,
        outline=round(height / 540, 1),
        shadow=0,
        marginv=round(height * 0.08),
        alignment=pysubs2.Alignment.BOTTOM_CENTER,
    )
