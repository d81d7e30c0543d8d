"""A server with the configuration of the docs: who may do what in a studio, and what another studio sees."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nkeys
import pytest
from nats.errors import Error as NatsError

from c2jy_bridge.core.bridge_requests import Artifact, State
from c2jy_bridge.relay.request import BridgeProblem, Ending, Submission, bridge_problem
from c2jy_bridge.relay.studio.artifacts import StudioArtifacts
from c2jy_bridge.relay.studio.connection import Role, Studio, open_studio
from c2jy_bridge.relay.studio.queue import StudioQueue
from c2jy_bridge.relay.studio.workers import set_draining, toolsets_of, workers_of
from nats_server import NatsServer, needs_nats, studio_settings
from relay_harness import eventually

pytestmark = [pytest.mark.slow, needs_nats, pytest.mark.timeout(120)]
DOCS = Path(__file__).resolve().parents[4] / "docs"
ROLES: tuple[Role, ...] = ("gateway", "machine", "operator")


def block(page: str) -> str:
    """The server's configuration as a page of the docs has it."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(r"<!-- not run: nats\.conf, [^>]* -->\n```\n(.*?)```", text, re.DOTALL)
    assert found, page
    return found[1]


def new_key(kind: int) -> nkeys.KeyPair:
    return nkeys.from_seed(nkeys.encode_seed(secrets.token_bytes(32), kind))


@dataclass
class Secured:
    """A server, and the credentials files of two accounts by `account/role`."""

    server: NatsServer
    files: dict[str, Path]

    async def open(self, who: str, **more: Any) -> Studio:
        account = who.partition("/")[0]
        role = next(role for role in ROLES if who.endswith(role))
        settings = studio_settings(self.server.url, name="studio", credentials=self.files[who], **more)
        return await open_studio(settings, limit=50, retention_s=7 * 86_400.0, who=account, role=role)

    def violations(self) -> list[str]:
        log = (self.server.folder / "log").read_text(encoding="utf-8")
        return [line for line in log.splitlines() if "iolation" in line]


def by_nkeys(folder: Path) -> Secured:
    """As the docs say, with a second account that is a copy of the first."""
    files: dict[str, Path] = {}
    before, accounts = block("studio.md").split("accounts {\n")
    film = accounts.rpartition("}")[0]
    both = []
    for account in ("film", "ads"):
        text = film.replace("film {", f"{account} {{")
        for role in ROLES:
            key = new_key(nkeys.PREFIX_BYTE_USER)
            text = text.replace(f"<{role}>", key.public_key.decode())
            files[f"{account}/{role}"] = write(folder, f"{account}-{role}.nk", key.seed.decode() + "\n")
        both.append(text)
    return started(folder, before + "accounts {\n" + "".join(both) + "}\n", files)


def by_jwt(folder: Path) -> Secured:
    """With an operator, accounts and users of signed claims, as `nsc` makes them."""
    lists = {
        role: {key: {"allow": re.findall(r'"([^"]+)"', found)} for key, found in lists_of(role).items()}
        for role in ("gateway", "machine")
    }
    operator = new_key(nkeys.PREFIX_BYTE_OPERATOR)
    files, preload, accounts = {}, [], {}
    unlimited = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
    jetstream = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)
    for name in ("system", "film", "ads"):
        key = accounts[name] = new_key(nkeys.PREFIX_BYTE_ACCOUNT)
        limits = {**unlimited, "wildcards": True, **({} if name == "system" else jetstream)}
        token = signed(operator, key, name, {"type": "account", "limits": limits})
        preload.append(f"{key.public_key.decode()}: {token}")
    for name in ("film", "ads"):
        for role in ROLES:
            user = new_key(nkeys.PREFIX_BYTE_USER)
            claims = {"type": "user", "subs": -1, "data": -1, "payload": -1, **lists.get(role, {})}
            token = signed(accounts[name], user, role, claims)
            files[f"{name}/{role}"] = write(
                folder,
                f"{name}-{role}.creds",
                f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
                f"-----BEGIN USER NKEY SEED-----\n{user.seed.decode()}\n------END USER NKEY SEED------\n",
            )
    conf = "\n".join(
        [
            f"operator: {signed(operator, operator, 'op', {'type': 'operator'})}",
            f"system_account: {accounts['system'].public_key.decode()}",
            "resolver: MEMORY",
            "resolver_preload: {",
            *preload,
            "}",
        ]
    )
    return started(folder, conf, files)


