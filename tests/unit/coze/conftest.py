"""The same bench as for the faults."""

from faults.conftest import emulator, raw, runner, slept, talk, wire

__all__ = ["emulator", "raw", "runner", "slept", "talk", "wire"]
