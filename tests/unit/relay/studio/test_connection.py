"""Connections to servers that want a certificate or a password, and what is said when they fail."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from c2jy_bridge.core.settings import StudioSettings
from c2jy_bridge.relay.request import BridgeProblem
from c2jy_bridge.relay.studio.connection import open_studio
from nats_server import NatsServer, needs_nats, studio_settings

pytestmark = [
    pytest.mark.slow,
    needs_nats,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates"),
]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(made)),
        ],
        check=True,
        capture_output=True,
    )
    return made, key


@pytest.fixture(scope="module")
def guarded(certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    made, key = certificate
    tls = ("--tls", "--tlscert", str(made), "--tlskey", str(key), "--user", "studio", "--pass", "s3cret")
    server = NatsServer(tmp_path_factory.mktemp("guarded"), arguments=tls).start()
    yield server
    server.stop()


async def opened(settings: StudioSettings) -> bool:
    studio = await open_studio(settings, limit=5, retention_s=7 * 86_400.0, who="test")
    await studio.control.put("seen", b"1")
    await studio.aclose()
    return True


async def test_a_server_with_a_certificate_of_the_studio_and_a_password_is_used(
    guarded: NatsServer, certificate: tuple[Path, Path]
) -> None:
    url = f"tls://studio:s3cret@127.0.0.1:{guarded.port}"
    assert await opened(studio_settings(url, tls_ca=certificate[0]))


async def test_a_server_with_an_unknown_certificate_is_not_used(guarded: NatsServer) -> None:
    with pytest.raises(BridgeProblem) as refused:
        await opened(studio_settings(f"tls://studio:s3cret@127.0.0.1:{guarded.port}"))
    assert "certificate" in refused.value.problem.message.lower()


async def test_a_wrong_password_is_named_but_not_printed(
    guarded: NatsServer, certificate: tuple[Path, Path]
) -> None:
    url = f"tls://studio:wrong-one@127.0.0.1:{guarded.port}"
    with pytest.raises(BridgeProblem) as refused:
        await opened(studio_settings(url, tls_ca=certificate[0]))
    problem = refused.value.problem
    assert "authorization" in problem.message.lower()
    assert "wrong-one" not in problem.message + problem.hint
