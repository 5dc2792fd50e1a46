"""What plans ask for one actuator, the strongest first, in the words of the alarms that they stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.commands import Decision, Request
from edge_agent.plan.planstate import Ground
from edge_agent.plan.standing import Standing, fresh_since

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.plant import Step
    from edge_agent.model.time import Moment
    from edge_agent.plan.interlocks.guard import Stop
    from edge_agent.plan.planstate import PlanState
    from edge_agent.plan.situation import Situation


class Claim(NamedTuple):
    """One step that a plan asks for now; `safe`: it is the fail-safe action."""

    state: PlanState
    step: Step
    safe: bool


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
        lost = (claim for claim in rivals if claim.state.plan.id in begun and not claim.safe)
        return [Overruled(request_of(claim, active), stop.interlock, f"held back by {stop.reason}") for claim in lost]
    if not rivals:
        return []
    winner = rivals[0]
    wanted = (winner.step.action, winner.step.value)
    return [
        Overruled(request_of(claim, active), winner.state.plan.id)
        for claim in rivals[1:]
        if claim.state.plan.id in begun and (claim.step.action, claim.step.value) != wanted
    ]


def strength(claim: Claim) -> tuple[bool, int, bool, str]:
    """Order claims: trips, the higher priority, the fail-safe action, and the name, so that it is certain."""
    plan = claim.state.plan
    return not (plan.trip and claim.safe), -plan.priority, not claim.safe, plan.id


def request_of(claim: Claim, active: Mapping[str, Alarm]) -> Request:
    """Return what a claim asks for, and why."""
    state, step = claim.state, claim.step
    plan = state.plan
    timed = state.ground is Ground.RUNNING and not claim.safe
    names = () if timed else state.asked.alarms
    alarms = tuple(active[name] for name in names if name in active)
    reason = "; ".join(alarm.reason for alarm in alarms) or _without_alarms(claim)
    return Request(
        step.actuator, step.action, step.value, plan.id, plan.priority, reason, alarms, plan.trip and claim.safe
    )


def _without_alarms(claim: Claim) -> str:
    state = claim.state
    if state.ground is Ground.RUNNING and not claim.safe:
        return f"timed running without evidence: {state.reason}"
    if state.latched and not state.when_safe:
        return f"trip {state.plan.id} has latched"
    return state.asked.why


class Contest(NamedTuple):
    """One actuator that plans may ask for: its fail-safe action, those plans, and what stands."""

    actuator: str
    fail_safe: str | None
    claimants: Sequence[PlanState]
    standing: Standing | None


def claims(contest: Contest, facts: Situation, seconds: float) -> tuple[list[Claim], bool]:
    """Return what plans ask for of an actuator now, the strongest first, and whether one waits for evidence.

    While a changed policy is in force in part, only what stands already is asked for.
    """
    actuator, fail_safe, claimants, standing = contest
    found, waits = [], False
    for state in claimants:
        safe = [step for step in _safe_steps(state) if (step.actuator, step.action) == (actuator, fail_safe)]
        others = [step for step in _other_steps(state) if step.actuator == actuator and step.action != fail_safe]
        if others and state.ground is not Ground.RUNNING and not _fresh(state, others[0], facts, seconds):
            others, waits = [], True
        if facts.revising:
            others = [step for step in others if _stands(standing, state, step)]
        found += [Claim(state, step, step in safe) for step in state.steps if step in safe or step in others]
    return sorted(found, key=strength), waits


def _safe_steps(state: PlanState) -> tuple[Step, ...]:
    """Return the fail-safe actions that a plan asks for: what has latched, it asks for until it is reset."""
    return state.steps if state.latched else state.asked.doubtful


def _other_steps(state: PlanState) -> tuple[Step, ...]:
    """Return what else a plan asks for."""
    if state.ground is Ground.RUNNING and not state.kind.by_ignorance:
        return state.timed
    return state.asked.steps if state.applies and state.may_act else ()


def _stands(standing: Standing | None, state: PlanState, step: Step) -> bool:
    """Whether what a plan asks for stands in its name already."""
    stood = None if standing is None else (standing.request.plan, standing.request.action, standing.request.value)
    return stood == (state.plan.id, step.action, step.value)


def _fresh(state: PlanState, step: Step, facts: Situation, seconds: float) -> bool:
    """Whether the evidence of a plan is newer than the return of the node that a step is for."""
    station = facts.station(Standing(Request(step.actuator, step.action, step.value, None, 0, ""), safe=False))
    return fresh_since(state, station.after_seconds, facts.sight, seconds) is None
