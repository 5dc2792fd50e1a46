"""The agent's settings: one frozen tree, from a TOML file and the environment."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from edge_agent.errors import ConfigurationError, Problem
from edge_agent.model.commands import Mode  # noqa: TC001 - pydantic reads it at run time
from edge_agent.settings.environment import PREFIX, SEPARATOR, overlay
from edge_agent.settings.findings import Finding, findings, unknown_key
from edge_agent.settings.secretfiles import SECRETS, resolve_secrets
from edge_agent.settings.tomlfile import find, read_toml, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.settings.findings import KeyPath

ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
ID_PHRASE = "an id: 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit"
_PREFIX_PATTERN = r"^[^/+#$\x00-\x1f\x7f][^/+#\x00-\x1f\x7f]*(/[^/+#\x00-\x1f\x7f]+)*$"
_PREFIX_PHRASE = "topic levels joined by single slashes, none at either end, without + and #, not beginning with $"


def _not_empty(path: Path) -> Path:
    if path == Path():
        raise PydanticCustomError("string_too_short", "a path must not be empty")
    return path


#: A path is text in the file; strict validation would want a Path there.
FilePath = Annotated[Path, Field(strict=False), AfterValidator(_not_empty)]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Section(BaseModel):
    """Strict, frozen, finite, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class AgentSection(Section):
    """Who this agent is."""

    id: str = Field(
        "gateway-1", pattern=ID_PATTERN, title=ID_PHRASE, description="Name of this agent, unique per gateway."
    )


class TlsSection(Section):
    """How the connection to the broker is encrypted. The table alone, empty, trusts the system's authorities."""

    ca_file: FilePath | None = Field(None, description="Authorities to trust, PEM; absent: those of the system.")
    cert_file: FilePath | None = Field(None, description="Certificate that this agent shows to the broker, PEM.")
    key_file: FilePath | None = Field(
        None, description="Private key of `cert_file`, PEM; absent: it is in `cert_file` as well."
    )


class MqttSection(Section):
    """The broker and how to talk to it."""

    host: str = Field(
        "localhost", pattern=r"^\S+$", title="a host name or address", description="Broker to connect to."
    )
    port: int = Field(1883, ge=1, le=65535, description="Its port; with TLS usually 8883.")
    username: str | None = Field(None, min_length=1, description="Name to log in with.")
    password: SecretStr | None = Field(None, description="Password to log in with; rather use `password_file`.")
    password_file: FilePath | None = Field(
        None, description="File to read the password from; a newline at its end is not part of it."
    )
    topic_prefix: str = Field(
        "water",
        pattern=_PREFIX_PATTERN,
        max_length=256,
        title=_PREFIX_PHRASE,
        description="What every topic begins with.",
    )
    keepalive_seconds: int = Field(
        15, ge=1, le=65535, description="A dead connection is noticed after about twice this."
    )
    receive_maximum: int = Field(
        500, ge=1, le=65535, description="Messages the broker may send before the first is acknowledged (MQTT 5)."
    )
    session_expiry_seconds: int = Field(
        86400, ge=0, le=4294967295, description="How long the broker keeps messages for an absent agent (MQTT 5)."
    )
    tls: TlsSection | None = Field(None, description="Present: the connection is encrypted.")


class StoreSection(Section):
    """The embedded store."""

    path: FilePath = Field(
        Path("var/edge-agent.db"), description="SQLite file; a relative path counts from the working directory."
    )
    commit_interval_seconds: float = Field(
        1.0,
        ge=0,
        le=60,
        description="How long readings may wait to be written together; 0: each turn is written at once. "
        "Commands and alarms never wait.",
    )
    keep_days: float = Field(
        30.0, gt=0, le=36500, description="How long readings, alarms, commands and decisions are kept in it."
    )
    max_mb: float = Field(
        1024.0,
        ge=16,
        le=1_000_000,
        description="How large the file may grow, in 10^6 bytes: then the oldest readings go, alarms, commands and "
        "decisions last.",
    )
    reserve_mb: float = Field(
        8.0,
        ge=0,
        le=1024,
        description="Room held back on the disk, so that commands and alarms can be stored when it is full; below 8 "
        "it may not suffice, 0: none.",
    )
    spool_max_mb: float = Field(
        512.0,
        gt=0,
        le=1_000_000,
        description="How much of the file may wait for PostgreSQL, half of `max_mb` at most: then the oldest readings "
        "are given up, alarms, commands and decisions last.",
    )
    spool_max_days: float = Field(
        30.0, gt=0, le=36500, description="How long something may wait for PostgreSQL before it is given up."
    )


class PostgresSection(Section):
    """The utility's own store, shared by gateways. Without a dsn the embedded store is all there is."""

    dsn: SecretStr | None = Field(
        None,
        description="Where it is: `postgresql://user@host/database`, or `host=… dbname=…`; with a password in it "
        "rather use `dsn_file`.",
    )
    dsn_file: FilePath | None = Field(
        None, description="File to read the dsn from; a newline at its end is not part of it."
    )
    pool_min_size: int = Field(1, ge=0, le=100, description="Connections that are kept open.")
    pool_max_size: int = Field(4, ge=1, le=100, description="Connections at most; above the least number.")
    readings_keep_days: int | None = Field(
        None,
        ge=1,
        le=36500,
        description="Months of readings that ended longer ago are dropped, when every site in the database says so; "
        "absent: none is.",
    )


