"""The steps of the first-run guide: what each asks, tries and writes."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import aclosing
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from c2jy_bridge.compat.coze2jianying import read_document
from c2jy_bridge.core import i18n
from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.events import (
    Decision,
    Outcome,
    ToolCallFinished,
    TurnCancelled,
    TurnCompleted,
    TurnFailed,
)
from c2jy_bridge.core.places import expanded, path_fault
from c2jy_bridge.core.settings import Settings
from c2jy_bridge.core.vault import system_keyring
from c2jy_bridge.coze import CozeClient, CozeProblem, connect
from c2jy_bridge.coze.errors import site_of
from c2jy_bridge.drafts import DraftBuilder, DraftError
from c2jy_bridge.engine.doctor import found_roots
from c2jy_bridge.engine.engine import Engine
from c2jy_bridge.engine.guide import Asked, Choice, Guide, Talk, Told, say

SITES: Final = {"coze.cn": "https://api.coze.cn", "coze.com": "https://api.coze.com"}
TEST_S: Final = 120.0
"""Seconds that the test call may take."""


def _problem(error: CozeProblem) -> Told:
    return Told(" ".join(filter(None, (error.problem.message, error.problem.hint))), "problem")


async def language(guide: Guide) -> Talk:
    """Which language; in both, since none is chosen yet."""
    choices = (Choice("zh", "中文"), Choice("en", "English"))
    chosen = yield Asked("choice", "语言 / Language", choices, i18n.language())
    i18n.use("zh" if chosen == "zh" else "en")
    await guide.change(screen__lang=chosen)
    yield Told(say("language.done", path=guide.file.path), "done")


async def mode(guide: Guide) -> Talk:
    """The built-in demo, or a Bot of one's own."""
    choices = (
        Choice("real", say("mode.real"), say("mode.real.about")),
        Choice("demo", say("mode.demo"), say("mode.demo.about")),
    )
    guide.demo = (yield Asked("choice", say("mode.ask"), choices, "real")) == "demo"
    if guide.demo:
        yield Told(say("mode.demo.done"), "done")
    else:
        await asyncio.to_thread(guide.record, "mode")
        yield Told(say("mode.real.done"), "done")


# --- the token --------------------------------------------------------------------------------------


async def token(guide: Guide) -> Talk:
    """Which site, and a token for it: pasted, from the environment, or by the device login."""
    if guide.settings.coze.api_base in SITES.values():
        choices = tuple(Choice(address, site) for site, address in SITES.items())
        site = yield Asked("choice", say("site.ask"), choices, guide.settings.coze.api_base)
        if site != guide.settings.coze.api_base:
            await guide.change(coze__api_base=site)
    in_environment = bool(guide.environment.get("COZE_API_TOKEN"))
    choices = (
        Choice("paste", say("token.paste"), say("token.paste.about")),
        Choice("login", say("token.login"), say("token.login.about")),
        Choice("environment", say("token.environment"), say("token.environment.about")),
    )
    default = "environment" if in_environment else "paste"
    way = yield Asked("choice", say("token.ask"), choices, default)
    ways = {"paste": _paste, "login": _device_login, "environment": _environment}
    async with aclosing(ways[way](guide)) as talk:
        said = await anext(talk, None)
        while said is not None:
            answer = yield said
            try:
                said = await talk.asend(answer)
            except StopAsyncIteration:
                return


async def _paste(guide: Guide) -> Talk:
    site = site_of(guide.settings.coze.api_base)
    while True:
        given = (yield Asked("secret", say("token.paste.ask", site=site))).strip()
        if not given:
            return
        try:
            who = await _whoami(guide.settings, given)
        except CozeProblem as error:
            yield _problem(error)
            continue
        await asyncio.to_thread(guide.login.keep_token, given)
        yield Told(say("token.done", who=who, where=await asyncio.to_thread(_where, guide)), "done")
        if guide.settings.coze.token is not None:
            yield Told(say("token.shadowed"), "problem")
        return


