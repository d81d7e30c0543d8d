"""Subtitles: SRT and WebVTT of every sloppiness, to text clips.

Pure but for reading a declared file. Must not know how a clip is compiled.
"""

from c2jy_bridge.drafts.subtitles.srt import Cue, ReadCues, decode_text, read_cues
from c2jy_bridge.drafts.subtitles.tracks import SubtitleTrack, subtitle_tracks

__all__ = ["Cue", "ReadCues", "SubtitleTrack", "decode_text", "read_cues", "subtitle_tracks"]
