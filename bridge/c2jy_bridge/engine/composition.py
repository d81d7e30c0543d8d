"""The composition root: settings in, every room of the engine made and handed what it needs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from c2jy_bridge.compat.coze2jianying import read_document, step_tools
from c2jy_bridge.core.events import Decision, Issue
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.views import ConnectionView
from c2jy_bridge.drafts import DraftBuilder, DraftPacker, Library
from c2jy_bridge.engine.bridging import Bridging
from c2jy_bridge.engine.chats import Approvals, Chats
from c2jy_bridge.engine.connection import CozeConnection
from c2jy_bridge.engine.drafts import Drafts
from c2jy_bridge.engine.event_sink import Broadcast, EventSink, Recorder
from c2jy_bridge.engine.startup import needed, open_log
from c2jy_bridge.engine.workflows import Workflows
from c2jy_bridge.journal import Journal, Owner
from c2jy_bridge.plugin import ToolRegistry, ToolRunner
from c2jy_bridge.relay.calls import BridgeTool
from c2jy_bridge.tools import built_in_tools


@dataclass(frozen=True, slots=True)
class Services:
    """What the engine is made of; made in this order, and closed in the other."""

    log: logging.Handler
    owner: Owner
    journal: Journal
    recorder: Recorder
    broadcast: Broadcast
    witness: EventSink
    line: CozeConnection
    drafts: Drafts
    approvals: Approvals
    registry: ToolRegistry
    issues: tuple[Issue, ...]
    """What went wrong while the tools were loaded."""
    runner: ToolRunner
    chats: Chats
    bridging: Bridging
    workflows: Workflows
    connection: ConnectionView


def compose(
    settings: Settings,
    *,
    demo: bool,
    unattended: Decision | None,
    clock: Callable[[], float],
    new_id: Callable[[], str],
) -> Services:
    """Put the rooms together; nothing is connected yet, but the journal is open.

    Raises:
        SettingsError: The drafts folder, the data folder or the journal cannot be used.
    """
    data, root, host = settings.data_dir, settings.drafts_root, urlsplit(settings.coze.api_base).netloc
    with needed("drafts", root):
        root.mkdir(parents=True, exist_ok=True)
    with needed("data", data):
        log = open_log(data / "logs", [token for token in (settings.coze.token,) if token])
        owner = Owner(data / "run")
    # The demo's host has another port each time and is still the same Bot.
    scope = f"{'demo' if demo else host}/{settings.coze.bot_id}"
    with needed("journal", data / "journal.db"):
        journal = Journal(data / "journal.db", scope=scope, owner=owner.name)
    broadcast = Broadcast()
    recorder = Recorder(journal, data / "journal.db", publish=broadcast.publish, clock=clock)
    witness = EventSink(recorder, broadcast)
    line = CozeConnection(settings.coze)
    studio = DraftBuilder(
        root=root,
        cache_dir=data / "materials",
        settings=settings.drafts,
        materials=settings.materials,
        reader=read_document,
        folders=[*settings.materials.folders, *settings.tools.folders],
        clock=clock,
    )
    library = Library(root, data / "trash")
    courier = DraftPacker(library, data / "exports", clock)
    registry = ToolRegistry()
    built_in_tools(
        registry,
        builder=studio,
        library=library,
        packer=courier,
        step_tools=step_tools(studio, data / "unfinished", time_unit=settings.drafts.time_unit),
        folders=settings.tools.folders,
        upload=line.upload,
        config_file=settings.config_dir / "config.toml",
    )
    registry.register(BridgeTool())
    issues = (
        *registry.load_user_tools(settings.config_dir / "tools"),
        *registry.load_entry_points(),
        *registry.policy_issues(settings.tools.policy),
    )
    approvals = Approvals(unattended)
    runner = ToolRunner(
        registry,
        settings=settings.tools,
        receipts=journal,
        approver=approvals,
        clock=clock,
        new_id=new_id,
    )
    bridging = Bridging(
        settings,
        registry=registry,
        runner=runner,
        journal=journal,
        client=line.client,
        answer=approvals.answer,
        saw=witness.saw,
        clock=clock,
        new_id=new_id,
    )
    return Services(
        log=log,
        owner=owner,
        journal=journal,
        recorder=recorder,
        broadcast=broadcast,
        witness=witness,
        line=line,
        drafts=Drafts(studio, library, courier),
        approvals=approvals,
        registry=registry,
        issues=issues,
        runner=runner,
        chats=Chats(settings.coze, client=line.client, runner=runner, saw=witness.saw, clock=clock),
        bridging=bridging,
        workflows=Workflows(
            settings,
            owner=owner,
            runner=runner,
            client=line.client,
            saw=witness.saw,
            clock=clock,
            new_id=new_id,
        ),
        connection=ConnectionView(
            bot_name="", bot_id=settings.coze.bot_id, host=host, drafts_root=str(root), demo=demo
        ),
    )
