"""All settings: `<config dir>/config.toml`, environment and command line; an unknown key is an error."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from c2jy_bridge.core.bridge_requests import IntakeName
from c2jy_bridge.core.disk_space import os_reason
from c2jy_bridge.core.places import default_config_file, default_data_dir, expanded
from c2jy_bridge.core.settings_faults import ADDRESS, COZE_NAMES, describe_faults, say
from c2jy_bridge.core.target_apps import DraftProfile, MediaPaths
from c2jy_bridge.core.whole_files import read_whole

Policy = Literal["allow", "ask", "deny"]
TimeUnit = Literal["auto", "us", "ms", "s"]
UserPath = Annotated[Path, AfterValidator(expanded)]
"""A path that may begin with `~`."""


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True, use_attribute_docstrings=True)


class CozeSettings(_Group):
    """How to reach Coze."""

    api_base: str = "https://api.coze.cn"
    """Where the API is: https://api.coze.cn or https://api.coze.com."""
    token: SecretStr | None = None
    """Personal access token. Better in the environment as COZE_API_TOKEN than in a file."""
    client_id: str = ""
    """Client id of your OAuth app for devices (Coze: API & SDK, Authorization, OAuth apps), for
    `c2jy-tui login`."""
    bot_id: str = ""
    """The Bot to talk with: the number at the end of its page's address."""
    workflow_id: str = ""
    """A workflow to run with `c2jy-tui workflow run`, when none is named."""
    user_id: str = "c2jy"
    """What Coze calls you; any text, it separates conversations of several people."""
    connect_timeout_s: float = Field(5.0, gt=0)
    """Seconds to wait for a connection (cozepy 0.20's default)."""
    stall_timeout_s: float = Field(120.0, gt=0)
    """Seconds of silence in a stream before it counts as broken."""

    @field_validator("api_base")
    @classmethod
    def _can_be_parsed(cls, address: str) -> str:
        """`http://[::1` and a port of 99999 raise wherever the host is asked for."""
        try:
            _ = urlsplit(address).port
        except ValueError:
            raise PydanticCustomError(ADDRESS, "not an address") from None
        return address


class DraftSettings(_Group):
    """Where drafts go and what they are made for."""

    root: UserPath | None = None
    """JianYing's drafts folder. None: `<data dir>/drafts`; `draft roots` and `doctor` show the apps' own."""
    profile: DraftProfile = "both"
    """Which app's files to write; `both` writes draft_content.json and draft_info.json. With a version, as
    `jianying-mac-11`, also what that version is known to want."""
    media_paths: MediaPaths = "portable"
    """`portable`: media by the apps' placeholder for the draft's own folder, right wherever the draft is put;
    `absolute`: by full paths, right in one folder only."""
    target_root: str | None = None
    """The drafts folder on the machine that opens the draft, when it is another one (a path string). With it
    media are named by absolute paths."""
    on_conflict: Literal["suffix", "error", "replace_own"] = "suffix"
    """What to do when a draft of that name exists. `replace_own` replaces only our own with the same id."""
    time_unit: TimeUnit = "auto"
    """Unit of bare numbers in exports of Coze2JianYing."""
    on_missing: Literal["error", "placeholder"] = "error"
    """What a material that cannot be had does: no draft at all, or a visible placeholder and an Issue."""
    preview_font: Path | None = None
    """Font file for previews of texts whose own font is not on this machine. None: one that is found here."""


class MaterialSettings(_Group):
    """Downloads of images, videos and sounds."""

    allow_private_hosts: list[str] = []
    """`host` or `host:port` that may be private or loopback addresses. Empty: global addresses only."""
    max_bytes: int = Field(2 * 1024**3, gt=0)
    """Largest single file, in bytes."""
    max_files: int = Field(2000, gt=0)
    """Most files one draft may name."""
    concurrency: int = Field(16, ge=1, le=64)
    """Downloads at once."""
    deadline_s: float = Field(900.0, gt=0)
    """Seconds for all downloads of one draft together."""
    retries: int = Field(4, ge=0)
    """Further tries after a passing failure, with back-off and jitter."""
    folders: list[UserPath] = []
    """Folders whose files a draft may use by path, besides `tools.folders`."""


class ToolSettings(_Group):
    """The local plugin."""

    policy: dict[str, Policy] = {}
    """allow, ask or deny by tool name; overrides the tool's own default. deny wins."""
    timeout_s: float = Field(600.0, gt=0)
    """Seconds a tool may run when it declares no limit of its own."""
    max_output_bytes: int = Field(100_000, ge=1000)
    """Longest output sent to Coze; more is cut with a marker."""
    folders: list[UserPath] = []
    """Folders that list_files and read_file may look into. None by default."""
    approval_timeout_s: float | None = None
    """Seconds until an unanswered question counts as deny; None waits."""


