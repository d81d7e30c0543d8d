"""`c2jy-tui emulator`: the Coze emulator alone, for any Coze client."""

from __future__ import annotations

import argparse
import sys

from c2jy_tui.commands import say
from c2jy_tui.commands.output import complain


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl+C; 1 when the port cannot be had, 2 when the script is wrong."""
    from coze_emulator import Emulator, Script, ScriptError, serve

    def ready(emulator: Emulator) -> None:
        complain(say("emulator.ready", url=emulator.base_url))
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
        complain(str(error))
        return 2
    except OSError as error:
        where = f"{options.host}:{options.port}"
        complain(say("emulator.busy", where=where, why=error.strerror or error))
        return 1
    return 0
