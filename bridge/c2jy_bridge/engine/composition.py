"""The composition root: builds every service of the engine from the settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from pydantic import SecretStr

from c2jy_bridge.compat.coze2jianying import read_document, step_tools
from c2jy_bridge.core.events import Decision, Issue
from c2jy_bridge.core.settings import CozeSettings, Settings
from c2jy_bridge.core.views import ConnectionView
from c2jy_bridge.coze import CozeConnection
from c2jy_bridge.coze.login import login_of
from c2jy_bridge.drafts import DraftBuilder, DraftPacker, Library, TemplateFiller
from c2jy_bridge.drafts.preview.previewer import Previewer
from c2jy_bridge.engine.bridging import BridgeSwitch
from c2jy_bridge.engine.chats import Approvals, Chats
from c2jy_bridge.engine.conversations import Conversations
from c2jy_bridge.engine.drafts import Drafts, pack_made
from c2jy_bridge.engine.event_sink import Broadcast, EventSink, Recorder
from c2jy_bridge.engine.startup import (
    check_folders,
    close_log,
    open_journal,
    open_log,
    startup_errors,
)
from c2jy_bridge.engine.workflows import Workflows
from c2jy_bridge.journal import Journal, Owner
from c2jy_bridge.plugin import ToolRegistry, ToolRunner
from c2jy_bridge.plugin.attachments import kept_or
from c2jy_bridge.plugin.user_tools import load_entry_points, load_folder
from c2jy_bridge.relay.calls import BridgeTool
from c2jy_bridge.tools import built_in_tools


@dataclass(frozen=True, slots=True)
class Services:
    """The engine's services, in the order in which they are built."""

    log: logging.Handler
    owner: Owner
    journal: Journal
    recorder: Recorder
    broadcast: Broadcast
    sink: EventSink
    coze: CozeConnection
    drafts: Drafts
    approvals: Approvals
    registry: ToolRegistry
    issues: tuple[Issue, ...]
    """Errors while the journal was opened and the tools were loaded."""
    runner: ToolRunner
    chats: Chats
    conversations: Conversations
    bridge: BridgeSwitch
    workflows: Workflows
    connection: ConnectionView


def scope_of(coze: CozeSettings, *, demo: bool) -> str:
    """What the conversations of one Bot have in common; the demo's host has a new port each time."""
    return f"{'demo' if demo else urlsplit(coze.api_base).netloc}/{coze.bot_id}"


def build_services(
    settings: Settings,
    *,
    demo: bool,
    unattended: Decision | None,
    clock: Callable[[], float],
    new_id: Callable[[], str],
) -> Services:
    """Build the services and open the journal, without connecting; see `Engine` for the arguments.

    Raises:
        SettingsError: The drafts folder, the data folder or the journal cannot be used.
    """
    check_folders(settings)
    data, root, host = settings.data_dir, settings.drafts_root, urlsplit(settings.coze.api_base).netloc
    with startup_errors("drafts", root):
        root.mkdir(parents=True, exist_ok=True)
    with startup_errors("data", data):
        login = login_of(settings)
        kept = None if settings.coze.token else login.kept()
        stored = [SecretStr(secret) for secret in (kept.token, kept.refresh_token)] if kept else []
        log = open_log(data / "logs", [*stored, *filter(None, (settings.coze.token,))])
        owner = Owner(data / "run")
    scope = scope_of(settings.coze, demo=demo)
    try:
        with startup_errors("journal", data / "journal.db"):
            journal, journal_issues = open_journal(data / "journal.db", scope=scope, owner=owner, clock=clock)
    except BaseException:
        owner.release()
        close_log(log)
        raise
    broadcast = Broadcast()
    recorder = Recorder(journal, data / "journal.db", publish=broadcast.publish, clock=clock)
    sink = EventSink(recorder, broadcast)
    coze = CozeConnection(settings.coze, login)
    builder = DraftBuilder(
        root=root,
        cache_dir=data / "materials",
        settings=settings.drafts,
        materials=settings.materials,
        reader=read_document,
        folders=[*settings.materials.folders, *settings.tools.folders],
        clock=clock,
    )
    library = Library(root, data / "trash")
    packer = DraftPacker(library, data / "exports", clock)
    filler = TemplateFiller(builder, library, clock)
    upload = kept_or(coze.upload)
    previewer = Previewer(library, packer.exports_dir, font=settings.drafts.preview_font, clock=clock)
    registry = ToolRegistry()
    built_in_tools(
        registry,
        builder=builder,
        library=library,
        packer=packer,
        previewer=previewer,
        step_tools=step_tools(builder, data / "unfinished", time_unit=settings.drafts.time_unit),
        folders=settings.tools.folders,
        upload=upload,
        config_file=settings.config_dir / "config.toml",
    )
    registry.register(BridgeTool())
    issues = (
        *journal_issues,
        *load_folder(registry, settings.config_dir / "tools"),
        *load_entry_points(registry),
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
    bridge = BridgeSwitch(
        settings,
        registry=registry,
        runner=runner,
        journal=journal,
        client=coze.client,
        answer=approvals.answer,
        pack=partial(pack_made, packer, data / "trash"),
        emit=sink.emit,
        clock=clock,
        new_id=new_id,
    )

    def runs_elsewhere(chat_id: str) -> bool:
        runner_of_chat = journal.owner_of(chat_id)
        return bool(runner_of_chat) and runner_of_chat != owner.name and not owner.is_gone(runner_of_chat)

    chats = Chats(
        settings.coze,
        client=coze.client,
        runner=runner,
        approvals=approvals,
        runs_elsewhere=runs_elsewhere,
        emit=sink.emit,
        clock=clock,
    )
    return Services(
        log=log,
        owner=owner,
        journal=journal,
        recorder=recorder,
        broadcast=broadcast,
        sink=sink,
        coze=coze,
        drafts=Drafts(builder, library, packer, filler, previewer),
        approvals=approvals,
        registry=registry,
        issues=issues,
        runner=runner,
        chats=chats,
        conversations=Conversations(
            journal,
            recorder,
            settings=settings.coze,
            client=coze.client,
            is_running=chats.is_running,
            claims=data / "run" / "open",
            clock=clock,
        ),
        bridge=bridge,
        workflows=Workflows(
            settings,
            owner=owner,
            conversation_id=lambda: chats.conversation_id,
            runner=runner,
            client=coze.client,
            emit=sink.emit,
            clock=clock,
            new_id=new_id,
        ),
        connection=ConnectionView(
            bot_name="", bot_id=settings.coze.bot_id, host=host, drafts_root=str(root), demo=demo
        ),
    )
