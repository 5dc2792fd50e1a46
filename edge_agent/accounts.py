"""What the agent can say for itself when it is asked: what it sees, which plans apply, why equipment does what it does.

To look changes nothing, so that a recording replays the same whether anybody asked or not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge_agent.execute.account import free_at, hindrances
from edge_agent.model.accounts import READING, ActuatorAccount, EvidenceNow
from edge_agent.model.commands import Check
from edge_agent.model.figures import figure
from edge_agent.model.quality import Flag, flag_name
from edge_agent.model.time import rfc3339
from edge_agent.monitor.view import sensor_view
from edge_agent.plan.accounts import plan_account, rivals

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from edge_agent.known import Knowledge
    from edge_agent.model.accounts import PlanAccount
    from edge_agent.model.commands import Decision
    from edge_agent.model.evidence import Look
    from edge_agent.model.time import Moment
    from edge_agent.plan.interlocks.guard import Stop
    from edge_agent.plan.planstate import PlanState

#: A command shows so many readings; a plan that looks at more names the first of them.
_MOST_READINGS = 16
_MISSING = flag_name(Flag.MISSING)


def plan_accounts(knowledge: Knowledge, now: Callable[[], Moment]) -> Iterator[PlanAccount]:
    """Say of each plan whether it applies then, and why or why not; turns may run in between."""
    for plan in tuple(knowledge.planner.states):
        moment = now()
        yield from _accounts(knowledge, moment, [plan])


def _accounts(knowledge: Knowledge, now: Moment, plans: Iterable[str]) -> Iterator[PlanAccount]:
    scene, sight = knowledge.planner.outlook(knowledge.situation(), now)
    for state in filter(None, map(knowledge.planner.states.get, plans)):
        yield plan_account(state, scene, sight, lambda look: seen(knowledge, look, now))


def actuator_account(knowledge: Knowledge, actuator: str, now: Moment) -> ActuatorAccount | None:
    """Say what stands for an actuator now, why, and what hinders it; None where there is no such actuator."""
    executor, planner, situation = knowledge.executor, knowledge.planner, knowledge.situation()
    control = executor.roster.plant.get(actuator)
    if control is None:
        return None
    stands, claims = planner.arbiter.look(actuator, situation, now.seconds)
    request = control.desired or stands  # where plans only advise, nothing is desired
    targets = (actuator, *planner.compounds.of(actuator))
    plans = _accounts(knowledge, now, [name for name, state in planner.states.items() if _may_ask(state, targets)])
    reported = control.reported
    return ActuatorAccount(
        actuator,
        control.actuator.kind,
        control.actuator.fail_safe,
        reported.state if reported else None,
        reported.value if reported else None,
        request.action if request else None,
        request.value if request else None,
        request.plan if request else None,
        request.reason if request else "nothing has been requested of it",
        control.desired_at if control.desired else None,
        control.state.value,
        tuple(hindrances(executor, control, knowledge.leave((), now), now)),
        free_at(executor, control, now),
        tuple(rivals(claims, situation.active, stopped=actuator in planner.interlocks.stops)),
        tuple(plans),
        stopped_by(planner.interlocks.stops.get(actuator)),
    )


def stopped_by(stop: Stop | None) -> str | None:
    """Return what stops an actuator, in words: an interlock, or that its effect is missing."""
    if stop is None:
        return None
    return "proof of effect" if "/" in stop.interlock else f"interlock {stop.interlock}"


def _may_ask(state: PlanState, targets: Collection[str]) -> bool:
    """Whether a plan may ever ask anything of an actuator, by itself or by what it is in."""
    return any(step.actuator in targets for step in state.steps)


def seen(knowledge: Knowledge, look: Look, now: Moment) -> EvidenceNow:
    """Look at what a plan looks at: the newest of a sensor, or whether a node is there."""
    within = None if look.within_seconds == float("inf") else look.within_seconds
    node, slash, sensor = look.name.partition("/")
    if not slash:
        online = knowledge.online(node)
        word = _MISSING if online is None else "online" if online else "offline"
        return EvidenceNow(look.name, None, "", word, None, None, within)
    view = sensor_view(knowledge.monitor.channels[node, sensor], now)
    good = knowledge.analyzer.good_seconds(look.name)
    ago = None if good is None else now.seconds - good
    return EvidenceNow(look.name, view.value, view.unit, flag_name(view.flag), view.age_seconds, ago, within)


def evidenced(knowledge: Knowledge, decision: Decision, now: Moment) -> Decision:
    """Add to a decision, among what was looked at before it, the readings that its plan rests on."""
    state = knowledge.planner.states.get(decision.plan or "")
    looks = [] if state is None else [look for look in state.used if "/" in look.name][:_MOST_READINGS]
    readings = tuple(_reading(knowledge, look, now) for look in looks)
    return replace(decision, checks=(*decision.checks, *readings)) if readings else decision


def _reading(knowledge: Knowledge, look: Look, now: Moment) -> Check:
    found = seen(knowledge, look, now)
    reading = knowledge.analyzer.newest_good(look.name)
    if reading is None:
        return Check(READING, passed=False, detail=f"{look.name}: nothing good has been heard in this run")
    seq = "" if reading.seq is None else f", seq {reading.seq}"
    newest = "" if found.flag == flag_name(Flag.GOOD) else f"; the newest is {found.flag}"
    detail = (
        f"{look.name} {figure(reading.value)} {found.unit}".rstrip() + f", flag {flag_name(reading.flag)}, observed "
        f"{rfc3339(reading.observed_at)}, received {rfc3339(reading.received_at)}{seq}{newest}"
    )
    return Check(READING, found.enough, detail)
