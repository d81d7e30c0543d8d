"""The screenshot tool."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

from pydantic import Field

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.plugin import ToolError, tool
from c2jy_bridge.tools.outputs import ScreenTaken

say: Final = catalogue("tools")


@dataclass(frozen=True, slots=True)
class Picture:
    """A screenshot as a PNG; pixels."""

    png: bytes
    width: int
    height: int


class ScreenTools:
    """screenshot."""

    def __init__(
        self,
        upload: Callable[[Path], Awaitable[str]],
        clock: Callable[[], float] = time.time,
        grab: Callable[[int], Picture] | None = None,
    ) -> None:
        """Take the services.

        Args:
            upload: Sends a file to Coze and returns its file id.
            clock: Unix seconds, for the file's name.
            grab: Takes the picture of a monitor, 0 for all together; mss by default.
        """
        self._upload = upload
        self._clock = clock
        self._grab = grab or _grab

    @tool(policy="ask", timeout_s=60.0, concurrency="serial")
    async def screenshot(self, monitor: Annotated[int, Field(ge=0, le=16)] = 0) -> ScreenTaken:
        """Take a picture of the user's screen. `image` and `file_id` are the uploaded PNG's file id.

        Args:
            monitor: 0 for all monitors together, 1 for the first, 2 for the second ...
        """
        picture = await asyncio.to_thread(self._grab, monitor)
        name = time.strftime("screenshot-%Y%m%d-%H%M%S.png", time.localtime(self._clock()))
        with TemporaryDirectory(prefix="c2jy-") as folder:
            file = Path(folder, name)
            await asyncio.to_thread(file.write_bytes, picture.png)
            try:
                file_id = await self._upload(file)
            except Exception as error:  # the wire has errors of its own; this room does not know them
                raise ToolError(say("screen.not_uploaded", reason=str(error)[:300])) from None
        message = say("screen.taken", width=picture.width, height=picture.height)
        return ScreenTaken(message, file_id, file_id, picture.width, picture.height)


def _grab(monitor: int) -> Picture:
    """Take a picture with mss.

    Raises:
        ToolError: There is no display, or no such monitor.
    """
    import mss  # loads the libraries of the display, which a headless machine may not have
    from mss.tools import to_png

    try:
        with mss.MSS() as screens:
            if monitor >= len(screens.monitors):
                raise ToolError(say("screen.no_monitor", monitor=monitor, count=len(screens.monitors) - 1))
            shot = screens.grab(screens.monitors[monitor])
            png = to_png(shot.rgb, shot.size)
    except ToolError:
        raise
    except Exception as error:  # mss has a different error for every display system
        raise ToolError(say("screen.no_display", reason=str(error)[:200])) from None
    if png is None:
        raise ToolError(say("screen.no_display", reason="no picture"))
    return Picture(png, shot.width, shot.height)
