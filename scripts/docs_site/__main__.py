"""Command line of the site: `python -m docs_site [SITE]`, in `scripts/`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import yaml

from docs_site.layout import ROOT, Language, lay_out

CONFIGS: Final[dict[Language, str]] = {"en": "mkdocs.yml", "zh": "mkdocs.zh.yml"}
"""The Chinese site lies inside the English one and is built after it."""


def build(site: Path) -> int:
    """Build both languages into `site`; the exit status of mkdocs, which is not 0 after a warning."""
    for language, config in CONFIGS.items():
        folder = yaml.safe_load((ROOT / config).read_text(encoding="utf-8"))["docs_dir"]
        lay_out(language, ROOT / folder)
        target = site if language == "en" else site / language
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
        done = subprocess.run(
            [*command, "--config-file", str(ROOT / config), "--site-dir", str(target)],
            cwd=ROOT,
            # Material for MkDocs prints an advertisement about MkDocs 2 unless this is set.
            env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        )
        if done.returncode:
            return done.returncode
    print(f"{site / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "site"))
