"""A draft gets another name; killed at any step it is whole under one of the two."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from c2jy_bridge.drafts import DraftBuilder, DraftError, Library, TemplateFiller
from c2jy_bridge.drafts.write.paths import TAGS

NEW: Final = "四季"
MAIN: Final = ("draft_content.json", "draft_info.json")


def _json(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_bytes())
    return loaded


@pytest.fixture(params=["absolute", "portable"])
async def listed(request: pytest.FixtureRequest, builder: DraftBuilder, document: dict[str, Any]) -> Path:
    """A draft that is in the app's list, whose media are named one way or the other."""
    target = {"media_paths": request.param}
    made = await builder.build({**document, "target": target}, register="create")
    return Path(made.drafts[0].path)


def test_a_renamed_draft_is_whole_and_nothing_says_its_former_name(listed: Path, library: Library) -> None:
    was, size = listed.name, len(list(listed.rglob("*")))
    (view,) = library.list()
    dry = library.rename(was, NEW, dry_run=True)
    assert listed.is_dir()

    made = library.rename(was, NEW)

    assert (made.name, made.was, made.issues) == (NEW, was, ())
    assert made == dry
    (after,) = library.list()
    assert (after.name, after.state, after.media_missing) == (NEW, "ok", 0)
    assert (after.modified_at, after.media_paths) == (view.modified_at, view.media_paths)
    assert library.check(NEW) == []
    assert len(list(Path(made.path).rglob("*"))) == size
    texts = [(Path(made.path) / file).read_text("utf-8") for file in (*MAIN, "draft_meta_info.json")]
    texts.append((listed.parent / "root_meta_info.json").read_text("utf-8"))
    assert [was in text for text in texts] == [False] * 4
    assert _json(Path(made.path) / "draft_meta_info.json")["draft_name"] == NEW
    (entry,) = _json(listed.parent / "root_meta_info.json")["all_draft_store"]
    assert (entry["draft_name"], entry["draft_fold_path"]) == (NEW, Path(made.path).as_posix())
    assert entry["draft_json_file"].startswith(f"{Path(made.path).as_posix()}/draft_")
    library.rename(NEW, was)
    assert [view.name for view in library.list()] == [was]
    assert library.check(was) == []


