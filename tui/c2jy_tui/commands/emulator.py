"""`c2jy-tui emulator`: the Coze emulator alone, for any Coze client."""

from __future__ import annotations

import argparse

from c2jy_tui.commands import say
from c2jy_tui.commands.running import complain


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl+C; 1 when the port cannot be had, 2 when the script is wrong."""
    from c2jy_bridge.emulator import ScriptError, serve

    def ready(base_url: str, bot_id: str) -> None:
        complain(say("emulator.ready", url=base_url))
        print(f"export COZE_API_BASE={base_url}")
        print("export COZE_API_TOKEN=demo")
        print(f"export COZE_BOT_ID={bot_id}", flush=True)

    try:
        serve(host=options.host, port=options.port, script=options.script, on_ready=ready)
    except ScriptError as error:
        complain(str(error))
        return 2
    except OSError as error:
        where = f"{options.host}:{options.port}"
        complain(say("emulator.busy", where=where, why=error.strerror or error))
        return 1
    return 0
