"""The payloads of a node: commands as it reads them, and everything it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.model.commands import HIGHEST_EPOCH
from edge_agent.model.inbox import Kind, Route
from edge_agent.model.readings import MAX_PAYLOAD_BYTES
from edge_agent.model.time import MICROSECONDS, Instant, parse_rfc3339, rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.plant import TimestampFormat

AckStatus = Literal["accepted", "done", "rejected", "failed"]

#: Made once: `json.dumps` would make one for each message.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class Outgoing(NamedTuple):
    """One message of a node, ready to be published at QoS 1. `route.node` is the sender."""

    route: Route
    payload: bytes
    retain: bool = False


class ReceivedCommand(NamedTuple):
    """What of a command matters to the node that executes it."""

    id: str
    site: str
    node: str
    actuator: str
    action: str
    value: float | None
    expires_at: Instant
    lease_seconds: float
    epoch: int
    counter: int


class Malformed(NamedTuple):
    """A payload that is no command: whose, if that could be read, and what is wrong."""

    id: str | None
    detail: str


_Identity = Annotated[str, Field(min_length=1, max_length=128)]
_Epoch = Annotated[int, Field(ge=0, le=HIGHEST_EPOCH)]
_Count = Annotated[int, Field(ge=0, le=2**63 - 1)]


class _Command(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)

    id: _Identity
    site: str
    node: str
    actuator: str
    action: str
    value: float | None = None
    expires_at: Annotated[str, Field(max_length=64)]
    lease_seconds: Annotated[float, Field(gt=0)]
    epoch: _Epoch
    counter: _Count


class _Named(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    id: _Identity


def read_command(payload: bytes) -> ReceivedCommand | Malformed:
    """Read a command. Never raises: what is no command comes back as malformed."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Malformed(None, "larger than 64 KiB")
    try:
        command = _Command.model_validate_json(payload)
        expires_at = parse_rfc3339(command.expires_at.upper())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return Malformed(_identity(payload), f"malformed: {place + ': ' if place else ''}{first['msg']}")
    except (ValueError, OverflowError) as error:
        return Malformed(_identity(payload), f"malformed: expires_at: {error}")
    return ReceivedCommand(**(command.model_dump() | {"expires_at": expires_at}))


def _identity(payload: bytes) -> str | None:
    try:
        return _Named.model_validate_json(payload).id
    except ValidationError:
        return None


def reading(node: str, sensor: str, value: float, unit: str, ts: str | float, seq: int) -> Outgoing:
    """Write one reading, rounded to seven digits, which is more than any sensor has, and without a minus before 0."""
    content = {"value": float(f"{value:.7g}") + 0.0, "unit": unit, "ts": ts, "seq": seq}
    return Outgoing(Route(Kind.TELEMETRY, node, sensor), _json(content))


def timestamp(at: Instant, timestamps: TimestampFormat) -> str | float:
    """Write an instant as the node declares it."""
    if timestamps == "rfc3339":
        return rfc3339(at)
    return at / MICROSECONDS if timestamps == "unix" else at / 1000


def acknowledgement(node: str, actuator: str, command_id: str, status: AckStatus, detail: str) -> Outgoing:
    """Write an acknowledgement."""
    content = {"id": command_id, "status": status, "detail": detail}
    return Outgoing(Route(Kind.ACK, node, actuator), _json(content))


def state(node: str, actuator: str, word: str, value: float | None, ts: str | float) -> Outgoing:
    """Write what an actuator really does, retained."""
    return Outgoing(Route(Kind.STATE, node, actuator), _json({"state": word, "value": value, "ts": ts}), retain=True)


def status(node: str, word: Literal["online", "offline"]) -> Outgoing:
    """Write whether a node is there, retained. The one with `offline` is its last will."""
    return Outgoing(Route(Kind.STATUS, node), word.encode(), retain=True)


def _json(content: Mapping[str, object]) -> bytes:
    return _ENCODER.encode(content).encode()
