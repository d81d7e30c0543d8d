"""The `c2jy/1` document: what a draft shall be, as frozen pydantic models, and how it is read.

Times inside are integer microseconds; at the edge a bare number is seconds and a string carries its unit.
Knows nothing of pyJianYingDraft, of the network or of the disk: names of effects are only strings here.
"""

from c2jy_bridge.drafts.spec.appearance import (
    Animation,
    Background,
    Chroma,
    Crop,
    Effect,
    Fade,
    Filter,
    Keyframe,
    Mask,
    PropertyName,
    Transform,
    Transition,
)
from c2jy_bridge.drafts.spec.clips import (
    AudioClip,
    BaseClip,
    Clip,
    EffectClip,
    FilterClip,
    ImageClip,
    Media,
    PictureClip,
    Source,
    StickerClip,
    TextClip,
    VideoClip,
    VisualClip,
)
from c2jy_bridge.drafts.spec.colours import opaque_hex, parse_colour, parse_rgb
from c2jy_bridge.drafts.spec.document import SCHEMA, DraftSpec, Overlap, Subtitles, Target, Track, TrackKind
from c2jy_bridge.drafts.spec.model import Range, SpecModel
from c2jy_bridge.drafts.spec.reading import ParsedSpec, is_spec, nearest, parse_spec
from c2jy_bridge.drafts.spec.style import Bubble, TextBackground, TextBorder, TextShadow, TextStyle
from c2jy_bridge.drafts.spec.times import LONGEST_US, TimeUS, Us, clock, parse_time, us

__all__ = [
    "LONGEST_US",
    "SCHEMA",
    "Animation",
    "AudioClip",
    "Background",
    "BaseClip",
    "Bubble",
    "Chroma",
    "Clip",
    "Crop",
    "DraftSpec",
    "Effect",
    "EffectClip",
    "Fade",
    "Filter",
    "FilterClip",
    "ImageClip",
    "Keyframe",
    "Mask",
    "Media",
    "Overlap",
    "ParsedSpec",
    "PictureClip",
    "PropertyName",
    "Range",
    "Source",
    "SpecModel",
    "StickerClip",
    "Subtitles",
    "Target",
    "TextBackground",
    "TextBorder",
    "TextClip",
    "TextShadow",
    "TextStyle",
    "TimeUS",
    "Track",
    "TrackKind",
    "Transform",
    "Transition",
    "Us",
    "VideoClip",
    "VisualClip",
    "clock",
    "is_spec",
    "nearest",
    "opaque_hex",
    "parse_colour",
    "parse_rgb",
    "parse_spec",
    "parse_time",
    "us",
]