class BridgeSettings(_Group):
    """Bridge mode."""

    host: str = "127.0.0.1"
    """Address the bridge listens on. Anything but loopback needs `allow_remote = true`."""
    port: int = Field(8765, ge=0, le=65535)
    """Port the bridge listens on; 0 takes a free one."""
    allow_remote: bool = False
    """True lets the bridge listen on addresses that other machines reach."""
    intakes: list[IntakeName] = ["http"]
    """Ways in that are on while bridge mode is."""
    relay: Literal["bot", "direct"] = "bot"
    """`bot` has every request run by a chat with the Bot; `direct` runs the tool without one."""
    parallel: int = Field(2, ge=1, le=16)
    """Requests at work at once; each has a conversation of its own."""
    request_timeout_s: float = Field(900.0, gt=0, le=86_400)
    """Seconds from acceptance until a request that has not ended fails, when it names no limit itself."""
    approval_timeout_s: float = Field(60.0, gt=0)
    """Seconds that a bridge request's question to the user stays open; silence is deny."""
    queue_limit: int = Field(1000, ge=1)
    """Open requests that are kept; more are turned away until some have ended."""
    retention_s: float = Field(7 * 86_400.0, ge=2 * 86_400.0)
    """Seconds that an ended request and its idempotency key are remembered."""
    max_artifact_bytes: int = Field(4 * 1024**3, ge=1024**2)
    """Bytes that packed drafts, kept for those who asked, may take on this disk; the oldest go first."""
    max_body_bytes: int = Field(4 * 1024**2, ge=1024)
    """Longest HTTP body taken, in bytes (4 MiB as in the MCP SDK)."""
    rate_per_minute: int = Field(240, ge=1)
    """HTTP requests a minute that one token may make, in bursts of a quarter of it."""
    allowed_hosts: list[str] = []
    """Further names under which the bridge may be addressed: a tunnel's domain. Loopback always may."""
    allowed_origins: list[str] = []
    """Web pages (`https://host`) that may call the bridge from a browser. None by default."""
    public_url: str = ""
    """Address under which Coze reaches the bridge (https, a domain), for the description it imports."""
    mailbox_conversation_id: str = ""
    """Conversation that is the mailbox; empty: one is made and remembered."""
    mailbox_interval_s: float = Field(3.0, ge=3.0)
    """Seconds between two looks into the mailbox while it is in use; longer when it is quiet."""


class StudioSettings(_Group):
    """Bridge mode on several machines, over NATS JetStream (extra `studio`)."""

    queue: str = ""
    """Servers, separated by commas: `nats://host:4222` or `tls://host`. Empty: no NATS, one machine."""
    name: str = Field("studio", pattern=r"^[a-z0-9_-]{1,32}$")
    """Name of the studio: its stream, buckets and subjects begin with it."""
    machine: str = Field("", pattern=r"^[A-Za-z0-9_-]{0,64}$")
    """Name of this machine, unique in the studio. Empty: the host name."""
    labels: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]] = []
    """What this machine offers; a request may ask for a label."""
    lease_s: float = Field(60.0, ge=2.0, le=600.0)
    """Seconds of silence after which a machine's requests are offered to others."""
    credentials: UserPath | None = None
    """Credentials file for the servers: a JWT with its nkey (.creds), or the seed of an nkey alone."""
    tls_ca: UserPath | None = None
    """Certificate authorities (PEM) that the servers' certificates are checked with; none: the system's."""
    tls_cert: UserPath | None = None
    """Certificate (PEM) that this machine shows to the servers."""
    tls_key: UserPath | None = None
    """Its key (PEM)."""
    replicas: int = Field(1, ge=1, le=5)
    """Servers that keep each message; 3 survive the loss of one. Counts where the studio is made first."""
    max_bytes: int = Field(1024**3, ge=1024**2)
    """Bytes that requests, and their messages, may take on a server's disk; the server sets both aside."""
    max_object_bytes: int = Field(4 * 1024**3, ge=1024**2)
    """Bytes that long texts and packed drafts may take on a server's disk."""


