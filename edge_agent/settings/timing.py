"""The times of a command, and the protection of equipment, where the plant file says nothing of them."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, exp, floor, log
from typing import NamedTuple

from edge_agent.model.plant import PUMP_LEAST_SECONDS, PUMP_STARTS_PER_HOUR, VALVE_LEAST_SECONDS

LEASE_SECONDS = 900.0
COMMAND_TTL_SECONDS = 30.0
ACK_TIMEOUT_SECONDS = 5.0

_KW_PER_HP = 0.7457
#: What motors with four poles bear by NEMA MG 10: horsepower, starts an hour, seconds of rest between them.
_BORNE = ((5.0, 16.3, 42.0), (20.0, 9.6, 55.0), (50.0, 6.8, 72.0), (100.0, 5.2, 110.0), (250.0, 3.7, 500.0))
#: The largest motor of that table.
LARGEST_KW = _BORNE[-1][0] * _KW_PER_HP


class Protection(NamedTuple):
    """Least times, and starts in an hour: None is any number."""

    least_on_seconds: float
    least_off_seconds: float
    starts_per_hour: int | None


def protection(kind: str, rated_kw: float | None = None) -> Protection:
    """Return what protects equipment for which the plant file says nothing, by the size of its motor if that is told.

    Between the sizes of the table it is as on a line through their logarithms, rounded to the careful side; a smaller
    motor counts as the smallest, and a larger one as the largest.

    >>> protection("pump", 15.0)
    Protection(least_on_seconds=10.0, least_off_seconds=56.0, starts_per_hour=9)
    """
    if kind != "pump":
        return Protection(VALVE_LEAST_SECONDS, VALVE_LEAST_SECONDS, None)
    if rated_kw is None:
        return Protection(PUMP_LEAST_SECONDS, PUMP_LEAST_SECONDS, PUMP_STARTS_PER_HOUR)
    horsepower = min(max(rated_kw / _KW_PER_HP, _BORNE[0][0]), _BORNE[-1][0])
    below, above = next(pair for pair in pairwise(_BORNE) if horsepower <= pair[1][0])
    part = log(horsepower / below[0]) / log(above[0] / below[0])
    starts, rest = (exp(log(low) + part * log(high / low)) for low, high in zip(below[1:], above[1:], strict=True))
    return Protection(PUMP_LEAST_SECONDS, float(ceil(round(rest, 6))), floor(round(starts, 6)))


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
