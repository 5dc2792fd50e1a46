"""What stands for one actuator: the request that won last, and whether it may go on standing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.evidence import grace_seconds, missing
from edge_agent.plan.planstate import Ground
from edge_agent.plan.targets import is_group, rests

if TYPE_CHECKING:
    from edge_agent.model.commands import Request
    from edge_agent.model.evidence import Sight
    from edge_agent.plan.planstate import PlanState


class Station(NamedTuple):
    """What execution knows of one actuator.

    Evidence must be newer than `after_seconds` (the start, or its node's return). `doing`: whether the equipment
    reports doing what is asked; None where it has not reported.
    """

    after_seconds: float
    doing: bool | None


@dataclass(slots=True)
class Standing:
    """A request in force. `remembered`: of a former run, so that it may keep something running and start nothing.

    `resting`: the fail-safe action, between two periods of timed running. `has_end`: some plan would end it. `ended`:
    the fail-safe action took the place of what did not go on standing. `through` is the group or the sequence by which
    its plan asks for it, empty where that names the actuator.
    """

    request: Request
    safe: bool
    remembered: bool = False
    sure: bool = True
    resting: bool = False
    has_end: bool = True
    ended: bool = False
    through: str = ""


class Verdict(NamedTuple):
    """Whether a request goes on standing: `ended` says why not, `blind` that it lacks evidence, `sure` that it has."""

    ended: str | None = None
    blind: bool = False
    sure: bool = True


_STANDS = Verdict()
_WAITS = Verdict(sure=False)


def asks(state: PlanState | None, standing: Standing) -> bool:
    """Whether a plan, as it is now, asks for what stands in its name."""
    if state is None:
        return False
    if standing.through:
        return any(step.actuator == standing.through for step in state.steps)
    request = standing.request
    if is_group(request.actuator):  # a number may lie between those that are asked for
        return any(step.actuator == request.actuator and not rests(step) for step in state.steps)
    wanted = (request.actuator, request.action, request.value)
    return any((step.actuator, step.action, step.value) == wanted for step in state.steps)


def asks_anything(state: PlanState, standing: Standing) -> bool:
    """Whether a plan still asks for something other than the fail-safe action of the actuator."""
    actuator, action = standing.request.actuator, standing.request.action
    return asks(state, standing) or any(s.actuator == actuator and s.action != action for s in state.steps)


def judge(
    standing: Standing,
    state: PlanState | None,
    station: Station,
    sight: Sight,
    seconds: float,
) -> Verdict:
    """Say whether a request that no plan claims just now goes on standing.

    There are five cases: what is safe stands; what its plan does not ask for any more ends, and so does what the plan
    itself says is over, and what no plan would ever end (`has_end`); all else needs evidence.
    """
    if standing.safe:
        return _STANDS
    if state is None or not asks(state, standing):
        return Verdict(f"plan {standing.request.plan} does not ask for {standing.request.action} any more")
    if state.asked.over:
        return Verdict(state.asked.over)
    if not standing.has_end and not standing.remembered:
        return Verdict(f"the alarms of plan {standing.request.plan} are over, and no plan would end its request")
    return _by_evidence(standing, state, station, sight, seconds)


def _by_evidence(standing: Standing, state: PlanState, station: Station, sight: Sight, seconds: float) -> Verdict:
    if state.ground is Ground.AWAITED:
        return _WAITS
    if state.ground in {Ground.BLIND, Ground.RESTING}:
        return Verdict(f"no evidence: {state.reason}", blind=state.ground is Ground.BLIND)
    gone = fresh_since(state, station.after_seconds, sight, seconds)
    if gone is not None:
        if seconds < station.after_seconds + grace_seconds(state.looks):
            return _WAITS
        return Verdict(f"no evidence: {gone}", blind=True)
    return _as_remembered(station) if standing.remembered else _STANDS


def _as_remembered(station: Station) -> Verdict:
    """Keep running what runs; a decision of before the start begins nothing."""
    if station.doing is None:
        return _WAITS
    return _STANDS if station.doing else Verdict("it was requested before the agent started, and is not being done")


def fresh_since(state: PlanState, after: float, sight: Sight, seconds: float) -> str | None:
    """Return which evidence is not from after a start or a return; None where a plan's ground is new enough."""
    if after <= state.start_seconds or not state.may_act:
        return None
    return missing(state.used, sight, after, seconds)
