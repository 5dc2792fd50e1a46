"""What a group wants to know of an actuator before it asks it to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.execute.authority import epoch_of_refusal
from edge_agent.execute.equipment import reported_on
from edge_agent.execute.panel import Hand
from edge_agent.model.desired import Desired

if TYPE_CHECKING:
    from edge_agent.execute.control import Control
    from edge_agent.execute.execution import Executor


class Candidate(NamedTuple):
    """An actuator as a group sees it; the members are those of a group's member (`plan/rota.py`), in their order."""

    name: str
    runs: bool = False
    by_hand: bool = False
    unfit: str = ""
    failing: str = ""
    free_seconds: float = float("-inf")
    since_seconds: float = float("-inf")
    run_seconds: float = 0.0
    starts: int = 0
    in_hand: bool = False


def candidate(executor: Executor, name: str, seconds: float) -> Candidate:
    """Return what is known of an actuator at a monotonic time."""
    control = executor.roster.plant.get(name)
    if control is None:
        return Candidate(name, unfit="is not in the plant")
    runs = _runs(control, executor)
    return Candidate(
        name,
        runs,
        runs and control.panel.taken,
        _unfit(control, executor),
        _failing(control),
        control.equipment.free_seconds,
        control.after_seconds,
        control.runs.all_run_seconds(seconds),
        control.runs.all_starts,
        control.panel.hand is Hand.LOCAL,
    )


def _runs(control: Control, executor: Executor) -> bool:
    """Whether it is known to run, or to be open: of one whose node is offline nobody knows."""
    if executor.reach.online.get(control.actuator.node) is False:
        return False
    if control.reported is None:
        return control.state is Desired.FULFILLED and not control.safe and control.equipment.running is True
    return reported_on(control.reported.state) is True


def _unfit(control: Control, executor: Executor) -> str:
    node, reach = control.actuator.node, executor.reach
    if control.panel.hand is Hand.LOCAL:
        return "is in hand"
    if control.panel.taken:
        return "was switched at its panel"
    if control.lock_out.locked:
        return "is locked out"
    if reach.online.get(node) is False:
        return "is offline"
    return "does not answer" if reach.breaker(node) == "open" else ""


def _failing(control: Control) -> str:
    """Return why what was requested was not carried out; a refusal of the agent's epoch is no fault of equipment."""
    why = "" if control.safe or control.desired is None else control.lock_out.why
    return "" if epoch_of_refusal(0, why.lower(), None) is not None else why
