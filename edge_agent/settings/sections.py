"""What can be set about an agent, section by section, with limits, defaults and the words of the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from edge_agent.model.commands import Mode
from edge_agent.settings.hosts import PHRASE as HOST_PHRASE
from edge_agent.settings.hosts import Host

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
EventLoop = Literal["auto", "asyncio", "uvloop"]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Section(BaseModel):
    """Strict, frozen, finite, and without keys that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class AgentSection(Section):
    """Who this agent is."""

    id: str = Field(
        "gateway-1", pattern=ID_PATTERN, title=ID_PHRASE, description="Name of this agent, unique per gateway."
    )
    event_loop: EventLoop = Field(
        "auto",
        description="What waits for the network: uvloop takes a little less of the processor; auto: that where it is "
        "installed.",
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

    host: Host = Field("localhost", title=HOST_PHRASE, description="Broker to connect to.")
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
    max_packet_bytes: int = Field(
        1_048_576,
        ge=131_072,
        le=268_435_455,
        description="Largest message, with its topic, that the broker may send (MQTT 5): larger ones it drops.",
    )
    session_expiry_seconds: int = Field(
        86400, ge=0, le=4294967295, description="How long the broker keeps messages for an absent agent (MQTT 5)."
    )
    gather_seconds: float = Field(
        0.02,
        ge=0,
        le=1,
        description="How long what follows soon after another message may wait to be read together with more, which "
        "costs fewer wake-ups; 0: hardly. While a command is under way nothing waits.",
    )
    tls: TlsSection | None = Field(None, description="Present: the connection is encrypted.")


class StoreSection(Section):
    """The embedded store."""

    path: FilePath = Field(
        Path("var/edge-agent.db"), description="SQLite file; a relative path counts from the working directory."
    )
    commit_interval_seconds: float = Field(
        5.0,
        ge=0,
        le=60,
        description="How long readings may wait to be written together, where they are few: as soon as 100 of them "
        "wait, or after so long without a write, it is a second at most; 0: each turn is written at once. Commands and "
        "alarms never wait.",
    )
    keep_days: float = Field(
        30.0, gt=0, le=36500, description="How long readings, alarms, commands and decisions are kept in it."
    )
    max_mb: float = Field(
        1024.0,
        ge=16,
        le=1_000_000,
        description="How large the file may grow, in 10^6 bytes: then dead letters go, which never have more than a "
        "tenth, then the oldest readings, alarms, commands and decisions last.",
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
        description="How much of the file may wait for PostgreSQL, half of `max_mb` at most: then dead letters "
        "are given up, then the oldest readings, alarms, commands and decisions last.",
    )
    spool_max_days: float = Field(
        30.0, gt=0, le=36500, description="How long something may wait for PostgreSQL before it is given up."
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

    host: Host = Field("127.0.0.1", title=HOST_PHRASE, description="Address to listen on.")
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
