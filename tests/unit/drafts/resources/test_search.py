"""Names of JianYing's are found by Chinese, by pinyin and by English words."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import make_readings
from c2jy_bridge.drafts.compile.names import CATALOGUES, find
from c2jy_bridge.drafts.kinds import GROUPS, NameKind, ResourceKind
from c2jy_bridge.drafts.resources import entries, search
from c2jy_bridge.drafts.resources.english import stems, terms
from c2jy_bridge.drafts.resources.search import READINGS, plain


def names(kind: ResourceKind, query: str, limit: int = 5) -> list[str]:
    hits = search(kind, query, limit=limit)
    assert hits.fits, f"{query} only has near names: {[entry.name for entry in hits.entries]}"
    return [entry.name for entry in hits.entries]


@pytest.mark.parametrize(
    ("kind", "query", "first"),
    [
        ("transition", "叠化", "叠化"),
        ("transition", "diehua", "叠化"),
        ("transition", "dié huà", "叠化"),
        ("transition", "dh", "叠化"),
        ("transition", "dissolve", "叠化"),
        ("transition", "Cross Dissolve", "叠化"),
        ("text_in", "typewriter", "打字机 I"),
        ("effect", "glitch", "故障"),
        ("effect", "glitchy", "故障"),
        ("transition", "shaking", "抖动"),
        ("video_in", "fade in", "渐显"),
        ("video_out", "fade out", "渐隐"),
        ("mix_mode", "multiply", "正片叠底"),
        ("mask", "heart", "爱心"),
        ("filter", "lüyan", "绿妍"),
        ("audio_effect", "robot", "机器人"),
    ],
)
def test_the_name_meant_comes_first(kind: ResourceKind, query: str, first: str) -> None:
    assert names(kind, query)[0] == first


def test_a_reading_is_found_from_its_first_syllables_but_not_across_two_halves() -> None:
    assert "模糊放大" in names("transition", "mohu", limit=50)
    assert all("mohu" in entry.reading for entry in search("transition", "mohu", limit=50).entries)
    # "uadi" is inside shuadi..., which is not meant by it.
    assert not any(entry.reading.startswith("uadi") for entry in entries())
    assert not search("any", "uadi").fits


def test_several_words_find_the_names_with_all_of_them_before_those_with_one() -> None:
    found = search("effect", "雪花 故障", limit=100)
    assert found.entries[0].name == "雪花故障"
    assert found.fits


def test_a_word_that_fits_nothing_gives_the_nearest_names_and_says_so() -> None:
    hits = search("video_in", "渐险")
    assert not hits.fits
    assert [entry.name for entry in hits.entries] == ["渐显"]
    misspelt = search("transition", "diehau")
    assert not misspelt.fits
    assert misspelt.entries[0].name == "叠化"


def test_members_names_can_be_left_out_or_asked_for() -> None:
    free = search("transition", "叠化", vip=False)
    assert [entry.name for entry in free.entries] == ["叠化"]
    paid = search("transition", "叠化", vip=True)
    assert paid.entries
    assert all(entry.vip for entry in paid.entries)
    assert search("transition", "叠化").total == free.total + paid.total


def test_free_names_stand_before_those_for_members_where_both_fit_alike() -> None:
    found = search("effect", "爱心", limit=200).entries
    contained = [entry.vip for entry in found if not entry.plain.startswith("爱心")]
    assert contained == sorted(contained)
    assert set(contained) == {False, True}


def test_an_empty_query_lists_the_whole_kind() -> None:
    hits = search("mask", "")
    assert [entry.name for entry in hits.entries] == ["线性", "镜面", "圆形", "矩形", "爱心", "星形"]
    assert search("font", "", limit=3).total == len(CATALOGUES["font"])


def test_every_name_listed_is_one_that_a_document_may_use() -> None:
    listed = entries()
    assert len(listed) >= 4500
    for entry in listed:
        member = find(entry.kind, entry.name)
        assert member is not None
        assert bool(getattr(member.value, "is_vip", False)) is entry.vip


def test_lengths_and_sliders_are_those_of_the_catalogue() -> None:
    (fade,) = (entry for entry in entries("transition") if entry.name == "叠化")
    assert (fade.duration_us, fade.vip, fade.sliders) == (500_000, False, ())
    (bit,) = (entry for entry in entries("audio_scene") if entry.name == "8bit")
    assert [(slider.name, slider.default) for slider in bit.sliders] == [
        ("change_voice_param_pitch_shift", 50.0),
        ("change_voice_param_timbre", 100.0),
        ("change_voice_param_strength", 100.0),
    ]
    assert all(0 <= slider.default <= 100 for entry in entries() for slider in entry.sliders)


def test_the_table_of_readings_is_what_pypinyin_says_of_the_names_there_are() -> None:
    assert READINGS.read_text(encoding="utf-8") == make_readings.readings()


def test_every_english_term_leads_to_names_that_exist() -> None:
    plains = [entry.plain for entry in entries()]
    for term in terms():
        for stem in stems(term):
            assert any(plain(stem) in name for name in plains), f"{term}: {stem}"
    assert terms()["dissolve"].startswith("叠化")


def test_the_kinds_cover_every_catalogue() -> None:
    assert set(GROUPS) == set(get_args(ResourceKind))
    assert set(get_args(NameKind)) == set(CATALOGUES)
    assert sum(len(entries(kind)) for kind in get_args(NameKind)) == len(entries("any"))


@settings(deadline=None)
@given(st.text(max_size=40), st.sampled_from(get_args(ResourceKind)), st.integers(1, 50))
def test_any_query_is_answered_within_its_limit(query: str, kind: ResourceKind, limit: int) -> None:
    hits = search(kind, query, limit=limit)
    assert len(hits.entries) <= min(limit, hits.total)
    assert len(set(hits.entries)) == len(hits.entries)
