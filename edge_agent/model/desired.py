"""Where the request for one actuator stands, with the legal steps between, and what it has to bring about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Desired(StrEnum):
    """How far a request has come. `suspended` and `locked_out` hold back all but the fail-safe action."""

    UNASKED = "unasked"  # nobody has requested anything
    HELD = "held"  # requested and not sent: it is new, or checks hold it back
    SENT = "sent"  # a command is on its way
    ACCEPTED = "accepted"  # the node has it, and works on it
    FULFILLED = "fulfilled"  # done, and not contradicted by what the equipment reports
    CONTRADICTED = "contradicted"  # the equipment reports otherwise
    MISSED = "missed"  # the command was rejected, failed or was never answered
    SUSPENDED = "suspended"  # in hand: a person at the panel has the equipment
    LOCKED_OUT = "locked_out"  # failed too often: a person must look at it


_D = Desired
#: Legal steps. A request that is new begins at `held`, whatever became of the one before; one whose equipment is in
#: hand, or locked out, is so from wherever it was.
_ANYWHERE = frozenset({_D.HELD, _D.SUSPENDED, _D.LOCKED_OUT})
TRANSITIONS: Mapping[Desired, frozenset[Desired]] = MappingProxyType(
    {
        _D.UNASKED: _ANYWHERE | {_D.FULFILLED, _D.MISSED},  # as remembered of a former run
        _D.HELD: _ANYWHERE | {_D.SENT, _D.FULFILLED, _D.MISSED},
        _D.SENT: _ANYWHERE | {_D.ACCEPTED, _D.FULFILLED, _D.MISSED, _D.CONTRADICTED, _D.SENT},
        _D.ACCEPTED: _ANYWHERE | {_D.FULFILLED, _D.MISSED, _D.CONTRADICTED, _D.SENT},
        _D.FULFILLED: _ANYWHERE | {_D.SENT, _D.CONTRADICTED},
        _D.CONTRADICTED: _ANYWHERE | {_D.SENT, _D.FULFILLED, _D.MISSED},
        _D.MISSED: _ANYWHERE | {_D.SENT, _D.FULFILLED, _D.CONTRADICTED},
        _D.SUSPENDED: _ANYWHERE,
        _D.LOCKED_OUT: _ANYWHERE,
    }
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What has to come true within a time after equipment was started: the proof of its effect."""

    condition: str
    within_seconds: float