class ScreenSettings(_Group):
    """What the screen looks like."""

    lang: Literal["auto", "zh", "en"] = "auto"
    """Language of the screen; auto follows the locale."""
    theme: str = "auto"
    """`c2jy-dark` or `c2jy-light`; `ansi-dark` and `ansi-light` follow the terminal's own 16 colours; or one
    of Textual's themes. auto: c2jy-dark, and ansi-dark where there are 16 colours or NO_COLOR is set."""
    mouse: bool = True
    """False leaves the mouse to the terminal, so that it can select text."""
    low_bandwidth: Literal["auto", "on", "off"] = "auto"
    """Send less to the terminal: no animation, ten frames a second for what moves by itself, no reaction to
    the mouse until it is clicked. auto: over SSH."""
    alerts: Literal["auto", "bell", "osc9", "osc777", "off"] = "auto"
    """What calls you back when an approval waits, or a turn of more than 20 s ends, while the terminal is not
    in front: the bell, or a desktop notice by OSC 9 or OSC 777. `auto`: the notice that the terminal is known
    to show, else the bell. The terminal must report its focus (in tmux: `set -g focus-events on`)."""
    chat_width: int = Field(60, ge=25, le=75)
    """Percent of the columns that the chat has beside the other panes; Alt+Left and Alt+Right change it."""
    chat_height: int = Field(67, ge=25, le=75)
    """Percent of the lines that the chat has above the other panes; Alt+Up and Alt+Down change it."""
    calls_height: int = Field(50, ge=25, le=75)
    """Percent of the lines that the tool calls have above the drafts; Alt+Up and Alt+Down change it."""
    keymap: dict[str, str] = {}
    """Other keys by binding id: {"bridge.toggle" = "f9"}. Ids are shown in the help."""


class Settings(BaseSettings):
    """All settings. Environment: `C2JY_<GROUP>__<FIELD>`, and the COZE_* names that Coze users export."""

    model_config = SettingsConfigDict(
        env_prefix="C2JY_",
        env_nested_delimiter="__",
        extra="forbid",
        validate_assignment=True,
        use_attribute_docstrings=True,
    )

    coze: CozeSettings = CozeSettings()
    """How to reach Coze."""
    drafts: DraftSettings = DraftSettings()
    """Where drafts go."""
    materials: MaterialSettings = MaterialSettings()
    """Downloads."""
    tools: ToolSettings = ToolSettings()
    """The local plugin."""
    bridge: BridgeSettings = BridgeSettings()
    """Bridge mode."""
    studio: StudioSettings = StudioSettings()
    """Bridge mode on several machines."""
    screen: ScreenSettings = ScreenSettings()
    """The screen."""
    data_dir: UserPath = Field(default_factory=default_data_dir)
    """Journal, cache of materials, logs."""
    config_dir: UserPath = Field(default_factory=lambda: default_config_file().parent)
    """config.toml and `tools/*.py`."""

    @property
    def drafts_root(self) -> Path:
        """The drafts folder in the settings, else one in the data folder."""
        return self.drafts.root or self.data_dir / "drafts"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then C2JY_*, then COZE_*, then the file."""
        sources = [InitSettingsSource(settings_cls, table) for table in (_coze_names(), _file.get())]
        return init_settings, env_settings, *sources


class SettingsError(ValueError):
    """The settings are invalid; the message names the file and each wrong key, never a value."""


_file: ContextVar[dict[str, Any]] = ContextVar("config file", default={})  # noqa: B039  (never mutated)


def _coze_names() -> dict[str, Any]:
    found = {field: os.environ[name] for name, field in COZE_NAMES.items() if os.environ.get(name)}
    return {"coze": found} if found else {}


def load(
    config: Path | None = None,
    *,
    profile: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    look_for_file: bool = True,
) -> Settings:
    """Read the settings.

    Args:
        config: The TOML file; None means the default path, where it may be missing.
        profile: A table `[profiles.<name>]` of the file that overrides the rest of it.
        overrides: Nested values from the command line, which override everything.
        look_for_file: False reads only an explicit `config`.

    Raises:
        SettingsError: `config` is missing, is not TOML, or has a wrong key or value.
    """
    config = config and expanded(config)
    path = config or default_config_file()
    table = _read_file(path, required=config is not None) if config or look_for_file else {}
    profiles = table.pop("profiles", {})
    if profile is not None:
        if profile not in profiles:
            raise SettingsError(
                say("no_profile", path=path, profile=profile, have=", ".join(profiles) or "-")
            )
        table = merged(table, profiles[profile])
    if config is not None:
        table.setdefault("config_dir", str(path.parent))
    token = _file.set(table)
    try:
        return Settings(**(overrides or {}))
    except ValidationError as error:
        # Not str(error): pydantic quotes the input, which may be a token.
        raise SettingsError(describe_faults(error, Settings, path)) from None
    finally:
        _file.reset(token)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` overridden by `over`, table by table."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = merged(below, value) if both else value  # type: ignore[arg-type]  # `both` says so
    return result


def _read_file(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(read_whole(path).decode("utf-8-sig"))
    except FileNotFoundError:
        if required:
            raise SettingsError(say("no_file", path=path)) from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(say("not_toml", path=path, why=error)) from None
    except RecursionError:
        raise SettingsError(say("too_deep", path=path)) from None
    except OSError as error:
        raise SettingsError(say("unreadable", path=path, why=os_reason(error))) from None
