"""The third phase: active alarms become the requests of plans, and the arbiter picks one per actuator."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.agenda import NEVER
from edge_agent.model.commands import Request
from edge_agent.model.evidence import grace_seconds
from edge_agent.model.remembered import PlanView
from edge_agent.plan.claims import Claim, Overruled, losers, request_of, strength
from edge_agent.plan.planstate import Ground, Indications, PlanState
from edge_agent.plan.standing import Standing, Station, asks_anything, fresh_since, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.evidence import Sight
    from edge_agent.model.plant import Plan, Plant, Step
    from edge_agent.model.remembered import PlanMemory
    from edge_agent.model.time import Moment

#: That a plan lost against another is told again after so long, however often it begins.
OVERRULED_SECONDS = 60.0
#: So often the evidence is looked at when readings come and no alarm changes.
LOOK_SECONDS = 1.0
#: What changes after a time has changed so long after it at the latest, however times are rounded.
_AFTERWARDS_SECONDS = 1e-6


class Planned(NamedTuple):
    """What planning decided in one turn: new requests by actuator, those that lost, and what to remember of plans.

    `blind`: actuators whose request ended for want of evidence, and of what. `tripped`: those that a trip holds, and
    which.
    """

    requests: tuple[Request, ...] = ()
    overruled: tuple[Overruled, ...] = ()
    memories: tuple[PlanMemory, ...] = ()
    blind: Mapping[str, str] = MappingProxyType({})
    tripped: Mapping[str, str] = MappingProxyType({})


class Situation(NamedTuple):
    """What planning looks at: alarms, those that doubt would raise, evidence, and the actuators' stations.

    `plans` replace those in force, `resets` are what a person resets (an actuator, or a plan). `sighted`: a node has
    spoken, so that the evidence is looked at though no alarm has changed. `heard`: readings were judged, so that it is
    looked at with the next second. `revising`: a changed policy is in force in
    part, so that nothing may begin. `edition`: where it is told, it is another one whenever other alarms are active.
    """

    active: Mapping[str, Alarm]
    sight: Sight
    station: Callable[[Standing], Station]
    doubted: Container[str] = frozenset()
    plans: Iterable[Plan] | None = None
    resets: Iterable[str] = ()
    sighted: bool = False
    heard: bool = False
    revising: bool = False
    edition: int | None = None


class Planner:
    """Decides what is requested of each actuator, and whether it goes on standing.

    A request goes out when the winner of an actuator changes. It stands until another plan wins, and what is not the
    fail-safe action only while its plan is in force and has evidence: else the fail-safe action takes its place.
    """

    def __init__(self, plant: Plant, plans: Iterable[Plan], memories: Iterable[PlanMemory], now: Moment) -> None:
        self._plant = plant
        self._fail_safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
        self._standing: dict[str, Standing] = {}
        self._start = now.seconds
        self._sure = now.sure
        self._seen: tuple[frozenset[str] | int, Container[str], bool] | None = None
        self._told: dict[tuple[str, str | None, str], float] = {}  # which plan lost an actuator to which, told when
        self._looked_seconds, self._due_seconds = now.seconds, 0.0
        self._is_waiting = True  # for evidence or rest: then every turn looks, for the next reading may be the one
        self._states = {plan.id: PlanState(plan, plant, now.seconds) for plan in plans}
        for memory in memories:
            if memory.plan in self._states:
                self._states[memory.plan].remember(memory, now)
        self._endable = self._ends()
        self._quiet = Planned()  # what is decided while nothing changes
        self.blind: dict[str, str] = {}  # actuators whose request ended for want of evidence, and of what
        self.tripped: dict[str, str] = {}  # actuators that a trip holds, and which

    def __repr__(self) -> str:
        return f"<Planner: {len(self._states)} plans, {len(self._standing)} requests stand>"

    def stand(self, request: Request) -> None:
        """Resume a request of a former run."""
        safe = request.action == self._fail_safe.get(request.actuator)
        self._standing[request.actuator] = Standing(request, safe, remembered=not safe, sure=safe)

    def renew(self, plant: Plant, plans: Iterable[Plan]) -> None:
        """Go on with a changed plant; nothing is requested any more of an actuator that is gone."""
        self._plant = plant
        self._fail_safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
        self._standing = {name: one for name, one in self._standing.items() if name in self._fail_safe}
        for name, standing in self._standing.items():
            standing.safe = standing.request.action == self._fail_safe[name]
        self.blind = {name: why for name, why in self.blind.items() if name in self._fail_safe}
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
        self._endable = self._ends()
        self._seen = None
        self._told.clear()

    def _ends(self) -> frozenset[str]:
        """Return the actuators whose fail-safe action some plan asks for: what runs has an end."""
        steps = (step for state in self._states.values() for step in state.plan.do)
        return frozenset(step.actuator for step in steps if step.action == self._fail_safe.get(step.actuator))

    def _fresh(self, plan: Plan, before: PlanState | None) -> PlanState:
        """Begin a plan anew. Evidence that was there is there still, and what has latched stays so."""
        fresh = PlanState(plan, self._plant, self._start)
        if before is not None:
            fresh.succeed(before)
        return fresh

    def standing(self) -> Iterator[tuple[Standing, Plan]]:
        """Yield what stands for actuators, other than the fail-safe action, each with its plan."""
        for standing in self._standing.values():
            state = self._states.get(standing.request.plan or "")
            if not standing.safe and state is not None:
                yield standing, state.plan

    def reset(self, target: str) -> bool:
        """Reset the latched trips of an actuator (`node/actuator`), or of a plan; return whether there were any."""
        found = [
            state
            for state in self._states.values()
            if state.latched and (state.plan.id == target or any(step.actuator == target for step in state.plan.do))
        ]
        for state in found:
            state.latched = False
        self._seen = None
        return bool(found)

    def unsure(self, actuator: str) -> bool:
        """Whether what stands for an actuator waits for evidence: nothing but the fail-safe may be commanded then."""
        standing = self._standing.get(actuator)
        return standing is not None and not standing.sure

    def decide(self, facts: Situation, now: Moment) -> Planned:
        """Look at alarms and evidence; return new and lost requests, and what to remember of the plans that changed."""
        self._heed(facts)
        names = frozenset(facts.active) if facts.edition is None else facts.edition
        seen = (names, facts.doubted, facts.revising)
        if seen == self._seen and not self._is_waiting and now.seconds < self._due_seconds:
            return self._quiet
        self._seen = seen
        changed, begun = self._update(facts, now)
        requests, overruled = self._arbitrate(facts, begun, now)
        self._is_waiting, self._looked_seconds = self._waits(now.seconds), now.seconds
        times = [at for time in self._times(facts, now.seconds) for at in (time, time + _AFTERWARDS_SECONDS)]
        self._due_seconds = min((at for at in times if at > now.seconds), default=NEVER)
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
        if facts.heard:
            self._due_seconds = min(self._due_seconds, (self._looked_seconds // LOOK_SECONDS + 1) * LOOK_SECONDS)

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
        """Whether something waits for evidence or rest."""
        if any(state.waits(seconds) for state in self._states.values()):
            return True
        return any(not one.sure for one in self._standing.values())

    def look_again(self, now: Moment) -> None:
        """Look in the next turn, which is due now: what equipment does has changed since."""
        self._due_seconds = now.seconds

    def next_seconds(self) -> float:
        """Return the monotonic time at which to look again though nothing has come."""
        return self._due_seconds

    def _times(self, facts: Situation, seconds: float) -> Iterator[float]:
        """Yield the monotonic times at which what waits waits no longer, and at which evidence will be too old."""
        for state in self._states.values():
            yield from state.times(facts.sight, seconds)
        for standing in self._standing.values():
            plan = None if standing.sure else self._states.get(standing.request.plan or "")
            if plan is not None:
                yield facts.station(standing).after_seconds + grace_seconds(plan.looks)

    def memories(self, now: Moment) -> list[PlanMemory]:
        """Return what the next run must know of every plan."""
        return [state.memory(now) for state in self._states.values()]

    def views(self) -> tuple[PlanView, ...]:
        """Return which plans apply now."""
        return tuple(
            PlanView(state.plan.id, applies=state.applies or state.when_safe or state.latched)
            for state in self._states.values()
        )

    def _arbitrate(self, facts: Situation, begun: set[str], now: Moment) -> tuple[list[Request], list[Overruled]]:
        """Pick the strongest claim on each actuator; return the requests that are new, and those that lost."""
        requests: list[Request] = []
        overruled: list[Overruled] = []
        claims = self._claims(facts, now.seconds)
        self.tripped = {
            actuator: rivals[0].state.plan.id
            for actuator, rivals in claims.items()
            if rivals[0].safe and rivals[0].state.plan.trip
        }
        for actuator in [*claims, *(name for name in self._standing if name not in claims)]:
            rivals = claims.get(actuator, [])
            request = self._win(actuator, rivals[0], facts) if rivals else self._go_on(actuator, facts, now.seconds)
            if request is not None:
                requests.append(request)
            lost = losers(rivals, begun, facts.active)
            overruled.extend(one for one in lost if self._is_news(one, now.seconds))
        return requests, overruled

    def _is_news(self, lost: Overruled, seconds: float) -> bool:
        """Whether it was not told lately: a plan may begin a hundred times a second, by a level that jumps."""
        key = lost.request.actuator, lost.request.plan, lost.winner
        if seconds - self._told.get(key, float("-inf")) < OVERRULED_SECONDS:
            return False
        self._told[key] = seconds
        return True

    def _win(self, actuator: str, claim: Claim, facts: Situation) -> Request | None:
        """Put a claim in force; return it where it is another than stood."""
        request = request_of(claim, facts.active)
        before = self._standing.get(actuator)
        self._standing[actuator] = Standing(request, claim.safe)
        if not claim.safe:
            self.blind.pop(actuator, None)
        if before is None or before.remembered:
            return request
        last = before.request
        same = (last.plan, last.action, last.value, last.trip) == (
            request.plan,
            request.action,
            request.value,
            request.trip,
        )
        return None if same else request

    def _go_on(self, actuator: str, facts: Situation, seconds: float) -> Request | None:
        """Judge what stands though no plan claims it now; return the fail-safe request where it ends."""
        standing = self._standing[actuator]
        state = self._states.get(standing.request.plan or "")
        self._see_again(actuator, state, standing)
        standing.has_end = actuator in self._endable
        verdict = judge(standing, state, facts.station(standing), facts.sight, seconds)
        standing.sure = verdict.sure
        if verdict.ended is None:
            if verdict.sure:
                standing.remembered = False
            if standing.resting and state is not None and state.ground is Ground.BLIND:
                self.blind[actuator] = f"no evidence: {state.reason}"  # timed running is over
            return None
        if verdict.blind:
            self.blind[actuator] = verdict.ended
        request = Request(actuator, self._fail_safe[actuator], None, standing.request.plan, 0, verdict.ended)
        resting = state is not None and state.ground is Ground.RESTING
        self._standing[actuator] = Standing(request, safe=True, resting=resting)
        return request

    def _see_again(self, actuator: str, state: PlanState | None, standing: Standing) -> None:
        """Forget that evidence was missing, where it is there again or nobody needs it any more."""
        if actuator in self.blind and (state is None or state.may_act or not asks_anything(state, standing)):
            del self.blind[actuator]

    def _claims(self, facts: Situation, seconds: float) -> dict[str, list[Claim]]:
        """Collect, by actuator, what plans ask for now, the strongest first."""
        claims: dict[str, list[Claim]] = {}
        for state in self._states.values():
            if not (state.applies or state.when_safe or state.latched or state.ground is Ground.RUNNING):
                continue
            for step in state.plan.do:
                safe = step.action == self._fail_safe.get(step.actuator)
                if self._claimed(state, step, facts, seconds, safe=safe):
                    claims.setdefault(step.actuator, []).append(Claim(state, step, safe))
        for rivals in claims.values():
            rivals.sort(key=strength)
        return claims

    def _stands(self, state: PlanState, step: Step) -> bool:
        """Whether what a plan asks for stands in its name already."""
        standing = self._standing.get(step.actuator)
        stood = None if standing is None else (standing.request.plan, standing.request.action, standing.request.value)
        return stood == (state.plan.id, step.action, step.value)

    def _claimed(self, state: PlanState, step: Step, facts: Situation, seconds: float, *, safe: bool) -> bool:
        if safe:
            return state.when_safe or state.latched
        if facts.revising and not self._stands(state, step):
            return False
        if state.ground is Ground.RUNNING and not state.by_ignorance:
            return not any(name in facts.active for name in state.plan.unless)
        if not (state.applies and state.may_act):
            return False
        station = facts.station(Standing(Request(step.actuator, step.action, step.value, None, 0, ""), safe=False))
        return fresh_since(state, station.after_seconds, facts.sight, seconds) is None
