"""Draws the frames of a scene, layer over layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

from c2jy_bridge.drafts.kinds import font_unit
from c2jy_bridge.drafts.preview.frame_sources import FrameSources, Size, Unreadable, scaled
from c2jy_bridge.drafts.preview.placing import (
    Placed,
    coloured,
    crop_box,
    cropped,
    fainter,
    place,
)
from c2jy_bridge.drafts.preview.scene import Background, Clip, Layer, Placement, Scene
from c2jy_bridge.drafts.preview.text_painter import TextPainter
from c2jy_bridge.drafts.preview.transitions import blended, look_of

_BLUR: Final = 0.06
"""Radius of the strongest background blur, in canvas heights; by eye, the app's own is not known."""
_GREY: Final = (72, 72, 76)
_STRIPES: Final = (92, 92, 98)


class Compositor:
    """Draws frames of one scene at one size.

    Args:
        scene: What to draw.
        size: Of the frames, in the canvas's shape.
        sources: Pictures of media.
        painter: Pictures of texts.
        on_undrawn: Told a clip that could not be drawn, with the code of a note.
    """

    def __init__(
        self,
        scene: Scene,
        size: Size,
        sources: FrameSources,
        painter: TextPainter,
        on_undrawn: Callable[[Clip, str], None],
    ) -> None:
        self._scene, self._size = scene, size
        self._sources, self._painter, self._on_undrawn = sources, painter, on_undrawn

    def frame(self, at_us: int) -> Image.Image:
        """The frame at a time, RGB."""
        return self._draw(self._scene, Image.new("RGB", self._size), at_us, 0)

    def _draw(self, scene: Scene, canvas: Image.Image, at_us: int, place_of: int) -> Image.Image:
        for number, layer in enumerate(scene.layers):
            for clip, placed, mode in self._layer(layer, canvas.size, at_us, 100 * place_of + number):
                canvas = _laid(canvas, placed, clip, mode)
        return canvas

    def _layer(self, layer: Layer, size: Size, at_us: int, number: int) -> Iterator[tuple[Clip, Placed, str]]:
        if (cut := layer.cut_near(at_us)) is not None:
            before, after, passed = cut
            assert before.transition is not None
            sides = []
            for clip in (before, after):
                side = Image.new("RGBA", size)
                for placed in self._clip(clip, size, at_us, number):
                    side.alpha_composite(placed[0].convert("RGBA"), placed[1])
                sides.append(side)
            yield before, (blended(sides[0], sides[1], look_of(before.transition.name), passed), (0, 0)), ""
        elif (index := layer.index_at(at_us)) is not None:
            clip = layer.clips[index]
            mode = clip.mix_mode if clip.mix_mode and _effects().knows_mode(clip.mix_mode) else ""
            for placed in self._clip(clip, size, at_us, number):
                yield clip, placed, mode

    def _clip(self, clip: Clip, size: Size, at_us: int, number: int) -> Iterator[Placed]:
        """What is laid on the canvas for a clip: its background, and itself."""
        at = clip.placed_at(at_us)
        if at.alpha <= 0.0:
            return
        found = (
            self._text(clip, at, size) if clip.kind == "text" else self._media(clip, at, size, at_us, number)
        )
        if found is None:
            return
        picture, natural = found
        if clip.background is not None:
            yield self._background(clip.background, picture, size), (0, 0)
        if clip.chroma is not None:
            picture = _effects().keyed(picture, clip.chroma)
        if clip.mask is not None:
            picture = _effects().masked(picture, clip.mask)
        placed = place(picture, natural, at, size)
        if placed is not None:
            yield fainter(coloured(placed[0], at), at.alpha), placed[1]

    def _text(self, clip: Clip, at: Placement, size: Size) -> tuple[Image.Image, tuple[float, float]] | None:
        if clip.text is None:
            return None
        # Painted at its largest, so that a growing title is painted once.
        curves = (clip.curves.get(name, ()) for name in ("scale_x", "scale_y"))
        scale = max([abs(at.scale_x), abs(at.scale_y), *(abs(v) for curve in curves for _, v in curve)])
        if scale <= 0:
            return None
        unit = font_unit(size[0]) * scale
        picture = self._painter.paint(clip.text, unit, size[0] * scale)
        return picture, (picture.width / scale, picture.height / scale)

    def _media(
        self, clip: Clip, at: Placement, size: Size, at_us: int, number: int
    ) -> tuple[Image.Image, tuple[float, float]] | None:
        """A clip's picture, cropped, and what it measures at scale 1: as large as fits into the canvas."""
        if clip.inside is not None:
            whole: Size = (clip.inside.width, clip.inside.height)
            source = None
        else:
            source = self._sources.source(clip.path, moves=clip.kind == "video", place=number)
            if source is None:
                self._on_undrawn(clip, "")
                return self._stand_in(size)
            whole = source.size
        left, top, right, bottom = crop_box(clip.crop) if clip.crop else (0.0, 0.0, 1.0, 1.0)
        across, down = (right - left) * whole[0], (bottom - top) * whole[1]
        if across <= 0 or down <= 0:
            return None
        fit = min(size[0] / across, size[1] / down)
        wanted = scaled(whole, min(1.0, fit * max(abs(at.scale_x), abs(at.scale_y))))
        if clip.inside is not None:
            inner = Image.new("RGBA", wanted)
            picture = self._draw(clip.inside, inner, clip.source_us(at_us), number + 1)
        else:
            assert source is not None
            try:
                last = clip.source_start_us + max(0, clip.source_duration_us - 1)
                picture = source.picture(min(last, clip.source_us(at_us)), wanted)
            except Unreadable:
                self._on_undrawn(clip, "unreadable")
                return self._stand_in(size)
        if clip.crop:
            picture = cropped(picture, clip.crop)
        return picture, (across * fit, down * fit)

    def _background(self, background: Background, picture: Image.Image, size: Size) -> Image.Image:
        if background.kind == "colour":
            return Image.new("RGBA", size, (*background.colour, 255))
        if background.kind == "image":
            source = self._sources.source(background.path, moves=False)
            if source is None:
                return Image.new("RGBA", size, (0, 0, 0, 255))
            fill = max(size[0] / source.size[0], size[1] / source.size[1])
            picture = source.picture(0, scaled(source.size, fill))
        # Blurred when it is small: a quarter of the side is a sixteenth of the work.
        small = max(1, size[0] // 4), max(1, size[1] // 4)
        fill = max(small[0] / picture.width, small[1] / picture.height)
        covering = picture.convert("RGB").resize(scaled(picture.size, fill), Image.Resampling.BILINEAR)
        x, y = (covering.width - small[0]) // 2, (covering.height - small[1]) // 2
        covering = covering.crop((x, y, x + small[0], y + small[1]))
        if background.kind == "blur":
            covering = covering.filter(ImageFilter.GaussianBlur(small[1] * _BLUR * (0.3 + background.blur)))
        return covering.resize(size, Image.Resampling.BILINEAR).convert("RGBA")

    def _stand_in(self, size: Size) -> tuple[Image.Image, tuple[float, float]]:
        """Grey stripes where a medium is missing."""
        picture = Image.new("RGB", size, _GREY)
        draw = ImageDraw.Draw(picture)
        step = max(6, min(size) // 8)
        for x in range(-size[1], size[0], 2 * step):
            draw.polygon(
                [(x, size[1]), (x + step, size[1]), (x + step + size[1], 0), (x + size[1], 0)], _STRIPES
            )
        return picture, (float(size[0]), float(size[1]))


def _effects() -> ModuleType:
    """Masks, keys and mix modes, by numpy: a tenth of a second to import, which few drafts need."""
    from c2jy_bridge.drafts.preview import picture_effects

    return picture_effects


def _laid(canvas: Image.Image, placed: Placed, clip: Clip, mode: str) -> Image.Image:
    picture, where = placed
    if mode:
        box = (*where, where[0] + picture.width, where[1] + picture.height)
        canvas.paste(_effects().mixed(canvas.crop(box), picture, mode), where)
    elif picture.mode == "RGB":
        canvas.paste(picture, where)
    elif canvas.mode == "RGB":
        canvas.paste(picture, where, picture)
    else:
        canvas.alpha_composite(picture, where)
    return canvas


def size_of(scene: Scene, longest: int) -> Size:
    """The size of frames whose longer side has so many pixels; even, as video wants it."""
    factor = longest / max(scene.width, scene.height)
    return max(2, round(scene.width * factor / 2) * 2), max(2, round(scene.height * factor / 2) * 2)
