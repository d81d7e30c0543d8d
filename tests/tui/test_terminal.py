"""While the app owns the terminal, what anything else prints goes to the log."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import logging, os, subprocess, sys
from c2jy_tui.commands.screen import redirected_stdio

kept = []
class Keep(logging.Handler):
    def emit(self, record):
        kept.append(record.getMessage())
logging.getLogger("c2jy_bridge").addHandler(Keep())
logging.getLogger("c2jy_bridge").propagate = False

print("before")
with redirected_stdio():
    os.write(1, b"noise 1\\n")
    os.write(2, b"noise 2\\n")
    subprocess.run(["sh", "-c", "echo noise 3; echo noise 4 >&2"], check=True)
    sys.__stderr__.write("drawn\\n")
    print("last words of Python")
print("after", sorted(kept))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="its descriptors are left alone there")
def test_what_is_written_past_python_goes_to_the_log_and_the_drawing_to_the_terminal() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "before",
        "last words of Python",
        "after ['noise 1', 'noise 2', 'noise 3', 'noise 4']",
    ]
    assert done.stderr == "drawn\n"
