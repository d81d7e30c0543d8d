from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c2jy_bridge.drafts import DraftError
from c2jy_bridge.drafts.write.paths import LONGEST, checked_name, fault, is_bare_uuid, numbered, suggestion


@pytest.mark.parametrize(
    "name", ["中国美食", "My film (2)", "a.b", "e\u0301te", "con fusion", "2026-11-20", "😀"]
)
def test_a_plain_name_is_kept(name: str) -> None:
    assert checked_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    [
        "", " ", ".", "..", "...", "../x", "a/b", "a\\b", "/etc", "C:\\x", "C:x", ".hidden", "a\0b", "a\nb",
        "a\x1bb", "a*", "what?", 'say "x"', "a|b", "<b>", "x.", "x ", " x", "CON", "con", "nul.txt", "LPT9",
        "COM¹", "root_meta_info.json", "Root_Meta_Info.JSON", "root_meta_info.c2jy-backup.json",
        "gpj\u202e.exe", "\u2066x", "a\u2028b", "\ud800", "x" * 81, "字" * 81, "😀" * 61,
        "\u200b", "\ufeff\u2060", "\xad", "\u3000",
    ],
)  # fmt: skip
def test_a_name_that_could_harm_is_refused_and_a_better_one_proposed(name: str) -> None:
    with pytest.raises(DraftError) as caught:
        checked_name(name)
    (issue,) = caught.value.issues
    assert issue.code.startswith("name_")
    assert not issue.message.startswith("issue.")
    assert fault(suggestion(name)) == ""


def test_a_bare_uuid_is_known() -> None:
    assert is_bare_uuid("91E08AC5-22FB-47e2-9AA0-7DC300FAEA2B")
    assert is_bare_uuid("91e08ac522fb47e29aa07dc300faea2b")
    assert not is_bare_uuid("x 91E08AC5-22FB-47e2-9AA0-7DC300FAEA2B")


@given(st.text(max_size=120))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
def test_an_accepted_name_is_one_folder_inside_the_root_on_every_system(tmp_path: Path, name: str) -> None:
    if fault(name):
        assert fault(suggestion(name)) == ""
        return
    plain = checked_name(name)
    folder = tmp_path / plain
    assert folder.parent == tmp_path
    assert len(plain) <= LONGEST + 1  # composing may lengthen by one
    folder.mkdir(exist_ok=True)
    assert unicodedata.normalize("NFC", plain) in {
        unicodedata.normalize("NFC", n) for n in os.listdir(tmp_path)
    }


@given(st.text(min_size=1, max_size=80), st.integers(1, 999))
def test_a_numbered_name_is_as_safe_as_the_name(name: str, number: int) -> None:
    if not fault(name):
        assert fault(numbered(name, number)) == ""
