"""The length of a bare AAC stream: it has no header that says it, so its frames are counted."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Final

_RATES: Final = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_SAMPLES: Final = 1024
"""In a raw data block (ISO/IEC 14496-3, 4.5.1.1)."""


def adts_duration_us(path: Path) -> int:
    """Microseconds of an ADTS stream (ISO/IEC 14496-3, 1.A.2); 0 when it is none."""
    samples, rate, offset = 0, 0, 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while offset + 7 <= len(data) and data[offset] == 0xFF and data[offset + 1] & 0xF6 == 0xF0:
            length = (data[offset + 3] & 3) << 11 | data[offset + 4] << 3 | data[offset + 5] >> 5
            index = data[offset + 2] >> 2 & 15
            if length < 7 or index >= len(_RATES):
                break
            rate = rate or _RATES[index]
            samples += _SAMPLES * ((data[offset + 6] & 3) + 1)
            offset += length
    return round(samples * 1_000_000 / rate) if rate else 0
