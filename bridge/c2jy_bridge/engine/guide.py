"""The first-run guide: its steps in order, which of them are done, and the questions that a step asks.

A face (lines in a terminal, or a screen) shows `Told` and answers `Asked`; what is asked and done is here.
Each answer is written at once, so that the guide can be left at any step and taken up later.
"""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.places import default_config_file
from c2jy_bridge.core.settings import Settings, load
from c2jy_bridge.core.settings_file import SettingsFile
from c2jy_bridge.coze.login import Login, login_of
from c2jy_bridge.engine.startup import record_step, steps_done

say: Final = catalogue("setup")

StepName = Literal["language", "mode", "token", "bot", "drafts", "plugin", "test"]
STEPS: Final[tuple[StepName, ...]] = ("language", "mode", "token", "bot", "drafts", "plugin", "test")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers to choose from."""

    value: str
    label: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a step; the face sends the answer into the generator."""

    kind: Literal["choice", "text", "secret", "pause"]
    text: str
    choices: tuple[Choice, ...] = ()
    default: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a step says."""

    text: str
    state: Literal["info", "done", "problem"] = "info"


Talk = AsyncGenerator[Asked | Told, str]


@dataclass(frozen=True, slots=True)
class StepView:
    """A step and its state."""

    name: StepName
    title: str
    done: bool
    detail: str = ""
    """What is set; never a secret."""


class Guide:
    """The steps for one settings file and one data folder."""

    def __init__(
        self,
        config: Path | None = None,
        profile: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        *,
        environment: Mapping[str, str] = os.environ,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`config`, `profile` and `overrides` are as for `settings.load`; the file need not exist.

        Raises:
            SettingsError: The settings are wrong.
        """
        self._config, self._profile, self._overrides = config, profile, overrides
        self.environment = environment
        self.sleep = sleep
        self.file = SettingsFile(config or default_config_file(), profile)
        self.settings = self._load()
        self.demo = False
        """The user chose the demo."""

    @property
    def login(self) -> Login:
        """The stored login for the address in the settings."""
        return login_of(self.settings)

    async def change(self, **values: Any) -> None:
        """Write settings (`coze__bot_id="7"`) and read all of them again; raises SettingsError."""

        def write() -> Settings:
            self.file.change({name.replace("__", "."): value for name, value in values.items()})
            return self._load()

        self.settings = await asyncio.to_thread(write)

    async def steps(self) -> list[StepView]:
        """All steps with their state, from the settings and what is on the disk."""
        return await asyncio.to_thread(self._steps)

    def _steps(self) -> list[StepView]:
        settings, recorded = self.settings, steps_done(self.settings.data_dir)
        kept = None if settings.coze.token else self.login.kept()
        has_token = bool(settings.coze.token or kept)
        details: dict[StepName, str] = {
            "language": {"zh": "中文", "en": "English"}.get(settings.screen.lang, ""),
            "token": "" if not has_token else say("token.by_login" if kept else "token.by_settings"),
            "bot": settings.coze.bot_id,
            "drafts": str(settings.drafts.root or ""),
            "mode": say("mode.real") if has_token else "",
        }
        return [
            StepView(
                name, say(f"step.{name}"), bool(details.get(name)) or name in recorded, details.get(name, "")
            )
            for name in STEPS
        ]

    def run(self, name: StepName) -> Talk:
        """The dialogue of one step."""
        from c2jy_bridge.engine import guide_steps

        talk: Callable[[Guide], Talk] = getattr(guide_steps, name)
        return talk(self)

    def record(self, name: StepName) -> None:
        """Remember that a step without a setting is done; raises OSError."""
        record_step(self.settings.data_dir, name)

    def _load(self) -> Settings:
        # A file that is named but not there yet is written by the first answer.
        there = self._config is None or self._config.exists()
        config = self._config if there else None
        profile = self._profile if self.file.has_profile() else None
        overrides = dict(self._overrides or {})
        if not there and self._config is not None:
            overrides.setdefault("config_dir", self._config.parent)
        return load(config, profile=profile, overrides=overrides, look_for_file=there)


def guide_if_needed(config: Path | None, profile: str | None, overrides: Mapping[str, Any]) -> Guide | None:
    """The guide, when a start with these settings could reach no Bot for want of a token; see `Guide`.

    Raises:
        SettingsError: The settings are wrong.
        OSError: The stored login cannot be read.
    """
    load(
        config, profile=profile, overrides=overrides
    )  # a file that was named and is missing is an error here
    guide = Guide(config, profile, overrides)
    if guide.settings.coze.token is not None or guide.login.kept() is not None:
        return None
    importlib.import_module("c2jy_bridge.engine.guide_steps")  # takes long: here, and not in the event loop
    return guide


def logged_out(settings: Settings) -> bool:
    """Remove the stored login; False when there was none, OSError when it cannot be removed."""
    return login_of(settings).forget()