async def _environment(guide: Guide) -> Talk:
    if not guide.environment.get("COZE_API_TOKEN"):
        yield Told(say("token.environment.how"))
        return
    try:
        who = await _whoami(guide.settings, guide.environment["COZE_API_TOKEN"])
    except CozeProblem as error:
        yield _problem(error)
    else:
        yield Told(say("token.environment.done", who=who), "done")


async def _device_login(guide: Guide) -> Talk:
    site = site_of(guide.settings.coze.api_base)
    question = say("token.login.ask", site=site)
    client_id = (yield Asked("text", question, default=guide.settings.coze.client_id)).strip()
    if not client_id:
        return
    login = guide.login
    try:
        code = await login.begin(client_id)
        yield Told(say("token.login.open", url=code.url, code=code.user_code))
        await login.wait(client_id, code, guide.sleep)
        await guide.change(coze__client_id=client_id)
        who = await _whoami(guide.settings, (await asyncio.to_thread(login.fresh)).token)
    except CozeProblem as error:
        yield _problem(error)
    else:
        yield Told(say("token.done", who=who, where=await asyncio.to_thread(_where, guide)), "done")


async def _whoami(settings: Settings, token: str) -> str:
    coze = settings.coze.model_copy(update={"token": SecretStr(token)})
    client = await asyncio.to_thread(connect, coze)
    try:
        return await client.whoami()
    finally:
        await client.aclose()


def _where(guide: Guide) -> str:
    file = guide.settings.data_dir / "secrets" / "coze-login"
    in_keyring = system_keyring() is not None and file.exists() and not file.stat().st_size
    return say("token.in_keyring") if in_keyring else str(file)


# --- the Bot ----------------------------------------------------------------------------------------


async def bot(guide: Guide) -> Talk:
    """Which Bot, by its name; its id where the token may not list Bots."""
    try:
        client = await asyncio.to_thread(connect, guide.settings.coze, guide.login)
    except CozeProblem as error:
        yield _problem(error)
        return
    try:
        found = await client.bots()
    except CozeProblem as error:
        found = []
        yield _problem(error)
    try:
        chosen = ""
        if found:
            listed = [Choice(one.bot_id, one.name, f"{one.workspace} · {one.about}") for one in found]
            choices = (*listed, Choice("", say("bot.other"), say("bot.other.about")))
            current = guide.settings.coze.bot_id
            known = current if current in [one.bot_id for one in found] else found[0].bot_id
            chosen = yield Asked("choice", say("bot.ask"), choices, known)
        else:
            yield Told(say("bot.none", site=site_of(guide.settings.coze.api_base)))
        while not chosen:
            given = (yield Asked("text", say("bot.ask_id"), default=guide.settings.coze.bot_id)).strip()
            if not given:
                return
            if (fault := await _no_bot(client, given)) is not None:
                yield fault
            else:
                chosen = given
        name = await client.bot_name(chosen)
    except CozeProblem as error:
        yield _problem(error)
        return
    finally:
        await client.aclose()
    await guide.change(coze__bot_id=chosen)
    yield Told(say("bot.done", name=name, path=guide.file.path), "done")


async def _no_bot(client: CozeClient, bot_id: str) -> Told | None:
    try:
        await client.bot_name(bot_id)
    except CozeProblem as error:
        return _problem(error)
    return None


# --- the drafts folder ------------------------------------------------------------------------------


async def drafts(guide: Guide) -> Talk:
    """JianYing's drafts folder: found or named, and tried with a draft."""
    roots = await asyncio.to_thread(found_roots)
    apps = {"jianying": "剪映 JianYing", "capcut": "CapCut"}
    choices = (
        *(Choice(root.path, apps[root.app], root.path) for root in roots),
        Choice("name", say("drafts.name"), say("drafts.name.about")),
        Choice("own", say("drafts.own"), say("drafts.own.about", path=guide.settings.data_dir / "drafts")),
    )
    chosen = yield Asked("choice", say("drafts.ask"), choices, choices[0].value)
    if chosen == "own":
        await asyncio.to_thread(guide.record, "drafts")
        yield Told(say("drafts.own.done"), "done")
        return
    while True:
        if chosen == "name":
            chosen = yield Asked(
                "text", say("drafts.ask_path"), default=str(guide.settings.drafts.root or "")
            )
            chosen = chosen.strip().strip("\"'")
            if not chosen:
                return
        folder = expanded(Path(chosen))
        if reason := await try_folder(guide.settings, folder):
            yield Told(reason, "problem")
            chosen = "name"
            continue
        await guide.change(drafts__root=folder)
        yield Told(say("drafts.done", folder=folder, path=guide.file.path), "done")
        return


