"""Synthesises the music of the emulator's media: plucked chords."""

from __future__ import annotations

import math
from array import array
from typing import Final

RATE: Final = 44_100
MUSIC_S: Final = 16

_CHORDS: Final = (
    (57, 64, 69, 72, 76),  # A minor
    (53, 60, 65, 69, 72),  # F
    (48, 60, 64, 67, 72),  # C
    (55, 62, 67, 71, 74),  # G
)
"""MIDI note numbers; a chord lasts two seconds."""


def _pluck(at: float, note: int) -> float:
    """A string `at` seconds after it was plucked, -1 to 1."""
    if at < 0:
        return 0.0
    turn = 2 * math.pi * 440 * 2 ** ((note - 69) / 12) * at
    return math.exp(-2.2 * at) * (math.sin(turn) + 0.4 * math.sin(2 * turn) + 0.15 * math.sin(3 * turn)) / 1.6


def music() -> array[int]:
    """Broken chords, played twice, mono, 16 bit."""
    total = MUSIC_S * RATE
    sound = [0.0] * total
    for step in range(MUSIC_S * 4):  # four notes a second
        chord = _CHORDS[(step // 8) % len(_CHORDS)]
        note = (chord[1], chord[2], chord[3], chord[4], chord[3] + 12, chord[4], chord[3], chord[2])[step % 8]
        first = step * RATE // 4
        for sample in range(min(RATE * 2, total - first)):
            sound[first + sample] += 0.30 * _pluck(sample / RATE, note)
        if step % 8 == 0:
            for sample in range(min(RATE * 2, total - first)):
                at = sample / RATE
                rise = min(1.0, at * 4) * min(1.0, (2 - at) * 4)
                sound[first + sample] += (
                    0.12 * rise * math.sin(2 * math.pi * 440 * 2 ** ((chord[0] - 69) / 12) * at)
                )
    return array("h", [round(max(-1.0, min(1.0, value)) * 30_000) for value in sound])
