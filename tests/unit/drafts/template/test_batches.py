"""One draft a row of a table: resumed, shared, and no row stops another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app_drafts import files, names, put, read
from c2jy_bridge.core.draft_views import BatchRow
from c2jy_bridge.drafts import Batches, DraftBuilder, DraftError, Library
from c2jy_bridge.drafts.template.filler import TemplateFiller
from c2jy_bridge.drafts.template.table import read_table

COLUMNS = ["title", "text1", "image1", "note"]
ROWS = [[f"第{n}集", f"words {n}", "tall.jpg" if n % 2 else "wide.png", "x"] for n in range(1, 11)]


@pytest.fixture
def batches(filler: TemplateFiller, builder: DraftBuilder, library: Library) -> Batches:
    return Batches(filler, builder, library, lambda: 1_760_000_000.0)


@pytest.fixture
def table(tmp_path: Path, media: Path) -> Path:
    """Ten rows, with their pictures beside the table."""
    for name in ("tall.jpg", "wide.png"):
        put(tmp_path / "list" / name, files(media)[name])
    lines = [",".join(cells) for cells in (COLUMNS, *ROWS)]
    put(tmp_path / "list" / "table.csv", "\n".join(lines))
    return tmp_path / "list" / "table.csv"


async def run(
    batches: Batches, table: Path, template: str | Path = "template", name: str = "{title}"
) -> list[BatchRow]:
    rows = batches.run(template, read_table(table), name, folder=table.parent)
    return [row async for row in rows]


async def test_each_row_becomes_a_draft_and_the_template_stays(
    batches: Batches, table: Path, template: Path, library: Library
) -> None:
    before = files(template)
    done = await run(batches, table)
    assert [(row.row, row.name, row.state) for row in done] == [
        (n + 1, f"第{n}集", "made") for n in range(1, 11)
    ]
    assert files(template) == before
    assert names(template.parent) == sorted(["template", *(f"第{n}集" for n in range(1, 11))])
    for n in (1, 10):
        content = read(template.parent / f"第{n}集" / "draft_content.json")
        assert json.loads(content["materials"]["texts"][0]["content"])["text"] == f"words {n}"
        assert library.check(f"第{n}集") == []


async def test_rows_that_are_done_are_not_done_again(batches: Batches, table: Path, template: Path) -> None:
    first = await run(batches, table)
    made = pictures_of(first), [row.path for row in first]
    again = await run(batches, table)
    assert {row.state for row in again} == {"there"}
    assert (pictures_of(again), [row.path for row in again]) == made
    assert len(names(template.parent)) == 11


async def test_a_batch_that_was_stopped_goes_on_where_it_was(
    batches: Batches, table: Path, template: Path
) -> None:
    rows = batches.run("template", read_table(table), "{title}", folder=table.parent)
    seen = [await anext(rows) for _ in range(3)]
    await rows.aclose()
    there = names(template.parent)
    assert {row.name for row in seen} <= set(there)
    assert not [name for name in there if name.startswith(".")]
    done = await run(batches, table)
    assert {row.state for row in done} <= {"made", "there"}
    assert {row.state for row in done if row.name in there} == {"there"}
    assert len(names(template.parent)) == 11


async def test_a_row_that_fails_stops_no_other(batches: Batches, table: Path, template: Path) -> None:
    rows = [COLUMNS, ["a", "1", "nope.png", ""], ["b", "2", "tall.jpg", ""], ["c", "", "sound.wav", ""]]
    put(table, "\n".join(",".join(cells) for cells in rows))
    done = await run(batches, table)
    assert [row.state for row in done] == ["failed", "made", "failed"]
    assert [(issue.code, issue.path) for issue in done[0].issues] == [("file_missing", "slots.image1")]
    assert names(template.parent) == ["b", "template"]


async def test_a_changed_row_is_made_beside_the_earlier_one(
    batches: Batches, table: Path, template: Path
) -> None:
    put(table, "title,text1\na,one")
    await run(batches, table)
    put(table, "title,text1\na,two")
    assert [(row.name, row.state) for row in await run(batches, table)] == [("a (2)", "made")]


def pictures_of(rows: list[BatchRow]) -> set[int]:
    """The inodes of the media in drafts."""
    return {path.stat().st_ino for row in rows for path in Path(row.path, "materials").iterdir()}


async def test_media_are_shared_by_the_drafts(batches: Batches, table: Path, template: Path) -> None:
    done = await run(batches, table)
    assert len(pictures_of(done[:3:2])) == 1


async def test_a_document_with_columns_in_braces_is_a_template_too(
    batches: Batches, builder: DraftBuilder, tmp_path: Path, library: Library
) -> None:
    clips = [{"text": "{words}!", "start": 0, "duration": "{length}"}]
    document = {"schema": "c2jy/1", "tracks": [{"type": "text", "clips": clips}]}
    put(tmp_path / "story.json", json.dumps(document))
    put(tmp_path / "t.jsonl", '{"words": "你好", "length": 2.5}\n\n{"words": "再见", "length": "4s"}\n')
    done = await run(batches, tmp_path / "t.jsonl", tmp_path / "story.json", "{words}")
    assert [(row.row, row.name, row.state) for row in done] == [(1, "你好", "made"), (3, "再见", "made")]
    assert {view.name: view.duration_us for view in library.list()} == {"你好": 2_500_000, "再见": 4_000_000}
    again = await run(batches, tmp_path / "t.jsonl", tmp_path / "story.json", "{words}")
    assert [row.state for row in again] == ["there", "there"]


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for cells in rows:
        book.worksheets[0].append(cells)
    book.save(path)
    return path


def test_a_table_reads_the_same_in_every_format(tmp_path: Path) -> None:
    cells: list[list[Any]] = [["title", "texts", "count"], ["甲", "a|b", 3], ["乙", "c", 2.5]]
    expected = [(2, {"title": "甲", "texts": ["a", "b"], "count": "3"}),
                (3, {"title": "乙", "texts": ["c"], "count": "2.5"})]  # fmt: skip
    book = workbook(tmp_path / "t.xlsx", cells)
    text = "\r\n".join(",".join(str(cell) for cell in row) for row in cells)
    put(tmp_path / "utf8.csv", b"\xef\xbb\xbf" + text.encode())
    put(tmp_path / "gbk.csv", text.encode("gbk"))
    put(tmp_path / "utf16.csv", text.encode("utf-16"))
    put(tmp_path / "tabs.tsv", text.replace(",", "\t"))
    put(tmp_path / "semicolons.csv", text.replace(",", ";"))
    for path in (book, *sorted(tmp_path.glob("*.?sv"))):
        assert [(row.number, dict(row.cells)) for row in read_table(path)] == expected, path.name


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("t.txt", b"a,b", "table_kind"),
        ("t.csv", b"", "table_empty"),
        ("t.csv", b"title,text1\n\n", "table_empty"),
        ("t.csv", b"a,a\n1,2", "table_twice"),
        ("t.csv", b"a,images\n1,[broken", "fill_not_json"),
        ("t.jsonl", b"{}\n{", "fill_not_json"),
        ("t.jsonl", b"[1]", "fill_not_object"),
        ("t.xlsx", b"PK\x03\x04 no workbook", "table_damaged"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    put(tmp_path / name, data)
    with pytest.raises(DraftError) as refused:
        read_table(tmp_path / name)
    assert [issue.code for issue in refused.value.issues] == [code]


@pytest.mark.parametrize(("pattern", "code"), [("{tittle}", "pattern_column"), ("{title", "pattern")])
async def test_a_name_with_a_column_that_is_not_there_is_refused_before_anything_is_made(
    batches: Batches, table: Path, template: Path, pattern: str, code: str
) -> None:
    with pytest.raises(DraftError) as refused:
        await run(batches, table, name=pattern)
    assert [issue.code for issue in refused.value.issues] == [code]
    assert names(template.parent) == ["template"]


async def test_a_cell_that_no_folder_can_be_called_becomes_a_name_that_can(
    batches: Batches, table: Path, template: Path
) -> None:
    put(table, 'title,text1\n"a/b: c?",x\n..,y')
    assert [row.name for row in await run(batches, table)] == ["a b c", "draft"]


async def test_a_picture_that_the_template_has_too_is_not_written_over_in_the_template(
    batches: Batches, builder: DraftBuilder, table: Path, media: Path
) -> None:
    """Shared media are one file on the disk: written over, a kill in between would empty the template's."""
    clip = {"type": "image", "media": str(media / "wide.png"), "duration": 2}
    document = {"schema": "c2jy/1", "name": "own", "tracks": [{"type": "video", "clips": [clip]}]}
    made = await builder.build(json.dumps(document))
    materials = Path(made.drafts[0].path, "materials")
    before = written_at(materials)
    put(table, "title,image1\na,wide.png\nb,wide.png")
    done = await run(batches, table, "own")
    assert [row.state for row in done] == ["made", "made"]
    assert written_at(materials) == before


def written_at(folder: Path) -> list[int]:
    return [path.stat().st_mtime_ns for path in folder.iterdir()]
