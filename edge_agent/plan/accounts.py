"""What plans can say for themselves: whether each applies and why, what it asks of an actuator, and who wins that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.accounts import PlanAccount, Rival
from edge_agent.model.evidence import missing
from edge_agent.plan.claims import request_of
from edge_agent.plan.planstate import Ground
from edge_agent.plan.targets import AT_LEAST, AT_MOST, is_compound, is_group, rests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from edge_agent.model.accounts import EvidenceNow
    from edge_agent.model.alarms import Alarm
    from edge_agent.model.evidence import Look, Sight
    from edge_agent.model.plant import Step
    from edge_agent.plan.claims import Claim
    from edge_agent.plan.planstate import PlanState
    from edge_agent.plan.scene import Find, Scene

#: How a plan goes on whose evidence is gone.
_GROUNDS = {
    Ground.AWAITED: "evidence is awaited, nothing but the fail-safe action before it",
    Ground.INSTEAD: "another sensor is looked at instead",
    Ground.RUNNING: "timed running without evidence: it runs now",
    Ground.RESTING: "timed running without evidence: it rests now",
    Ground.BLIND: "no evidence: nothing but the fail-safe action",
}


def plan_account(state: PlanState, scene: Scene, sight: Sight, see: Callable[[Look], EvidenceNow]) -> PlanAccount:
    """Say what a plan does now and why; `see` looks at what it looks at. It changes nothing."""
    plan, steps = state.plan, asks_now(state, scene.find)
    return PlanAccount(
        plan.id,
        plan.kind,
        plan.priority,
        applies=bool(steps),
        asks=tuple(map(asked, steps)),
        why=tuple(_why(state, scene, sight)),
        ground=state.ground.value,
        evidence=tuple(see(look) for look in state.used),
    )


def asks_now(state: PlanState, find: Find) -> tuple[Step, ...]:
    """Return what a plan asks for now: fail-safe actions on any ground, all else only on one that carries."""
    safe = [step for step in (state.steps if state.latched else state.asked.doubtful) if _is_safe(step, find)]
    if state.ground is Ground.RUNNING and not state.kind.by_ignorance:
        return tuple(dict.fromkeys((*state.timed, *safe)))
    others = state.asked.steps if state.applies and state.may_act else ()
    return tuple(dict.fromkeys((*safe, *(step for step in others if not _is_safe(step, find)))))


def _is_safe(step: Step, find: Find) -> bool:
    if is_compound(step.actuator):
        return rests(step)
    actuator = find(step.actuator)
    return actuator is not None and step.action == actuator.fail_safe


def _why(state: PlanState, scene: Scene, sight: Sight) -> Iterator[str]:
    seconds = scene.now.seconds
    if state.latched:
        yield "it has latched: until a person resets it"
    gone = missing(state.looks, sight, state.start_seconds, seconds)
    if gone is not None:
        yield f"{gone}: {_GROUNDS.get(state.ground, 'its evidence is gone')}"
    if state.kind.by_ignorance:
        yield "it would act because something is not known: that starts nothing"
    if not state.rested(seconds) and not state.applies and state.fired_seconds is not None:
        left = state.fired_seconds + state.plan.cooldown_seconds - seconds
        yield f"it may begin again in {left:.0f} s (cooldown_seconds {state.plan.cooldown_seconds:g})"
    yield from state.told(scene)


def asked(step: Step) -> str:
    """Write what is asked of an actuator, a group or a sequence."""
    if is_group(step.actuator):
        words = {AT_LEAST: "at least ", AT_MOST: "at most "}.get(step.action, "")
        return f"{words}{step.value or 0:g} of {step.actuator}"
    value = "" if step.value is None else f" {step.value:g}"
    return f"{step.action} {step.actuator}{value}"


def rivals(claims: Iterable[Claim], active: Mapping[str, Alarm], *, stopped: bool) -> Iterator[Rival]:
    """Yield what is asked of an actuator, the strongest first; where an interlock has `stopped` it none wins."""
    for place, claim in enumerate(claims):
        request = request_of(claim, active)
        yield Rival(
            claim.plan, claim.priority, request.action, request.value, place == 0 and not stopped, request.reason
        )
