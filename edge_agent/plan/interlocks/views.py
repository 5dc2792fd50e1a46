"""What others may see of an interlock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.remembered import InterlockView
from edge_agent.plan.interlocks.permit import Permit
from edge_agent.plan.interlocks.trip import Says, Trip

if TYPE_CHECKING:
    from edge_agent.plan.interlocks.guard import Guard


def view(guard: Guard, refused: str) -> InterlockView:
    """Return one interlock as it is; `refused`: why it was not reset when a person asked for that."""
    since = guard.tripped_at if isinstance(guard, Trip) else None
    return InterlockView(guard.name, _kind(guard), _state(guard), guard.says_so, since, guard.actuators, refused)


def _kind(guard: Guard) -> str:
    """Return which of the three it is."""
    if isinstance(guard, Trip):
        return "trip"
    return "permit" if isinstance(guard, Permit) else "exclusive"


def _state(guard: Guard) -> str:
    """Return `quiet`, `blocks` (what would begin), `stops` (without having latched) or `tripped`."""
    if isinstance(guard, Trip) and guard.latched:
        return "tripped"
    if guard.stops():
        return "stops"
    blocks = guard.says is not Says.CLEAR if isinstance(guard, Trip) else bool(guard.says_so)
    return "blocks" if blocks else "quiet"
