"""The times of a command, and the protection of equipment, where the plant file says nothing of them."""

from __future__ import annotations

from typing import NamedTuple

from edge_agent.model.plant import PUMP_LEAST_SECONDS, PUMP_STARTS_PER_HOUR, VALVE_LEAST_SECONDS

LEASE_SECONDS = 900.0
COMMAND_TTL_SECONDS = 30.0
ACK_TIMEOUT_SECONDS = 5.0

#: Least times and starts per hour of equipment for which the plant file says nothing.
PROTECTION: dict[str, tuple[float, int | None]] = {
    "pump": (PUMP_LEAST_SECONDS, PUMP_STARTS_PER_HOUR),
    "valve": (VALVE_LEAST_SECONDS, None),
}

TIMING_KEYS = ("lease_seconds", "command_ttl_seconds", "ack_timeout_seconds")


class Timing(NamedTuple):
    """The three times, all in seconds; sound where ack_timeout < command_ttl."""

    lease_seconds: float
    command_ttl_seconds: float
    ack_timeout_seconds: float


def timing(lease: float | None, ttl: float | None, ack: float | None) -> Timing:
    """Fill in what is not given: 900, 30 and 5 s, or less where a shorter lease or life leaves no room for that."""
    lease = LEASE_SECONDS if lease is None else lease
    ttl = min(COMMAND_TTL_SECONDS, lease) if ttl is None else ttl
    ack = min(ACK_TIMEOUT_SECONDS, ttl / 3) if ack is None else ack
    return Timing(lease, ttl, ack)
