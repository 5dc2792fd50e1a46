"""The third phase: active alarms become the requests of plans, and the arbiter picks one per actuator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.remembered import PlanView
from edge_agent.plan.arbiter import Arbiter
from edge_agent.plan.planstate import Indications, PlanState
from edge_agent.plan.situation import Planned

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from edge_agent.model.commands import Request
    from edge_agent.model.plant import Plan, Plant
    from edge_agent.model.remembered import PlanMemory
    from edge_agent.model.time import Moment
    from edge_agent.plan.situation import Situation
    from edge_agent.plan.standing import Standing

#: So often the evidence is looked at when no alarm changes.
LOOK_SECONDS = 1.0


class Planner:
    """Decides what is requested of each actuator, and whether it goes on standing.

    A request goes out when the winner of an actuator changes. It stands until another plan wins, and what is not the
    fail-safe action only while its plan is in force and has evidence: else the fail-safe action takes its place.
    """

    def __init__(self, plant: Plant, plans: Iterable[Plan], memories: Iterable[PlanMemory], now: Moment) -> None:
        self._plant = plant
        self._arbiter = Arbiter(plant)
        self._start = now.seconds
        self._sure = now.sure
        self._seen: tuple[frozenset[str], Container[str], bool] | None = None
        self._next_look = 0.0
        self._states = {plan.id: PlanState(plan, plant, now.seconds) for plan in plans}
        for memory in memories:
            if memory.plan in self._states:
                self._states[memory.plan].remember(memory, now)
        self._arbiter.survey(self._states)
        self._quiet = Planned()  # what is decided while nothing changes

    def __repr__(self) -> str:
        return f"<Planner: {len(self._states)} plans, {len(self._arbiter)} requests stand>"

    @property
    def blind(self) -> Mapping[str, str]:
        """The actuators whose request ended for want of evidence, and of what."""
        return self._arbiter.blind

    @property
    def tripped(self) -> Mapping[str, str]:
        """The actuators that a trip holds, and which."""
        return self._arbiter.tripped

    def stand(self, request: Request) -> None:
        """Resume a request of a former run."""
        self._arbiter.stand(request)

    def renew(self, plant: Plant, plans: Iterable[Plan]) -> None:
        """Go on with a changed plant; nothing is requested any more of an actuator that is gone."""
        self._plant = plant
        self._arbiter.renew(plant)
        for state in self._states.values():
            state.survey(plant)
        self.adopt(plans)

    def adopt(self, plans: Iterable[Plan]) -> None:
        """Put changed plans in force. A plan that stays keeps its state, one that changed begins anew.

        What a plan has requested stands where it asks for the same still, and ends with it otherwise.
        """
        kept = self._states
        self._states = {}
        for plan in plans:
            state = kept.get(plan.id)
            same = state is not None and state.plan == plan
            self._states[plan.id] = state if same and state is not None else self._fresh(plan, state)
        self._arbiter.survey(self._states)
        self._seen = None

    def _fresh(self, plan: Plan, before: PlanState | None) -> PlanState:
        """Begin a plan anew. Evidence that was there is there still, and what has latched stays so."""
        fresh = PlanState(plan, self._plant, self._start)
        if before is not None:
            fresh.succeed(before)
        return fresh

    def standing(self) -> Iterator[tuple[Standing, Plan]]:
        """Return what stands for actuators, other than the fail-safe action, each with its plan."""
        return self._arbiter.standing(self._states)

    def reset(self, target: str) -> bool:
        """Reset the latched trips of an actuator (`node/actuator`), or of a plan; return whether there were any."""
        found = [
            state
            for state in self._states.values()
            if state.latched and (state.plan.id == target or any(step.actuator == target for step in state.kind.steps))
        ]
        for state in found:
            state.latched = False
        self._seen = None
        return bool(found)

    def unsure(self, actuator: str) -> bool:
        """Whether what stands for an actuator waits for evidence: nothing but the fail-safe may be commanded then."""
        return self._arbiter.unsure(actuator)

    def decide(self, facts: Situation, now: Moment) -> Planned:
        """Look at alarms and evidence; return new and lost requests, and what to remember of the plans that changed."""
        self._heed(facts)
        seen = (frozenset(facts.active), facts.doubted, facts.revising)
        if seen == self._seen and now.seconds < self._next_look:
            return self._quiet
        self._seen = seen
        changed, begun = self._update(facts, now)
        requests, overruled = self._arbiter.arbitrate(self._states, facts, begun, now.seconds)
        self._next_look = now.seconds + (0.0 if self._waits(now.seconds) else LOOK_SECONDS)
        memories = tuple(state.memory(now) for state in changed)
        self._quiet = Planned(blind=self.blind, tripped=self.tripped)
        return Planned(tuple(requests), tuple(overruled), memories, self.blind, self.tripped)

    def _heed(self, facts: Situation) -> None:
        """Put changed plans in force, and take back what a person resets."""
        if facts.plans is not None:
            self.adopt(facts.plans)
        for target in facts.resets:
            self.reset(target)
        if facts.sighted:
            self._seen = None

    def _update(self, facts: Situation, now: Moment) -> tuple[list[PlanState], set[str]]:
        """Update every plan; return those with something new to remember, and the names of those that begin."""
        looked = Indications(facts.active, facts.doubted, facts.sight)
        states = self._states.values()
        applied = {state.plan.id for state in states if state.applies}
        changed = [state for state in states if state.update(looked, now.seconds)]
        begun = {state.plan.id for state in changed if state.applies} - applied
        if now.sure is not self._sure:  # what is remembered is dated anew: the next boot has nothing else
            changed, self._sure = list(states), now.sure
        return changed, begun

    def _waits(self, seconds: float) -> bool:
        """Whether something waits for evidence or rest: then every turn looks, for the next reading may be the one."""
        return self._arbiter.waits or any(state.waits(seconds) for state in self._states.values())

    def memories(self, now: Moment) -> list[PlanMemory]:
        """Return what the next run must know of every plan."""
        return [state.memory(now) for state in self._states.values()]

    def views(self) -> tuple[PlanView, ...]:
        """Return which plans apply now."""
        return tuple(
            PlanView(state.plan.id, applies=state.applies or state.when_safe or state.latched)
            for state in self._states.values()
        )
