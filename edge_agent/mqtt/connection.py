"""What is needed to reach a broker and to keep a session with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tls:
    """How the broker is trusted and how the agent shows who it is. Without `ca_file` the system's authorities count."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Where the broker is and what is agreed with it. `client_id` names the session: one agent only may use it.

    `receive_maximum` bounds the messages that are on their way unacknowledged (MQTT 5); `session_expiry_seconds` is
    how long the broker keeps messages for an absent agent (MQTT 5; 3.1.1 leaves that to the broker);
    `max_packet_bytes` is the largest packet that it may send (MQTT 5). `gather_seconds` is how long the socket rests
    after a read, so that what comes meanwhile is read together.
    """

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    keepalive_seconds: int = 15
    receive_maximum: int = 500
    session_expiry_seconds: int = 86400
    max_packet_bytes: int = 1_048_576
    gather_seconds: float = 0.0


class Will(NamedTuple):
    """What the broker says, retained and at QoS 1, when the agent is gone without a word."""

    topic: str
    payload: bytes