KILLS: Final = """
import os, shutil, sys
from pathlib import Path
from c2jy_bridge.drafts import Library
from faults.kill_steps import Steps

root, name, new = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
for number in range(1, 100):
    place = root.with_name(f"kill-{number}")
    shutil.copytree(root, place)
    library = Library(place, root.parent / "trash")
    library.list()
    if (pid := os.fork()) == 0:
        steps = Steps([place], number)
        steps.watch()
        steps.counting = True
        library.rename(name, new)
        os._exit(0)
    if os.waitpid(pid, 0)[1] == 0:
        shutil.rmtree(place)
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each step is tried in a fork")
def test_killed_before_any_step_it_is_whole_under_one_name_and_renaming_again_finishes_it(
    listed: Path, tmp_path: Path
) -> None:
    root = tmp_path / "drafts"
    run = [sys.executable, "-c", KILLS, str(root), listed.name, NEW]
    tests = str(Path(__file__).resolve().parents[3])
    subprocess.run(run, check=True, timeout=60, env={**os.environ, "PYTHONPATH": tests})
    shutil.rmtree(root)  # absolute paths still name it; each try has its media only where it is itself

    places = sorted(tmp_path.glob("kill-*"))
    assert len(places) > 10
    names = set()
    for place in places:
        library = Library(place, tmp_path / "trash")
        (view,) = library.list()
        names.add(view.name)
        assert view.name in (listed.name, NEW)
        assert (view.state, view.media_missing) == ("ok", 0), place
        assert [i.code for i in library.check(view.name) if i.severity == "error"] == []

        library.rename(view.name, NEW)

        assert [i.code for i in library.check(NEW) if i.code != "other_root"] == []
        content, meta = (_json(place / NEW / file) for file in ("draft_content.json", "draft_meta_info.json"))
        assert (content["name"], meta["draft_name"]) == (NEW, NEW)
        (entry,) = _json(place / "root_meta_info.json")["all_draft_store"]
        assert entry["draft_name"] == NEW
        assert Path(entry["draft_fold_path"]).name == NEW
        assert [
            path.name for path in place.rglob("*") if ".c2jy-" in path.name and "backup" not in path.name
        ] == []
    assert names == {listed.name, NEW}


@pytest.mark.parametrize("failing", ["rename", "replace"])
def test_a_disk_that_refuses_leaves_it_under_its_name(
    draft: Path, library: Library, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {file: (draft / file).read_bytes() for file in (*MAIN, "draft_meta_info.json")}
    real = getattr(os, failing)

    def refuse(source: Path, target: Path) -> None:
        if Path(target).name == NEW or Path(target).parent.name == NEW:
            raise PermissionError(13, "in use")
        real(source, target)

    monkeypatch.setattr(os, failing, refuse)
    with pytest.raises(OSError, match="in use"):
        library.rename(draft.name, NEW)
    assert {file: (draft / file).read_bytes() for file in before} == before
    assert os.listdir(draft.parent) == [draft.name]


async def test_names_that_are_taken_or_none_and_drafts_that_are_not_ours_are_refused(
    draft: Path, library: Library, build: Callable[..., Any]
) -> None:
    text = {"type": "text", "clips": [{"text": "x", "duration": 1}]}
    await build({"name": "Other", "tracks": [text]})
    theirs = draft.parent / "theirs"
    shutil.copytree(draft, theirs)
    (theirs / "c2jy.json").unlink()
    codes = {}
    for name, new in ((draft.name, "other"), (draft.name, "a/b"), ("theirs", "mine"), ("none", "some")):
        with pytest.raises(DraftError) as refused:
            library.rename(name, new)
        codes[new] = refused.value.issues[0].code
    assert codes == {
        "other": "name_taken",
        "a/b": "name_character",
        "mine": "not_ours_to_rename",
        "some": "no_draft",
    }
    assert sorted(os.listdir(draft.parent)) == sorted(["Other", "theirs", draft.name])


def test_a_copy_that_the_app_made_keeps_its_entry_when_the_original_is_renamed(
    listed: Path, library: Library
) -> None:
    path = listed.parent / "root_meta_info.json"
    shutil.copytree(listed, listed.parent / "copy")
    before = _json(path)
    (entry,) = before["all_draft_store"]
    copied = {**entry, "draft_name": "copy", "draft_fold_path": (listed.parent / "copy").as_posix()}
    before["all_draft_store"].append(copied)
    path.write_text(json.dumps(before))
    library.rename(listed.name, NEW)
    assert [one["draft_name"] for one in _json(path)["all_draft_store"]] == [NEW, "copy"]


def test_a_list_that_is_encrypted_stays_as_it_is_and_the_user_is_told(listed: Path, library: Library) -> None:
    path = listed.parent / "root_meta_info.json"
    path.write_bytes(b"c2VjcmV0")
    made = library.rename(listed.name, NEW)
    assert [issue.code for issue in made.issues] == ["renamed_unlisted", "list_unreadable"]
    assert path.read_bytes() == b"c2VjcmV0"


async def test_tags_follow_a_draft_and_are_not_in_a_zip_or_in_what_is_made_from_it(
    portable: Path, library: Library, builder: DraftBuilder, packer: Any, tmp_path: Path
) -> None:
    before = library.list()
    assert library.tag(portable.name, ["#片头", "Done", "done"]) == ("Done", "片头")
    assert library.list()[0].modified_at == before[0].modified_at
    (view,) = library.list()
    assert view.tags == ("Done", "片头")
    library.rename(portable.name, NEW)
    ticket = library.trash(NEW)
    library.restore(ticket)
    assert library.list()[0].tags == ("Done", "片头")
    packed = await packer.pack(NEW, tmp_path / "out.zip")
    shutil.unpack_archive(packed.path, tmp_path / "unpacked")
    assert not list((tmp_path / "unpacked").rglob(TAGS))
    await TemplateFiller(builder, library, time.time).fill(NEW, "{}", "filled")
    assert {view.name: view.tags for view in library.list()} == {NEW: ("Done", "片头"), "filled": ()}
    assert library.tag(NEW, remove=["DONE", "#片头"]) == ()
    assert not (portable.with_name(NEW) / TAGS).exists()


@pytest.mark.parametrize(
    "tags", [["two words"], [""], ["#"], ["a,b"], ["x" * 41], ["\x1b[31m"], [str(n) for n in range(21)]]
)
def test_what_is_no_tag_is_refused(portable: Path, library: Library, tags: list[str]) -> None:
    with pytest.raises(DraftError):
        library.tag(portable.name, tags)
    assert library.list()[0].tags == ()
