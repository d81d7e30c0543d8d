"""The judgement of addresses, without a network."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2jy_bridge.drafts.materials.store import Patience
from c2jy_bridge.drafts.materials.transport import AllowedHosts, is_global, retry_after, wait_before


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:192.168.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:db8::1",
        "fc00::1",
        "fe80::1",
        "ff02::1",
        "fec0::1",
        "192.0.0.8",
        "3fff::1",
        "64:ff9b:1::7f00:1",
    ],
)
def test_addresses_that_are_not_of_the_public_internet_are_refused(address):
    assert not is_global(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1111"])
def test_public_addresses_pass_also_through_a_translator(address):
    assert is_global(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_dressing_up_an_ipv4_address_never_changes_the_judgement(address):
    plain = is_global(address)
    assert is_global(ipaddress.IPv6Address(f"::ffff:{address}")) == plain
    assert is_global(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address))) == plain
    if not plain:
        assert not is_global(ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80)))


@pytest.mark.parametrize(
    ("entries", "host", "port", "allowed"),
    [
        (["localhost"], "LOCALHOST", 80, True),
        (["localhost:8000"], "localhost", 8000, True),
        (["localhost:8000"], "localhost", 8001, False),
        (["[::1]:8000"], "::1", 8000, True),
        (["::1"], "::1", 1, True),
        (["example.com"], "evil.example.com", 80, False),
        ([], "localhost", 80, False),
    ],
)
def test_a_private_host_is_allowed_by_name_or_by_name_and_port(entries, host, port, allowed):
    assert ((host, port) in AllowedHosts(entries)) is allowed


def test_waits_double_with_jitter_up_to_a_limit_and_never_undercut_the_server():
    patience = Patience(first_wait_s=0.5, longest_wait_s=4)
    assert [wait_before(n, patience, lambda: 1.0, None) for n in (1, 2, 3, 4, 9)] == [0.5, 1, 2, 4, 4]
    assert wait_before(3, patience, lambda: 0.0, None) == 0
    assert wait_before(1, patience, lambda: 0.5, 7) == 7.25


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("12", 12),
        ("-3", 0),
        ("soon", None),
        ("Wed, 15 Nov 2023 00:00:10 GMT", 10),
        ("Tue, 14 Nov 2023 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert retry_after(header, 1_700_006_400.0) == seconds
