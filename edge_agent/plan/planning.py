"""The third phase: active alarms become the requests of plans, and the arbiter picks one per actuator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.remembered import PlanView
from edge_agent.plan.accounts import asks_now
from edge_agent.plan.arbiter import Arbiter
from edge_agent.plan.interlocks.interlocking import Interlocked, Interlocks
from edge_agent.plan.lookout import Lookout
from edge_agent.plan.planstate import PlanState
from edge_agent.plan.provisions.registry import provisions_of
from edge_agent.plan.provisions.tariffs import Tariff
from edge_agent.plan.situation import Planned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.model.commands import Request
    from edge_agent.model.plant import Plan, Plant, Provision
    from edge_agent.model.remembered import GroupMemory, PlanMemory
    from edge_agent.model.time import Moment
    from edge_agent.plan.compounds import Compounds
    from edge_agent.plan.interlocks.guarded import Outlook
    from edge_agent.plan.situation import Situation
    from edge_agent.plan.standing import Standing

#: A wall clock that differs by more from what the monotonic count lets expect was set.
_STEP_SECONDS = 0.5


class Planner:
    """Decides what is requested of each actuator, and whether it goes on standing.

    A request goes out when the winner of an actuator changes. It stands until another plan wins, and what is not the
    fail-safe action only while its plan is in force and has evidence: else the fail-safe action takes its place.
    """

    def __init__(
        self,
        plant: Plant,
        plans: Iterable[Plan],
        memories: Iterable[PlanMemory],
        now: Moment,
        provisions: Iterable[Provision] = (),
    ) -> None:
        self._plant = plant
        self.provisions = tuple(provisions)
        self.arbiter = Arbiter(plant)
        self._start = now.seconds
        self._sure = now.sure
        self.interlocks = Interlocks(now.seconds)
        self._provide()
        self._lookout: Lookout[PlanState] = Lookout()
        self._doubted: frozenset[str] = frozenset()
        self._revising = False
        self._offset = now.offset
        self._again_seconds = now.seconds  # a look that is owed
        self._states = {plan.id: PlanState(plan, plant, now.seconds) for plan in plans}
        for memory in memories:
            if memory.plan in self._states:
                self._states[memory.plan].remember(memory, now)
        self._survey()

    def __repr__(self) -> str:
        return f"<Planner: {len(self._states)} plans, {len(self.arbiter)} requests stand>"

    @property
    def blind(self) -> Mapping[str, str]:
        """The actuators whose request ended for want of evidence, and of what."""
        return self.arbiter.blind

    @property
    def tripped(self) -> Mapping[str, str]:
        """The actuators that a trip holds, and which."""
        return self.arbiter.tripped

    @property
    def compounds(self) -> Compounds:
        """The groups and sequences in force."""
        return self.arbiter.compounds

    def stand(self, request: Request) -> None:
        """Resume a request of a former run."""
        self.arbiter.stand(request)

    def take_over(self, groups: Iterable[GroupMemory], now: Moment) -> None:
        """Resume what was requested of groups and sequences in a former run, once all its requests stand."""
        for memory in groups:
            self.compounds.remember(memory, now.seconds)
        self.arbiter.take_over()

    def renew(self, plant: Plant, plans: Iterable[Plan], provisions: Iterable[Provision] = ()) -> None:
        """Go on with a changed plant; nothing is requested any more of an actuator that is gone."""
        self._plant = plant
        self.arbiter.renew(plant)
        for state in self._states.values():
            state.survey(plant)
        self.adopt(plans, provisions)

    def adopt(self, plans: Iterable[Plan] | None, provisions: Iterable[Provision] | None = None) -> None:
        """Put changed plans and provisions in force; None leaves them as they are.

        A plan that stays keeps its state, one that changed begins anew. What a plan has requested stands where it asks
        for the same still, and ends with it otherwise.
        """
        if provisions is not None:
            self.provisions = tuple(provisions)
        self._provide()
        kept = self._states
        self._states = {}
        for plan in [state.plan for state in kept.values()] if plans is None else plans:
            state = kept.get(plan.id)
            same = state is not None and state.plan == plan
            self._states[plan.id] = state if same and state is not None else self._fresh(plan, state)
        self._survey()

    def _provide(self) -> None:
        self._tariffs = tuple(provisions_of(Tariff, self.provisions).values())
        self.interlocks.adopt(self._plant, self.provisions)

    def _survey(self) -> None:
        self._lookout.survey(self._states)
        self.arbiter.survey(self._states, self.provisions)
        self._rest(Interlocked(self.interlocks.stops))

    def _rest(self, interlocked: Interlocked) -> None:
        """Note what is decided while nothing changes."""
        self._quiet = Planned((), (), (), self.blind, self.tripped, interlocked, self.compounds.failures)

    def _fresh(self, plan: Plan, before: PlanState | None) -> PlanState:
        """Begin a plan anew. Evidence that was there is there still, and what has latched stays so."""
        fresh = PlanState(plan, self._plant, self._start)
        if before is not None:
            fresh.succeed(before)
        return fresh

    def standing(self) -> Iterator[tuple[Standing, Plan]]:
        """Return what stands for actuators, other than the fail-safe action, each with its plan."""
        return self.arbiter.standing(self._states)

    def reset(self, target: str) -> bool:
        """Reset the latched trips of an actuator (`node/actuator`), or of a plan; return whether there were any."""
        found = [state for state in self._states.values() if state.reset(target)]
        if found:
            self._lookout.look_at_all()
        return self.compounds.reset(target) or bool(found)

    def unsure(self, actuator: str) -> bool:
        """Whether what stands for an actuator waits for evidence: nothing but the fail-safe may be commanded then."""
        return self.arbiter.unsure(actuator)

    def decide(self, situation: Situation, now: Moment) -> Planned:
        """Look at what has changed; return new and lost requests, and what to remember of the plans that changed."""
        changed, self._again_seconds = self._heed(situation, now), float("inf")
        outlook = self.outlook(situation, now)
        interlocked = self.interlocks.decide(outlook, changed, situation.resets)
        states = self._lookout.take(changed or (), now.seconds)
        nodes = sorted(name for name in changed or () if "/" not in name and ":" not in name)
        self.compounds.hear(changed or ())
        owed = interlocked.has_news or self.arbiter.restless or self.compounds.next_seconds() <= now.seconds
        if not (states or nodes or owed) and now.sure is self._sure:
            return self._quiet
        situation = situation._replace(stops=interlocked.stops, stirred=interlocked.changed)
        remembered, begun = self._update(states, outlook)
        requests, overruled = self.arbiter.arbitrate(states, nodes, situation, begun, now)
        memories = tuple(state.memory(now) for state in remembered)
        self._rest(Interlocked(interlocked.stops))
        lasting = self.blind, self.tripped, interlocked, self.compounds.failures
        return Planned(tuple(requests), tuple(overruled), memories, *lasting, tuple(self.compounds.memories()))

    def look_again(self, now: Moment) -> None:
        """Look in the next turn, which is due now: what equipment does has changed since."""
        if self.arbiter.restless:
            self._again_seconds = now.seconds

    def next_seconds(self) -> float:
        """Return the monotonic time at which to look again though nothing has come."""
        parts = (self._lookout, self.arbiter, self.interlocks)
        return min(self._again_seconds, *(part.next_seconds() for part in parts))

    def _heed(self, situation: Situation, now: Moment) -> Iterable[str] | None:
        """Put changed plans in force, and take back resets; return the names of what has changed, None: of anything."""
        if situation.plans is not None or situation.provisions is not None:
            self.adopt(situation.plans, situation.provisions)
        for reset in situation.resets:
            self.reset(reset.target)
        doubted, self._doubted = self._doubted, situation.doubted
        clock = abs(now.offset - self._offset) > _STEP_SECONDS or now.sure is not self._sure
        if situation.changed is None or situation.revising is not self._revising or clock:
            self._revising, self._offset = situation.revising, now.offset
            self._lookout.look_at_all()
            return None
        return situation.changed if doubted is situation.doubted else {*situation.changed, *(doubted ^ self._doubted)}

    def _update(self, states: list[PlanState], outlook: Outlook) -> tuple[Iterable[PlanState], set[str]]:
        """Update plans; return those with something new to remember, and the names of those that begin."""
        scene, sight, now = *outlook, outlook.scene.now
        applied = {state.plan.id for state in states if state.applies}
        changed: Iterable[PlanState] = [state for state in states if state.update(scene, sight)]
        begun = {state.plan.id for state in changed if state.applies} - applied
        for state in states:
            self._lookout.file(state, sight, now.seconds)
        if now.sure is not self._sure:  # what is remembered is dated anew: the next boot has nothing else
            changed, self._sure = self._states.values(), now.sure
        return changed, begun

    @property
    def states(self) -> Mapping[str, PlanState]:
        """The plans in time, by name: to look at."""
        return self._states

    def outlook(self, situation: Situation, now: Moment) -> Outlook:
        """Return how things are, as plans and interlocks see them."""
        return situation.outlook(self._plant.actuator, self._tariffs, now)

    def memories(self, now: Moment) -> list[PlanMemory]:
        """Return what the next run must know of every plan."""
        return [state.memory(now) for state in self._states.values()]

    def views(self) -> tuple[PlanView, ...]:
        """Return which plans apply now."""
        find = self._plant.actuator
        return tuple(PlanView(name, applies=bool(asks_now(state, find))) for name, state in self._states.items())
