"""What plans ask for of one actuator now, the strongest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.commands import Request
from edge_agent.plan.claims import Claim, strength
from edge_agent.plan.planstate import Ground
from edge_agent.plan.standing import Standing, fresh_since

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.model.plant import Step
    from edge_agent.plan.planstate import PlanState
    from edge_agent.plan.situation import Situation


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
