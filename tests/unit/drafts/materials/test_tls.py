"""TLS: the connection goes to the judged address, the certificate must be for the name."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from c2jy_bridge.drafts.materials import MaterialFailure


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for media.test with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "media.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("media.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "media.test.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.fixture
async def secure(host, certificate, monkeypatch):
    """The file host behind TLS, and every name in the world at its address; yields (port, SNI names seen)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]

    async def getaddrinfo(self, name, number, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    yield port, names
    server.close()


async def test_the_certificate_is_checked_against_the_name_not_the_address(
    host, page, picture, secure, certificate, make_store, monkeypatch
):
    port, names = secure
    host.put("/a.png", page(picture()))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    store = make_store(allow_private_hosts=["media.test", "other.test"])
    results = await store.fetch([f"https://{name}:{port}/a.png" for name in ("media.test", "other.test")])
    good, bad = results.values()
    assert good.width == 64
    assert isinstance(bad, MaterialFailure)
    assert bad.code == "certificate"
    assert set(names) == {"media.test", "other.test"}


async def test_a_certificate_that_nobody_vouches_for_is_refused(host, page, picture, secure, make_store):
    port, _ = secure
    host.put("/a.png", page(picture()))
    store = make_store(allow_private_hosts=["media.test"])
    (result,) = (await store.fetch([f"https://media.test:{port}/a.png"])).values()
    assert result.code == "certificate"


async def test_a_step_back_from_https_to_http_is_refused(
    host, page, picture, secure, certificate, make_store, monkeypatch
):
    port, _ = secure
    target = host.put("/a.png", page(picture()))
    host.put("/away", page(status=302, headers={"Location": target}))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    store = make_store(allow_private_hosts=["media.test", host.name])
    (result,) = (await store.fetch([f"https://media.test:{port}/away"])).values()
    assert result.code == "downgrade"
    assert host.seen["/a.png"] == 0
