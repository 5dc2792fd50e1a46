"""A request comes to stand for an actuator, or a person gives the equipment back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute.control import BLOCKED
from edge_agent.execute.panel import Hand
from edge_agent.model.desired import Desired

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.execute.control import Control
    from edge_agent.model.commands import Request
    from edge_agent.model.time import Moment


def stand(control: Control, request: Request, now: Moment) -> None:
    """Put a request in force. Where it asks for what stands already, only who requests it is new."""
    before = control.desired
    control.desired, control.desired_at, control.changed = request, now.at, True
    if before is None or (before.action, before.value) != (request.action, request.value):
        _begin(control, request, now)
    elif request.trip and not before.trip:
        _ask_afresh(control, now)


def _begin(control: Control, request: Request, now: Moment) -> None:
    control.step(Desired.HELD)
    if control.newest.asks_for(request):
        control.step(Desired.SENT)
    elif control.newest.done == (request.action, request.value) and control.does is not False:
        control.step(Desired.FULFILLED)  # the one between was never commanded: it does this still
    control.held_back.clear()
    if not control.lock_out.locked:
        control.lock_out.why = ""
    control.contradiction.begin_anew()
    control.pace.begin(now.seconds)
    control.block_or_free()


def _ask_afresh(control: Control, now: Moment) -> None:
    """Command a trip's stop at once, whatever was tried before: no earlier try, and no pause after one, counts."""
    control.contradiction.restored = 0
    control.pace.begin(now.seconds)
    if control.state not in BLOCKED and not (control.state is Desired.FULFILLED and control.confirmed):
        control.step(Desired.HELD)


def judge(plant: Mapping[str, Control], failures: Iterable[tuple[str, str]], proven: Iterable[str]) -> None:
    """Count the failures of equipment that ran, as requested, without its effect; one that is shown ends the count."""
    for name, why in failures:
        control = plant.get(name)
        if control is not None and not control.safe and not control.panel.taken:
            control.fail(why)
    for name in proven:
        control = plant.get(name)
        if control is not None:
            control.forget_failures()


def release(control: Control, now: Moment, *, reset: bool) -> bool:
    """Release what a person gives back, with `reset` after a lock-out too; return whether that did anything."""
    if control.panel.hand is not Hand.UNEXPECTED and not (reset and control.lock_out.failures):
        return False
    control.panel.forgive()
    if reset:
        control.lock_out.reset()
    control.changed = True
    control.block_or_free()
    control.awake(now)
    return True
