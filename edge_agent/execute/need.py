"""Whether a command is needed now, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from edge_agent.execute.control import BLOCKED
from edge_agent.model.desired import Desired

if TYPE_CHECKING:
    from edge_agent.execute.control import Control
    from edge_agent.model.commands import Request
    from edge_agent.model.time import Moment

Need = Literal["request", "repeat", "renew", "restore"]

_NEEDS: dict[Desired, Need] = {Desired.HELD: "request", Desired.MISSED: "repeat", Desired.CONTRADICTED: "restore"}
#: How the reason of a command begins.
PREFIX: dict[Need, str] = {
    "request": "",
    "repeat": "once more: ",
    "renew": "lease renewed: ",
    "restore": "the equipment does otherwise: ",
}


class Wanted(NamedTuple):
    """A command that is needed, and why."""

    control: Control
    request: Request
    need: Need

    @property
    def reason(self) -> str:
        """Why, in words."""
        return PREFIX[self.need] + self.request.reason


def need(control: Control, now: Moment) -> Need | None:
    """Return why a command is needed now, None where none is."""
    if control.desired is None or control.state in BLOCKED:
        return None
    if now.seconds < control.pace.due_seconds and not (control.desired.trip and control.state is Desired.HELD):
        return _early_renewal(control, now)
    if control.state is Desired.FULFILLED and control.does is False:
        control.contradict(now)  # no new report tells: the last one stands, though the command is done
    if control.state is Desired.CONTRADICTED and control.safe and control.contradiction.left_to_the_hand():
        return None
    if control.state in {Desired.FULFILLED, Desired.ACCEPTED}:
        return "renew" if not control.safe and control.lease.due(now.seconds) else None
    return _NEEDS.get(control.state)


def _early_renewal(control: Control, now: Moment) -> Need | None:
    """Renew a short lease before its report: it does not wait for that."""
    short = control.state is Desired.FULFILLED and not control.safe and control.lease.halved(now.seconds)
    return "renew" if short else None
