"""`c2jy-tui emulator`, and the emulator that `--demo` runs beside the app."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from c2jy_bridge.core.bridge_requests import INTAKES
from c2jy_bridge.core.disk_space import os_reason
from c2jy_tui.commands import say
from c2jy_tui.commands.running import print_stderr

if TYPE_CHECKING:
    from c2jy_bridge.core.settings import Settings
    from coze_emulator import Emulator


PORT: Final = 28787
"""The emulator's port unless it is taken: media of an earlier demo keep their addresses, so that a
call of yesterday can be run again. Below the ports that systems hand out by themselves (Linux: 32768)."""


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl+C; 1 when the port cannot be had, 2 when the script is wrong."""
    from coze_emulator import Script, ScriptError, serve

    def ready(emulator: Emulator) -> None:
        print_stderr(say("emulator.ready", url=emulator.base_url))
        print(f"export COZE_API_BASE={emulator.base_url}")
        print("export COZE_API_TOKEN=demo")
        print(f"export COZE_BOT_ID={emulator.bot_id} BOT_ID={emulator.bot_id}")
        if emulator.mailbox_id:
            print(f"export C2JY_BRIDGE__MAILBOX_CONVERSATION_ID={emulator.mailbox_id}")
        sys.stdout.flush()

    try:
        script = Script.read(options.script) if options.script else None
        serve(host=options.host, port=options.port, script=script, on_ready=ready)
    except ScriptError as error:
        print_stderr(str(error))
        return 2
    except OSError as error:
        where = f"{options.host}:{options.port}"
        print_stderr(say("emulator.busy", where=where, why=os_reason(error)))
        return 1
    return 0


@contextmanager
def demo(config: Path | None, profile: str | None, overrides: Mapping[str, Any]) -> Iterator[Settings]:
    """Settings that point at an emulator which lives as long as the context.

    A settings file counts only when it is named: the demo must not write into JianYing's own folder because
    the user once wrote it there.
    """
    from c2jy_bridge.core.places import default_data_dir
    from c2jy_bridge.core.settings import load, merged

    emulator = _started()
    try:
        emulator.wait_ready()
        here: dict[str, Any] = {
            "coze": {"api_base": emulator.base_url, "token": "demo", "bot_id": emulator.bot_id},
            "data_dir": default_data_dir() / "demo",
        }
        here = merged(here, overrides)
        if config is None:
            notes = _notes(Path(here["data_dir"]) / "files")
            # Both intakes, so that every workflow of the emulator reaches this computer; in a studio it is
            # reached through the gateway.
            in_studio = load(None, profile=profile, overrides=here, look_for_file=False).studio.queue
            intakes = {} if in_studio else {"intakes": list(INTAKES)}
            box = {**intakes, "mailbox_conversation_id": emulator.mailbox_id}
            ways = {"tools": {"folders": [notes]}, "bridge": box}
            here = merged(ways, here)
        settings = load(config, profile=profile, overrides=here, look_for_file=False)
        # The demo's media come from the emulator itself; other private addresses are as the settings say.
        materials = settings.materials
        hosts = [*materials.allow_private_hosts, urlsplit(emulator.base_url).netloc]
        materials = materials.model_copy(update={"allow_private_hosts": hosts})
        yield settings.model_copy(update={"materials": materials})
    finally:
        emulator.stop()


def _started() -> Emulator:
    from coze_emulator import READABLE_PACE_S, Emulator

    # The journal remembers the conversations of earlier demos, which this emulator has never seen.
    how: dict[str, Any] = {"pace_s": READABLE_PACE_S, "adopt_conversations": True}
    try:
        return Emulator(port=PORT, **how).start()
    except OSError:
        return Emulator(**how).start()


def _notes(folder: Path) -> Path:
    """The folder that the demo's Bot may read from, after asking, with one file in it."""
    file = folder / "notes.txt"
    # If it cannot be written, the engine reports that with the setting's name.
    with contextlib.suppress(OSError):
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(say("demo.notes"), encoding="utf-8")
    return folder
