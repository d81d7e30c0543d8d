"""Subtitles: SRT and WebVTT of every sloppiness, to text clips.

Pure: bytes of files and links are handed in. Must not know how a clip is compiled.
"""

from c2jy_bridge.drafts.subtitles.srt import Cue, ReadCues, decode_text, read_cues
from c2jy_bridge.drafts.subtitles.tracks import LARGEST, SubtitleTrack, subtitle_links, subtitle_tracks

__all__ = [
    "LARGEST",
    "Cue",
    "ReadCues",
    "SubtitleTrack",
    "decode_text",
    "read_cues",
    "subtitle_links",
    "subtitle_tracks",
]
