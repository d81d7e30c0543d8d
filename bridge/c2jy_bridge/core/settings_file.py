"""Changes single settings in config.toml: everything else in it stays as it is, comments included."""

from __future__ import annotations

import os
import tempfile
import tomllib
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.i18n import catalogue
from c2jy_bridge.core.nearest import nearest
from c2jy_bridge.core.places import default_config_file
from c2jy_bridge.core.settings import Settings, SettingsError, load, merged
from c2jy_bridge.core.settings_faults import COZE_NAMES, describe_faults, say
from c2jy_bridge.core.whole_files import read_whole

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

Kind = Literal["text", "secret", "path", "number", "switch", "choice", "list", "table"]
_help: Final = catalogue("setting_help")
"""In Chinese; English is the docstring."""
_WIDTH: Final = 100
"""Columns of a comment."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as a person sees it."""

    key: str
    """As in the file: `coze.bot_id`."""
    kind: Kind
    choices: tuple[str, ...]
    """The values that it can have, when there are only a few."""
    default: Any
    description: str
    """In English: the docstring in `Settings`."""

    @property
    def about(self) -> str:
        """What it is for, with its unit, in the language in use."""
        found = _help(self.key)
        return self.description if found == self.key else found


def all_settings() -> Iterator[Setting]:
    """Every setting of the file, in its order, without the tables that hold them."""
    yield from _below(Settings, "")


def setting(key: str) -> tuple[Setting, str]:
    """A setting and the name inside it: `tools.policy.read_file` is `tools.policy` and `read_file`.

    Raises:
        SettingsError: There is none of that name; the message names the nearest.
    """
    known = {one.key: one for one in all_settings()}
    if key in known:
        return known[key], ""
    for name, one in known.items():
        if one.kind == "table" and key.startswith(f"{name}.") and len(key) > len(name) + 1:
            return one, key[len(name) + 1 :]
    near = nearest(key, list(known))
    raise SettingsError(f"{key}: " + (say("unknown_near", nearest=near) if near else say("unknown")))


class SettingsFile:
    """A settings file and its path; it need not exist yet."""

    def __init__(self, path: Path, profile: str | None = None) -> None:
        """`profile`: change the values of `[profiles.<name>]` instead."""
        self.path = path
        self._profile = profile

    def has_profile(self) -> bool:
        """Whether the file has a table of this profile."""
        profiles = tomllib.loads(self.text()).get("profiles", {})
        return self._profile is None or self._profile in profiles

    def named(self) -> set[str]:
        """The settings that the file names."""
        table = self._table(self.text())
        return {one.key for one in all_settings() if _within(table, one.key.split(".")) is not None}

    def value(self, key: str) -> Any:
        """What the file says; None when it does not name the setting."""
        one, inner = setting(key)
        return _within(self._table(self.text()), [*one.key.split("."), *([inner] if inner else [])])

    def change(self, values: Mapping[str, Any]) -> None:
        """Write settings; a value of None removes one, which gives it its default again.

        Texts are read as the setting needs them: `8765`, `true`, `["http", "mailbox"]`, `http,mailbox`.

        Raises:
            SettingsError: A name or a value is wrong, or the file cannot be read or written; it is unchanged.
        """
        import tomlkit
        from tomlkit.exceptions import TOMLKitError

        text = self.text()
        self._table(text)
        try:
            document = tomlkit.parse(text) if text else _new_document()
            for key, value in values.items():
                one, inner = setting(key)
                self._put(document, one, inner, _read(one, inner, value))
            written = tomlkit.dumps(document)
        except TOMLKitError as error:
            raise SettingsError(say("not_toml", path=self.path, why=error)) from None
        table = tomllib.loads(written)
        self._check(table)
        self.write(written)

    def _put(self, document: TOMLDocument, one: Setting, inner: str, value: Any) -> None:
        import tomlkit

        at: Any = document
        *groups, name = one.key.split(".")
        outer = ["profiles", self._profile] if self._profile else []
        for group in [*outer, *groups, *([name] if inner else [])]:
            if group not in at:
                if value is None:
                    return
                # `[profiles]` alone would be an empty heading
                at[group] = tomlkit.table(is_super_table=group == "profiles")
            at = at[group]
        name = inner or name
        if value is None:
            at.pop(name, None)
        elif name in at:
            at[name] = value  # keeps the comment behind it
        else:
            for line in [] if inner else _wrapped(one.about):
                at.add(tomlkit.comment(line))
            at.add(name, value)

    def _check(self, table: dict[str, Any]) -> None:
        profiles = table.pop("profiles", {})
        if self._profile:
            table = merged(table, profiles.get(self._profile, {}))
        try:
            Settings(**table)
        except ValidationError as error:
            raise SettingsError(describe_faults(error, Settings, self.path)) from None

    def text(self) -> str:
        """The whole file; empty when it does not exist."""
        try:
            return read_whole(self.path).decode("utf-8-sig")
        except FileNotFoundError:
            return ""
        except UnicodeDecodeError as error:
            raise SettingsError(say("not_toml", path=self.path, why=error)) from None
        except OSError as error:
            raise SettingsError(say("unreadable", path=self.path, why=os_reason(error))) from None

    def _table(self, text: str) -> dict[str, Any]:
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(say("not_toml", path=self.path, why=error)) from None
        except RecursionError:
            raise SettingsError(say("too_deep", path=self.path)) from None
        return table.get("profiles", {}).get(self._profile, {}) if self._profile else table

    def write(self, text: str) -> None:
        """Replace the whole file at once; its mode stays."""
        path = Path(os.path.realpath(self.path))  # a link into a folder of dotfiles stays one
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".config.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).chmod(mode)
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise SettingsError(say("unwritable", path=self.path, why=os_reason(error))) from None


