"""Bridge mode with the intakes that the settings name: what the engine makes once and switches on and off."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from c2jy_bridge.core.events import Event
from c2jy_bridge.core.ports import ReceiptStore
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.vault import Vault, system_keyring
from c2jy_bridge.coze import CozeClient
from c2jy_bridge.journal import Owner
from c2jy_bridge.plugin import ToolRegistry, ToolRunner
from c2jy_bridge.relay.bridge import Bridge, Intake
from c2jy_bridge.relay.intakes.http import HttpIntake, Tokens
from c2jy_bridge.relay.intakes.mailbox import MailboxIntake
from c2jy_bridge.relay.intakes.workflow import WorkflowRuns
from c2jy_bridge.relay.service import RequestService
from c2jy_bridge.relay.storage import Storage


def bridge_tokens(settings: Settings) -> Tokens:
    """The bridge's token, for this process and for `bridge token` beside it."""
    return Tokens(Vault(settings.data_dir / "secrets", system_keyring()))


@asynccontextmanager
async def workflow_runs(
    settings: Settings,
    *,
    owner: Owner,
    runner: ToolRunner,
    client: Callable[[], Awaitable[CozeClient]],
    saw: Callable[[Event], Awaitable[None]],
    clock: Callable[[], float] = time.time,
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> AsyncIterator[WorkflowRuns]:
    """A way to run cloud workflows from here, with or without bridge mode; see `bridge_mode` for the rest."""
    storage = await asyncio.to_thread(Storage, settings.data_dir / "journal.db")
    try:
        yield WorkflowRuns(
            client=client,
            bot_id=settings.coze.bot_id,
            runner=runner,
            storage=storage,
            owner=owner,
            saw=saw,
            clock=clock,
            new_id=new_id,
        )
    finally:
        await storage.aclose()


def bridge_mode(
    settings: Settings,
    *,
    registry: ToolRegistry,
    runner: ToolRunner,
    receipts: ReceiptStore,
    client: Callable[[], Awaitable[CozeClient]],
    deny: Callable[[str], object],
    saw: Callable[[Event], Awaitable[None]],
    tokens: Tokens | None = None,
    clock: Callable[[], float] = time.time,
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> Bridge:
    """Bridge mode, off.

    Args:
        settings: Limits, addresses, the Bot, and which intakes there are.
        registry: The tools, for their descriptions; `BridgeTool` should be among them.
        runner: Runs them.
        receipts: The journal.
        client: The way to Coze, made at first use; may raise CozeProblem.
        deny: Answers the question of a tool call with no; called when nobody answered it in time.
        saw: Awaited for every event of requests and of their chats.
        tokens: The HTTP intake's token; by default `bridge_tokens(settings)`.
        clock: Unix seconds.
        new_id: Ids of turns and calls.
    """

    def intakes(desk: RequestService, storage: Storage) -> Sequence[Intake]:
        made: list[Intake] = []
        if "http" in settings.bridge.intakes:
            made.append(
                HttpIntake(
                    settings,
                    desk=desk,
                    storage=storage,
                    registry=registry,
                    tokens=tokens or bridge_tokens(settings),
                    status=bridge.status,
                    clock=clock,
                )
            )
        if "mailbox" in settings.bridge.intakes:
            made.append(
                MailboxIntake(
                    desk=desk,
                    storage=storage,
                    client=client,
                    scope=f"{urlsplit(settings.coze.api_base).netloc}/{settings.coze.bot_id}",
                    conversation_id=settings.bridge.mailbox_conversation_id,
                    interval_s=settings.bridge.mailbox_interval_s,
                    clock=clock,
                )
            )
        return made

    bridge = Bridge(
        settings,
        runner=runner,
        receipts=receipts,
        client=client,
        deny=deny,
        saw=saw,
        intakes=intakes,
        clock=clock,
        new_id=new_id,
    )
    return bridge
