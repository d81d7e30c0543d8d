"""Builds a release and checks it: `make release`. Nothing is uploaded.

In `dist/`: the wheel, the source distribution, a bill of materials (CycloneDX) and the licences of everything
that an installation brings. The wheel is installed into a new environment, where the demo answers a question.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DIST: Final = ROOT / "dist"
QUESTION: Final = "make me a video about Chinese food"

_PERMISSIVE: Final = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python|MPL|Mozilla|Unlicense|HPND|Zope|CC0|CNRI|0BSD|Public Domain",
    re.IGNORECASE,
)

_LOOKED_AT: Final = {"pyjianyingdraft": "Apache-2.0"}
"""Licences of packages whose metadata name none, read in the licence file that they ship."""


class NotReleasable(Exception):
    """What stands in the way of a release, in a sentence."""


def version() -> str:
    """The version, from its one place: bridge/c2jy_bridge/__init__.py."""
    text = (ROOT / "bridge" / "c2jy_bridge" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise NotReleasable("bridge/c2jy_bridge/__init__.py has no __version__")
    return found[1]


def check_changelog(release: str) -> None:
    """The changelog has a section for this version."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## {re.escape(release)}(?: |$)", text, re.MULTILINE):
        raise NotReleasable(f'CHANGELOG.md has no section "## {release}"')


def build(target: Path) -> list[Path]:
    """Build the wheel and the source distribution, in this order, and let twine look at their metadata."""
    shutil.rmtree(target, ignore_errors=True)
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(ROOT))
    made = sorted(path for path in target.iterdir() if path.suffix in (".whl", ".gz"))
    _run(sys.executable, "-m", "twine", "check", "--strict", *map(str, made))
    return made


def install(wheel: Path, environment: Path) -> Path:
    """Install the wheel into a new environment; returns its Python."""
    venv.create(environment, with_pip=True)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    constraints = str(ROOT / "constraints.txt")
    _run(str(python), "-m", "pip", "install", "--quiet", "-c", constraints, str(wheel))
    return python


def try_out(python: Path, release: str, home: Path) -> None:
    """Ask the installed demo for a video, in an empty home; one draft must come out of it."""
    command = [str(python), "-m", "c2jy_tui"]
    clean = {
        key: value for key, value in os.environ.items() if not key.startswith(("COZE_", "C2JY_", "PYTHON"))
    }
    clean |= {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_CONFIG_HOME": str(home / "config")}
    shown = subprocess.run(
        [*command, "--version"], env=clean, cwd=home, capture_output=True, text=True, check=True
    )
    if shown.stdout.strip() != f"c2jy-tui {release}":
        raise NotReleasable(f"the installed program says {shown.stdout.strip()!r}, not c2jy-tui {release}")
    asked = [*command, "--demo", "--drafts-root", str(home / "drafts"), "chat", QUESTION, "--yes"]
    subprocess.run(asked, env=clean, cwd=home, check=True)
    drafts = [path for path in (home / "drafts").iterdir() if not path.name.startswith(".")]
    if len(drafts) != 1:
        raise NotReleasable(f"the demo's question made {len(drafts)} drafts, not one")


def bill_of_materials(python: Path, target: Path) -> None:
    """Write what the environment has installed, as CycloneDX 1.6."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    _run(*command, "--pyproject", str(ROOT / "pyproject.toml"), "--output-file", str(target), str(python))


def licences(bill: Path) -> str:
    """A table of the components and their licences.

    Raises:
        NotReleasable: A component names no licence, or one that is not known to be permissive.
    """
    rows, wrong = [], []
    for part in json.loads(bill.read_text(encoding="utf-8"))["components"]:
        if part["name"] in ("pip", "setuptools", "c2jy-tui"):
            continue
        named = [
            entry.get("expression") or entry["license"].get("id") or entry["license"].get("name", "")
            for entry in part.get("licenses", ())
        ]
        words = "; ".join(dict.fromkeys(text.splitlines()[0] for text in named if text))
        words = words or _LOOKED_AT.get(part["name"].lower(), "")
        rows.append(f"| {part['name']} | {part['version']} | {words} |")
        if not _PERMISSIVE.search(words):
            wrong.append(f"{part['name']} ({words or 'no licence named'})")
    if wrong:
        raise NotReleasable("licences to look at: " + ", ".join(wrong))
    return (
        "\n".join(["| package | version | licence |", "|---|---|---|", *sorted(rows, key=str.lower)]) + "\n"
    )


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode:
        raise NotReleasable(f"failed with status {done.returncode}: {' '.join(command)}")


def main() -> int:
    """Make the release; 1 when something stands in its way."""
    try:
        release = version()
        check_changelog(release)
        made = build(DIST)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            wheel = next(path for path in made if path.suffix == ".whl")
            python = install(wheel, Path(scratch) / "environment")
            home = Path(scratch) / "home"
            home.mkdir()
            try_out(python, release, home)
            bill = DIST / f"c2jy-tui-{release}.cdx.json"
            bill_of_materials(python, bill)
        (DIST / "LICENCES.md").write_text(licences(bill), encoding="utf-8")
    except (NotReleasable, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in sorted(DIST.iterdir()):
        print(f"{path.stat().st_size:>10}  {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
