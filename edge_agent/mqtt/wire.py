"""What the agent says on the broker, as bytes."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Literal

from edge_agent.model.commands import HIGHEST_EPOCH
from edge_agent.model.readings import KEPT_PAYLOAD_BYTES
from edge_agent.model.time import rfc3339

if TYPE_CHECKING:
    from edge_agent.model.alarms import Alarm
    from edge_agent.model.commands import Command, Mode
    from edge_agent.model.readings import DeadLetter


def command(order: Command) -> bytes:
    """Write a command as nodes expect it. The same command gives the same bytes in every retry."""
    return _json(
        {
            "id": order.id,
            "site": order.site,
            "node": order.node,
            "actuator": order.actuator,
            "action": order.action,
            "value": order.value,
            "issued_at": rfc3339(order.issued_at),
            "expires_at": rfc3339(order.expires_at),
            "lease_seconds": _plain(order.lease_seconds),
            "epoch": order.epoch,
            "counter": order.counter,
            "plan": order.plan,
            "reason": order.reason,
        }
    )


def agent_status(state: Literal["online", "offline"], mode: Mode, version: str, epoch: int) -> bytes:
    """Write the agent's own status."""
    return _json({"state": state, "mode": mode, "version": version, "epoch": epoch})


def epoch_of(status: bytes) -> int:
    """Read the epoch out of an agent's status; 0 where it tells none."""
    epoch = _members(status).get("epoch")
    return epoch if type(epoch) is int and 0 < epoch <= HIGHEST_EPOCH else 0


def is_online(status: bytes) -> bool:
    """Whether an agent says in its status that it runs."""
    return _members(status).get("state") == "online"


def _members(status: bytes) -> dict[str, object]:
    try:
        found = json.loads(status)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def alarm(state: Alarm) -> bytes:
    """Write an alarm's state; nothing where it is at rest, so that its topic is forgotten.

    `sensor` is null for a node's own alarm; value and limit are in `unit`.
    """
    if state.at_rest:
        return b""
    return _json(
        {
            "node": state.key.node,
            "sensor": state.key.sensor or None,
            "threshold": state.key.threshold,
            "alarm": str(state.key),
            "state": "active" if state.active else "normal",
            "acknowledged": state.acknowledged,
            "chattering": state.chattering,
            "shelved_until": None if state.shelved_until is None else rfc3339(state.shelved_until),
            "priority": state.priority,
            "value": state.value,
            "limit": state.limit,
            "unit": state.unit,
            "since": rfc3339(state.since),
            "reason": state.reason,
        }
    )


def dead_letter(letter: DeadLetter) -> bytes:
    """Write what could not be used. A payload that is not UTF-8 goes as base64 and says so in `encoding`."""
    payload = letter.payload[:KEPT_PAYLOAD_BYTES]
    text = _text(payload)
    if text is not None:
        return _json({"reason": letter.reason, "topic": letter.topic, "payload": text})
    encoded = base64.b64encode(payload).decode("ascii")
    return _json({"reason": letter.reason, "topic": letter.topic, "payload": encoded, "encoding": "base64"})


def _text(payload: bytes) -> str | None:
    """Read UTF-8; None where it is not. A character that the cut to KEPT_PAYLOAD_BYTES split is left out."""
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        split = len(payload) == KEPT_PAYLOAD_BYTES and error.reason == "unexpected end of data"
        return payload[: error.start].decode() if split else None


def _plain(number: float) -> float | int:
    """Write 900.0 as 900: nodes with integer-only parsers read durations too."""
    return int(number) if number == int(number) else number


def _json(members: dict[str, object]) -> bytes:
    text = json.dumps(members, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # A node can send half a surrogate pair as a JSON escape; it must not come back as an exception.
    return text.encode("utf-8", "replace")