class SettingsEditor:
    """The settings as a person changes them one after the other: what is in force, where from, and undo."""

    def __init__(
        self,
        config: Path | None = None,
        profile: str | None = None,
        given: Mapping[str, str] | None = None,
        *,
        demo: bool = False,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """Args:
        config: The file; the default one when None.
        profile: Change and show the values of this profile.
        given: The settings that the command line fixes: key to option.
        demo: Whether this run reads no file, because none is named.
        environment: The variables that fix settings.
        """
        self.file = SettingsFile(config or default_config_file(), profile)
        self.profile = profile
        self.demo = demo
        self._config = config
        self._given = dict(given or {})
        self._environment = environment
        self._undo: list[tuple[str, Any, str, str]] = []

    def values(self) -> dict[str, Any]:
        """Every setting in force at the next start, by key; a secret is only known to be set or not.

        Raises:
            SettingsError: The file is wrong.
        """
        settings = load(self._config, profile=self.profile)
        found: dict[str, Any] = {}
        for one in all_settings():
            value: Any = settings
            for part in one.key.split("."):
                value = getattr(value, part)
            found[one.key] = bool(value) if one.kind == "secret" else value
        return found

    def fixed_by(self, key: str) -> str:
        """The variable or option that overrides the file for a setting; empty when the file decides."""
        if key in self._given:
            return self._given[key]
        names = ["C2JY_" + key.replace(".", "__").upper()]
        names += [name for name, field in COZE_NAMES.items() if key == f"coze.{field}"]
        return next((name for name in names if self._environment.get(name)), "")

    def change(self, key: str, value: Any) -> None:
        """Write one setting; None gives it its default again.

        Raises:
            SettingsError: The value is refused or the file cannot be written; nothing has changed.
        """
        before, text = self.file.value(key), self.file.text()
        self.file.change({key: value})
        self._undo.append((key, before, text, self.file.text()))

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._undo)

    def undo(self) -> str:
        """Take back the last change, and return which setting it was."""
        key, before, text, after = self._undo[-1]
        if self.file.text() == after:
            self.file.write(text)  # also without the comment that came with the setting
        else:  # somebody else has written since
            self.file.change({key: before})
        self._undo.pop()
        return key

    def fault(self, error: SettingsError) -> str:
        """The sentence of a refusal, without the file, which is named beside it."""
        return "\n".join(line.removeprefix(f"{self.file.path}: ") for line in str(error).splitlines())


def _within(table: Any, parts: Iterable[str]) -> Any:
    for part in parts:
        table = table.get(part) if isinstance(table, Mapping) else None
    return table


def _below(model: type[BaseModel], prefix: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _below(annotation, f"{prefix}{name}.")
        elif f"{prefix}{name}" != "config_dir":  # the file's own folder: follows from its path
            kind, choices = _kind(annotation)
            default = field.get_default(call_default_factory=True)
            words = " ".join((field.description or "").split())
            yield Setting(f"{prefix}{name}", kind, choices, default, words)


def _kind(annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _kind(next(one for one in arguments if one is not type(None)))
    if origin is Literal:
        return "choice", tuple(str(one) for one in arguments)
    if origin in (list, dict):
        return ("list" if origin is list else "table"), ()
    if hasattr(annotation, "__metadata__"):  # Annotated
        return _kind(arguments[0])
    kinds: dict[Any, Kind] = {bool: "switch", int: "number", float: "number", SecretStr: "secret"}
    return kinds.get(annotation, "path" if annotation is Path else "text"), ()


def _read(one: Setting, inner: str, value: Any) -> Any:
    """A value as TOML has it, from a text or from one that has its type already."""
    if not isinstance(value, str):
        return str(value) if isinstance(value, Path) else value
    if inner or one.kind in ("text", "secret", "path", "choice"):
        return value
    if one.kind == "list" and not value.lstrip().startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    words = {"yes": "true", "on": "true", "no": "false", "off": "false"}
    try:
        return tomllib.loads(f"v = {words.get(value.lower(), value)}")["v"]
    except tomllib.TOMLDecodeError:
        return value  # the check says what it must be


def _new_document() -> TOMLDocument:
    import tomlkit

    document = tomlkit.document()
    for line in _wrapped(say("file.head")):
        document.add(tomlkit.comment(line))
    document.add(tomlkit.nl())
    return document


def _wrapped(text: str) -> list[str]:
    """A comment's lines; Chinese has no spaces to break at."""
    lines, line, width = [], "", 0
    for word in text.replace("。", "。 ").split(" "):
        cells = sum(2 if ord(letter) > 0x2E7F else 1 for letter in word)
        if line and width + cells > _WIDTH:
            lines.append(line.rstrip())
            line, width = "", 0
        space = "" if word.endswith("。") else " "
        line, width = f"{line}{word}{space}", width + cells + len(space)
    return [*lines, line.rstrip()] if line.strip() else lines