def _redis_url(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        sound = parts.scheme in {"redis", "rediss", "unix"} and (parts.port is None or parts.scheme != "unix")
    except ValueError:
        sound = False
    if not sound:
        raise PydanticCustomError("string_pattern_mismatch", "no url of Redis")
    return url


class RedisSection(Section):
    """A cache of thresholds and plans before PostgreSQL, shared by gateways. Without a url there is none."""

    url: Annotated[SecretStr, AfterValidator(_redis_url)] | None = Field(
        None,
        title="a URL: redis://host:port/0, with TLS rediss://host:port/0, or unix:///path",
        description="Where it is; with a password in it rather use `url_file`.",
    )
    url_file: FilePath | None = Field(
        None, description="File to read the url from; a newline at its end is not part of it."
    )
    ttl_seconds: int = Field(
        86400, ge=60, le=2_592_000, description="How long it holds what no gateway has confirmed with PostgreSQL."
    )


class QualitySection(Section):
    """What is believed of a reading, whatever its sensor."""

    future_tolerance_seconds: float = Field(
        60.0,
        ge=0,
        le=86400,
        description="A reading from further in the future than this is flagged suspect and moves nothing.",
    )


class HttpSection(Section):
    """Metrics and health."""

    host: str = Field(
        "127.0.0.1", pattern=r"^\S+$", title="a host name or address", description="Address to listen on."
    )
    port: int = Field(9108, ge=0, le=65535, description="Port to listen on; 0: any free one.")


class LogSection(Section):
    """What is logged, and how."""

    level: Level = Field("INFO", description="Least severe level that is logged.")
    format: Literal["text", "json"] = Field("text", description="Lines for people, or one JSON object a line.")


class ControlSection(Section):
    """How far the agent may go."""

    mode: Mode = Field(
        "auto",
        description="auto: plans command; advisory: decisions are recorded, none is published; "
        "manual: only a person commands.",
    )


class Settings(BaseSettings):
    """Everything that can be set about an agent; constructed by hand it reads neither file nor environment."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        env_prefix=PREFIX,
        env_nested_delimiter=SEPARATOR,
    )

    agent: AgentSection = AgentSection()
    mqtt: MqttSection = MqttSection()
    store: StoreSection = StoreSection()
    postgres: PostgresSection = PostgresSection()
    redis: RedisSection = RedisSection()
    quality: QualitySection = QualitySection()
    http: HttpSection = HttpSection()
    log: LogSection = LogSection()
    control: ControlSection = ControlSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments only: `load_settings` joins file and environment, to tell in an error which was wrong."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the settings: defaults, under the file, under `EDGE_AGENT_*`.

    Without a path: `config/agent.toml`, else `/etc/edge-agent/agent.toml`, else no file.
    Raises ConfigurationError with every problem of both.
    """
    found = path or find("agent.toml")
    return settings_from(read_toml(found) if found else {}, str(found), environ)


def settings_from(raw: dict[str, Any], file: str, environ: Mapping[str, str]) -> Settings:
    """Build the settings from a parsed file and the environment. Raises ConfigurationError with every problem."""
    values = deepcopy(raw)
    origins, problems = overlay(values, environ, Settings)
    wrong = [*_unknown_sections(values), *_relations(values), *resolve_secrets(values)]
    known = {name: section for name, section in values.items() if name in Settings.model_fields}
    try:
        settings = Settings(**known)
    except ValidationError as error:
        wrong += findings(error, Settings)
    problems += [_placed(finding, file, origins) for finding in wrong]
    if problems:
        raise ConfigurationError(problems)
    return settings


def _placed(finding: Finding, file: str, origins: Mapping[KeyPath, str]) -> Problem:
    variable = origins.get(finding.path)
    if variable:
        return Problem("environment", variable, finding.wrong, finding.expected)
    return finding.problem(file)


def _unknown_sections(values: dict[str, Any]) -> Iterator[Finding]:
    for name in values.keys() - Settings.model_fields.keys():
        yield unknown_key((name,), Settings)


def _relations(values: dict[str, Any]) -> Iterator[Finding]:
    for section, name in SECRETS:
        if {name, f"{name}_file"} <= table(values.get(section)).keys():
            yield Finding((section, name), f"is given as well as {section}.{name}_file", "only one of the two")
    mqtt = table(values.get("mqtt"))
    for name in ("password", "password_file"):
        if name in mqtt and "username" not in mqtt:
            yield Finding(("mqtt", name), "is given without mqtt.username", "a username with it")
    tls = table(mqtt.get("tls"))
    if "key_file" in tls and "cert_file" not in tls:
        yield Finding(("mqtt", "tls", "key_file"), "is given without mqtt.tls.cert_file", "a certificate with it")
    postgres, redis = table(values.get("postgres")), table(values.get("redis"))
    for name in ("url", "url_file"):
        if name in redis and not {"dsn", "dsn_file"} & postgres.keys():
            yield Finding(("redis", name), "is given without postgres.dsn", "the PostgreSQL that it is a cache of")
    yield from _pool(postgres)


def _pool(postgres: dict[str, Any]) -> Iterator[Finding]:
    """Compare the sizes of the pool: with one to spare, a lost server is found again at once."""
    fields = PostgresSection.model_fields
    least, most = (postgres.get(name, fields[name].default) for name in ("pool_min_size", "pool_max_size"))
    if isinstance(least, int) and isinstance(most, int) and least >= most:
        yield Finding(("postgres", "pool_max_size"), f"{most} is not above pool_min_size", f"more than {least}")