async def try_folder(settings: Settings, folder: Path) -> str:
    """Write a draft into a drafts folder, verify and remove it; returns why that failed, else nothing."""
    if fault := path_fault(folder):
        return say("drafts.not", folder=folder, why=say(f"drafts.{fault}"))
    if not folder.is_absolute() or not await asyncio.to_thread(folder.is_dir):
        return say("drafts.not", folder=folder, why=say("drafts.missing"))
    document = {
        "schema": "c2jy/1",
        "name": "c2jy-test",
        "tracks": [{"type": "text", "clips": [{"text": "c2jy-tui", "start": 0, "duration": 1}]}],
    }
    builder = DraftBuilder(
        root=folder,
        cache_dir=settings.data_dir / "materials",
        settings=settings.drafts,
        materials=settings.materials,
        reader=read_document,
    )
    try:
        # A name that is taken gets a number: what is removed is always what has just been written.
        (draft,) = (await builder.build(document)).drafts
        await asyncio.to_thread(shutil.rmtree, draft.path)
    except DraftError as error:
        return say("drafts.not", folder=folder, why=error)
    except OSError as error:
        return say("drafts.not", folder=folder, why=os_reason(error))
    return ""


# --- the plugin and the test ------------------------------------------------------------------------


async def plugin(guide: Guide) -> Talk:
    """Write the files for Coze's pages and say where they go."""
    folder = guide.settings.config_dir / "coze-plugin"  # a folder of our own: its files may be replaced
    try:
        engine = await asyncio.to_thread(Engine, guide.settings)
        try:
            written = await asyncio.to_thread(engine.write_manifests, folder)
        finally:
            await engine.close()
    except OSError as error:
        yield Told(say("plugin.unwritable", folder=folder, why=os_reason(error)), "problem")
        return
    names = ", ".join(path.name for path in written)
    yield Told(say("plugin.written", folder=folder, names=names))
    prompt = folder / f"prompt.{i18n.language()}.md"
    site = site_of(guide.settings.coze.api_base)
    yield Asked("pause", say("plugin.how", site=site, folder=folder, prompt=prompt))
    await asyncio.to_thread(guide.record, "plugin")
    yield Told(say("plugin.done"), "done")


async def test(guide: Guide) -> Talk:
    """A question to the Bot that makes it call a tool here, and its answer."""
    if not guide.settings.coze.bot_id:
        yield Told(say("test.no_bot"), "problem")
        return
    yield Told(say("test.asking", question=say("test.question")))
    engine = await asyncio.to_thread(Engine, guide.settings, unattended=Decision.DENY)
    called: ToolCallFinished | None = None
    end: TurnCompleted | TurnFailed | TurnCancelled | None = None
    try:
        events = engine.events()
        turn = await engine.send(say("test.question"))
        async with asyncio.timeout(TEST_S):
            async for event in events:
                if isinstance(event, ToolCallFinished):
                    called = event
                elif isinstance(event, TurnCompleted | TurnFailed | TurnCancelled) and event.turn_id == turn:
                    end = event
                    break
    except TimeoutError:
        await engine.cancel()
    finally:
        await engine.close()
    if isinstance(end, TurnFailed):
        yield _problem(CozeProblem(end.problem))
    elif not isinstance(end, TurnCompleted):
        yield Told(say("test.slow", seconds=f"{TEST_S:g}"), "problem")
    elif called is None:
        yield Told(say("test.no_call", site=site_of(guide.settings.coze.api_base)), "problem")
    elif called.outcome is not Outcome.OK:
        yield Told(say("test.tool_failed", tool=called.tool), "problem")
    else:
        await asyncio.to_thread(guide.record, "test")
        yield Told(say("test.done", tool=called.tool, seconds=f"{called.elapsed_s:.1f}"), "done")
