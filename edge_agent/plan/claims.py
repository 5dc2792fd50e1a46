"""What plans ask for one actuator, the strongest first, in the words of the alarms that they stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.commands import Decision, Request
from edge_agent.plan.planstate import Ground

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.plant import Step
    from edge_agent.model.time import Moment
    from edge_agent.plan.interlocks.guard import Stop
    from edge_agent.plan.planstate import PlanState


class Through(NamedTuple):
    """What is asked of an actuator through a group or a sequence: a step, and the request that this comes from.

    Without a step it is left as it is. `root` is what the plan of the request uses: the group, of a sequence in one.
    """

    root: str
    request: Request
    step: Step | None = None


class Claim(NamedTuple):
    """One step that a plan asks for now; `safe`: it is the fail-safe action, `trips`: that of a trip.

    `state` is that of the plan, where it names the target itself; else it asks `through` a group or a sequence.
    """

    step: Step
    safe: bool
    plan: str
    priority: int
    trips: bool
    state: PlanState | None = None
    through: Through | None = None


def claim_of(state: PlanState, step: Step, *, safe: bool) -> Claim:
    """Return what a plan itself claims."""
    plan = state.plan
    return Claim(step, safe, plan.id, plan.priority, plan.trip and safe, state)


def claim_through(through: Through, step: Step, *, safe: bool) -> Claim:
    """Return what is claimed through a group or a sequence."""
    request = through.request
    return Claim(step, safe, request.plan or "", request.priority, request.trip and safe, through=through)


class Overruled(NamedTuple):
    """A request that lost, and who won: another plan, or an interlock."""

    request: Request
    winner: str
    why: str = ""  # of an interlock

    def decision(self, now: Moment) -> Decision:
        """Return the record of it."""
        request = self.request
        reason = f"{self.why or f'plan {self.winner} outranks it'}: {request.reason}"
        return Decision(
            now.at, request.actuator, request.action, request.value, request.plan, "overruled", reason, request.alarms
        )


def losers(
    rivals: list[Claim], begun: set[str], active: Mapping[str, Alarm], stop: Stop | None = None
) -> Iterable[Overruled]:
    """Return the requests of plans that have just begun to apply and lose an actuator: to a stop, or another plan."""
    if stop is not None:
        lost = (claim for claim in rivals if claim.plan in begun and claim.through is None and not claim.safe)
        return [Overruled(request_of(claim, active), stop.interlock, f"held back by {stop.reason}") for claim in lost]
    if not rivals:
        return []
    winner = rivals[0]
    wanted = (winner.step.action, winner.step.value)
    return [
        Overruled(request_of(claim, active), winner.plan)
        for claim in rivals[1:]
        if claim.plan in begun and claim.through is None and (claim.step.action, claim.step.value) != wanted
    ]


def strength(claim: Claim) -> tuple[bool, int, bool, str]:
    """Order claims: trips, the higher priority, the fail-safe action, and the name, so that it is certain."""
    return not claim.trips, -claim.priority, not claim.safe, claim.plan


def request_of(claim: Claim, active: Mapping[str, Alarm]) -> Request:
    """Return what a claim asks for, and why."""
    step, state = claim.step, claim.state
    if claim.through is not None:
        request = claim.through.request
        return request._replace(actuator=step.actuator, action=step.action, value=step.value, trip=claim.trips)
    if state is None:
        raise AssertionError(f"nobody asks for {step.action} of {step.actuator}")
    plan = state.plan
    timed = state.ground is Ground.RUNNING and not claim.safe
    names = () if timed else state.asked.alarms
    alarms = tuple(active[name] for name in names if name in active)
    reason = "; ".join(alarm.reason for alarm in alarms) or _without_alarms(claim, state)
    return Request(
        step.actuator, step.action, step.value, plan.id, plan.priority, reason, alarms, plan.trip and claim.safe
    )


def _without_alarms(claim: Claim, state: PlanState) -> str:
    if state.ground is Ground.RUNNING and not claim.safe:
        return f"timed running without evidence: {state.reason}"
    if state.latched and not state.when_safe:
        return f"trip {state.plan.id} has latched"
    return state.asked.why