def lists_of(role: str) -> dict[str, str]:
    publish = re.search(rf"{role.upper()}_MAY: \[(.*?)\]", block("studio.md"), re.DOTALL)
    subscribe = re.search(rf"\${role.upper()}_MAY, subscribe: \[(.*?)\]", block("studio.md"))
    assert publish
    assert subscribe
    return {"pub": publish[1], "sub": subscribe[1]}


def signed(issuer: nkeys.KeyPair, subject: nkeys.KeyPair, name: str, claims: Mapping[str, Any]) -> str:
    body = {
        "jti": secrets.token_hex(8),
        "iat": int(time.time()),
        "iss": issuer.public_key.decode(),
        "name": name,
    }
    body |= {"sub": subject.public_key.decode(), "nats": {**claims, "version": 2}}
    parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, body]
    text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{text}.{encoded(issuer.sign(text.encode()))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def started(folder: Path, conf: str, files: dict[str, Path]) -> Secured:
    path = write(
        folder, "nats.conf", re.sub("^jetstream .*", "", conf)
    )  # the command line has its own folder
    return Secured(NatsServer(folder, arguments=("-c", str(path))).start(), files)


@pytest.fixture(scope="module", params=[by_nkeys, by_jwt])
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = request.param(tmp_path_factory.mktemp("secured"))
    yield made
    made.server.stop()


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def test_gateway_machine_and_operator_can_do_their_work_and_another_studio_sees_nothing(
    secured: Secured, opened: AsyncExitStack, tmp_path: Path
) -> None:
    studios = {}
    for who in ("film/gateway", "film/machine", "film/operator", "ads/machine", "ads/gateway"):
        studios[who] = await secured.open(who)
        opened.push_async_callback(studios[who].aclose)
    gateway, stranger = StudioQueue(studios["film/gateway"]), StudioQueue(studios["ads/gateway"])
    machine = StudioQueue(studios["film/machine"], machine="a", labels=["gpu"], lease_s=5.0)
    elsewhere = StudioQueue(studios["ads/machine"], machine="a", labels=["gpu"], lease_s=5.0)
    for queue, follow in ((gateway, True), (stranger, True), (machine, False), (elsewhere, False)):
        await queue.start(follow=follow, claim=not follow)
        opened.push_async_callback(queue.aclose)

    long = Submission("note", {"text": "画" * 20_000}, "http", idempotency_key="k", target="label:gpu")
    request_id = (await gateway.accept(long)).request.request_id
    assert not (await gateway.accept(long)).created
    lease = await eventually(lambda: machine.claim("w", 5))
    await machine.running(lease, "call")
    await machine.renew(lease, 5)
    file = tmp_path / "a.zip"
    file.write_bytes(b"z" * 700_000)
    artifact = Artifact("a.zip", "application/zip", 700_000, "0" * 64)
    await StudioArtifacts(studios["film/machine"]).keep(request_id, artifact, file)
    await machine.finish(
        lease, Ending(State.SUCCEEDED, '{"a": "' + "画" * 200_000 + '"}', artifacts=(artifact,))
    )
    found = await gateway.get(request_id)
    assert found is not None
    assert (found.state, len(found.result)) == (State.SUCCEEDED, 200_009)
    pieces = [piece async for piece in StudioArtifacts(studios["film/gateway"]).read(request_id, artifact)]
    assert b"".join(pieces) == file.read_bytes()
    other = (await gateway.accept(Submission("note", {}, "http"))).request.request_id
    assert (await gateway.cancel(other)).state is State.CANCELLED
    late = (await gateway.accept(Submission("note", {}, "http", timeout_s=0.01, target="label:none"))).request
    await asyncio.sleep(0.1)
    assert [one.request_id for one in await gateway.expire(bridge_problem("expired"))] == [late.request_id]
    await studios["film/gateway"].control.put("ready", b"")
    await studios["film/machine"].workers.put("a", b"{}")
    assert list(await studios["film/gateway"].workers.keys()) == ["a"]
    assert await toolsets_of(studios["film/gateway"]) == []
    await set_draining(studios["film/operator"], "a", True)
    await set_draining(studios["film/operator"], "a", False)

    assert await elsewhere.claim("w", 5) is None
    assert await elsewhere.get(request_id) is None
    assert (list(stranger._index), await workers_of(studios["ads/gateway"])) == ([], [])
    assert await gateway.forget(time.time() + 60) == 3
    assert secured.violations() == []


async def test_a_gateway_cannot_be_offered_a_request_and_a_machine_cannot_order_others_about(
    secured: Secured, opened: AsyncExitStack
) -> None:
    gateway, machine = await secured.open("film/gateway"), await secured.open("film/machine")
    for studio in (gateway, machine):
        opened.push_async_callback(studio.aclose)
    worker = StudioQueue(machine, machine="a", lease_s=5.0)
    await worker.start(follow=False, claim=True)
    opened.push_async_callback(worker.aclose)
    queue = StudioQueue(gateway)
    await queue.accept(Submission("note", {}, "http"))
    heard: list[object] = []

    async def hear(message: object) -> None:
        heard.append(message)

    for subject in ("c2jy.studio.work.>", "_INBOX.machine.>", ">", "$KV.>"):
        await gateway.client.subscribe(subject, cb=hear)
    for api in (
        "CONSUMER.MSG.NEXT.C2JY-studio-work.any-bot",
        "CONSUMER.DURABLE.CREATE.C2JY-studio-work.mine",
    ):
        with pytest.raises(NatsError):
            await gateway.client.request(f"$JS.API.{api}", b"{}", timeout=0.5)
    for api in (
        "STREAM.DELETE.C2JY-studio-work",
        "STREAM.UPDATE.C2JY-studio-work",
        "STREAM.PURGE.C2JY-studio-work",
    ):
        for studio in (gateway, machine):
            with pytest.raises(NatsError):
                await studio.client.request(f"$JS.API.{api}", b"{}", timeout=0.5)
    await queue.accept(Submission("note", {}, "http"))
    await gateway.client.publish("$JS.ACK.C2JY-studio-work.any-bot.1.1.1.1.0", b"+ACK")
    await gateway.client.flush()
    assert heard == []
    subjects = (
        "c2jy.studio.work.>",
        "_INBOX.machine.>",
        "MSG.NEXT",
        "DURABLE.CREATE",
        "$JS.ACK",
        "STREAM.DELETE",
    )

    async def logged() -> bool:  # the server writes its log in a thread of its own
        log = secured.violations()
        return all(any(subject in line for line in log) for subject in subjects)

    await eventually(logged)
    assert (await eventually(lambda: worker.claim("w", 5))).request.tool == "note"


async def test_a_key_that_the_server_does_not_know_is_refused_at_once(
    secured: Secured, tmp_path: Path
) -> None:
    strange = write(tmp_path, "strange.nk", new_key(nkeys.PREFIX_BYTE_USER).seed.decode())
    settings = studio_settings(secured.server.url, credentials=strange)
    began = time.monotonic()
    with pytest.raises(BridgeProblem) as refused:
        await open_studio(settings, limit=5, retention_s=7 * 86_400.0, who="x")
    assert "authorization" in refused.value.problem.message.lower()
    assert time.monotonic() - began < 8
    missing = settings.model_copy(update={"credentials": tmp_path / "none"})
    with pytest.raises(BridgeProblem, match="none"):
        await open_studio(missing, limit=5, retention_s=7 * 86_400.0, who="x")


def test_both_pages_have_the_same_configuration() -> None:
    assert block("studio.zh-CN.md") == block("studio.md")
