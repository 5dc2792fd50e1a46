"""The third phase: active alarms become the wishes of plans, and the arbiter picks one per actuator."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.commands import Wish
from edge_agent.model.remembered import PlanMemory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.plant import Plan, Plant, Step
    from edge_agent.model.time import Moment


class Overruled(NamedTuple):
    """A wish that lost against another plan's, and the plan that won."""

    wish: Wish
    winner: str


class Planned(NamedTuple):
    """What planning changed in one turn: new wishes by actuator, and those that lost."""

    wishes: tuple[Wish, ...] = ()
    overruled: tuple[Overruled, ...] = ()


_NOTHING = Planned()


class _PlanState:
    """Whether one plan applies, and when it may apply again."""

    __slots__ = ("applies", "fired_seconds", "plan")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.applies = False
        self.fired_seconds: float | None = None

    def update(self, active: Mapping[str, Alarm], seconds: float) -> bool:
        """Look at the alarms. Returns whether the plan has begun or ceased to apply."""
        plan = self.plan
        holds = all(name in active for name in plan.when) and not any(name in active for name in plan.unless)
        begins = holds and not self.applies and self.rested(seconds)
        if begins:
            self.applies, self.fired_seconds = True, seconds
        elif self.applies and not holds:
            self.applies = False
        else:
            return False
        return True

    def rested(self, seconds: float) -> bool:
        """Whether the cooldown since it last began to apply is over."""
        return self.fired_seconds is None or seconds - self.fired_seconds >= self.plan.cooldown_seconds


class Planner:
    """Decides what is wished of each actuator.

    A wish goes out when the winning plan of an actuator changes, not while it stays: it stands until another plan
    wins or a person decides otherwise. A plan that ceases to apply takes no wish back, unless a weaker one that still
    applies takes over.
    """

    def __init__(self, plant: Plant, plans: Iterable[Plan], memories: Iterable[PlanMemory], now: Moment) -> None:
        self._actuators = {actuator.name: actuator for actuator in plant.actuators}
        self._winners: dict[str, str] = {}
        self._seen: frozenset[str] | None = None
        remembered = {memory.plan: memory for memory in memories}
        self._states = {plan.id: _PlanState(plan) for plan in plans}
        for name, state in self._states.items():
            memory = remembered.get(name)
            if memory is not None and memory.fired_at is not None:
                state.applies = memory.applies
                state.fired_seconds = now.seconds_at(memory.fired_at)
        self._forgotten = True

    def stand(self, actuator: str, plan: str) -> None:
        """Take up a wish of a former run: its plan has won before and need not say so again while it applies."""
        state = self._states.get(plan)
        if state is not None and state.applies:
            self._winners[actuator] = plan

    def adopt(self, plans: Iterable[Plan]) -> None:
        """Put changed plans in force. A plan that stays keeps its state, one that changed begins anew."""
        kept = self._states
        self._states = {}
        for plan in plans:
            state = kept.get(plan.id)
            self._states[plan.id] = state if state is not None and state.plan == plan else _PlanState(plan)
        self._winners = {actuator: plan for actuator, plan in self._winners.items() if self._same(kept, plan)}
        self._forgotten = True

    def _same(self, kept: Mapping[str, _PlanState], plan: str) -> bool:
        return self._states.get(plan) is kept.get(plan) is not None

    def decide(self, active: Mapping[str, Alarm], now: Moment) -> tuple[Planned, list[PlanMemory]]:
        """Look at the active alarms; return new and lost wishes, and what to remember of the plans that changed."""
        seen = frozenset(active)
        resting = any(not state.applies and not state.rested(now.seconds) for state in self._states.values())
        if seen == self._seen and not resting and not self._forgotten:
            return _NOTHING, []
        # While a plan rests the alarms are looked at every turn, so that it fires when its cooldown is over.
        self._seen, self._forgotten = seen, resting
        changed = [state for state in self._states.values() if state.update(active, now.seconds)]
        begun = {state.plan.id for state in changed if state.applies}
        planned = self._arbitrate(active, begun)
        return planned, [_memory(state, now) for state in changed]

    def memories(self, now: Moment) -> list[PlanMemory]:
        """Tell what the next run must know of every plan."""
        return [_memory(state, now) for state in self._states.values()]

    def _arbitrate(self, active: Mapping[str, Alarm], begun: set[str]) -> Planned:
        wishes: list[Wish] = []
        overruled: list[Overruled] = []
        for actuator, rivals in self._rivals().items():
            plan, step = rivals[0]
            if self._winners.get(actuator) != plan.id:
                self._winners[actuator] = plan.id
                wishes.append(_wish(plan, step, active))
            overruled.extend(
                Overruled(_wish(loser, lost, active), plan.id)
                for loser, lost in rivals[1:]
                if loser.id in begun and (lost.action, lost.value) != (step.action, step.value)
            )
        return Planned(tuple(wishes), tuple(overruled))

    def _rivals(self) -> dict[str, list[tuple[Plan, Step]]]:
        """Collect, by actuator, the plans that apply, the strongest first; forget winners that nobody follows."""
        rivals: dict[str, list[tuple[Plan, Step]]] = {}
        for state in self._states.values():
            if state.applies:
                for step in state.plan.do:
                    rivals.setdefault(step.actuator, []).append((state.plan, step))
        for claims in rivals.values():
            claims.sort(key=self._strength)
        self._winners = {actuator: plan for actuator, plan in self._winners.items() if actuator in rivals}
        return rivals

    def _strength(self, claim: tuple[Plan, Step]) -> tuple[int, bool, str]:
        """Order claims: the higher priority first, then the fail-safe action, then the name (so that it is certain)."""
        plan, step = claim
        actuator = self._actuators.get(step.actuator)
        safe = actuator is not None and step.action == actuator.fail_safe
        return -plan.priority, not safe, plan.id


def _wish(plan: Plan, step: Step, active: Mapping[str, Alarm]) -> Wish:
    alarms = tuple(active[name] for name in plan.when if name in active)
    reason = "; ".join(alarm.reason for alarm in alarms)
    return Wish(step.actuator, step.action, step.value, plan.id, plan.priority, reason, alarms)


def _memory(state: _PlanState, now: Moment) -> PlanMemory:
    fired = state.fired_seconds
    return PlanMemory(state.plan.id, state.applies, None if fired is None else now.at_seconds(fired))
