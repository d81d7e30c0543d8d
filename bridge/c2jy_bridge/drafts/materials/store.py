"""The store: sources in, materials out, many at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from c2jy_bridge.drafts.materials.material import Material, MaterialFailure, OnProgress
from c2jy_bridge.settings import MaterialSettings


class MaterialStore:
    """Fetches materials into a content-addressed cache that drafts and processes share."""

    def __init__(
        self,
        cache_dir: Path,
        settings: MaterialSettings,
        folders: Sequence[Path] = (),
        *,
        clock: Callable[[], float] = time.time,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._cache_dir = cache_dir
        self._settings = settings
        self._folders = tuple(folders)
        self._clock = clock
        self._rng = rng

    async def fetch(
        self, sources: Sequence[str], on_progress: OnProgress | None = None
    ) -> dict[str, Material | MaterialFailure]:
        """One result per distinct source; one bad link is a MaterialFailure, never an exception."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close the connections."""
