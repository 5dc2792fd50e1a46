"""What plans claim of each actuator, who wins it, and what stands there until another wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.commands import Request
from edge_agent.plan.claims import Claim, losers, request_of, strength
from edge_agent.plan.planstate import Ground
from edge_agent.plan.standing import Standing, asks_anything, fresh_since, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.plant import Plan, Plant, Step
    from edge_agent.plan.claims import Overruled
    from edge_agent.plan.planstate import PlanState
    from edge_agent.plan.situation import Situation

#: That a plan lost against another is recorded again after so long, however often it begins.
OVERRULED_SECONDS = 60.0


class Arbiter:
    """Picks the strongest claim on each actuator, and judges what stands where nobody claims anything.

    `blind` are actuators whose request ended for want of evidence, and of what; `tripped` those that a trip holds, and
    which.
    """

    def __init__(self, plant: Plant) -> None:
        self._fail_safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
        self._standing: dict[str, Standing] = {}
        self._endable: frozenset[str] = frozenset()
        self._told: dict[tuple[str, str | None, str], float] = {}  # which plan lost an actuator to which, told when
        self.blind: dict[str, str] = {}
        self.tripped: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Arbiter: {len(self._standing)} requests stand>"

    def __len__(self) -> int:
        return len(self._standing)

    def stand(self, request: Request) -> None:
        """Resume a request of a former run."""
        safe = request.action == self._fail_safe.get(request.actuator)
        self._standing[request.actuator] = Standing(request, safe, remembered=not safe, sure=safe)

    def renew(self, plant: Plant) -> None:
        """Go on with a changed plant; nothing is requested any more of an actuator that is gone."""
        self._fail_safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
        self._standing = {name: one for name, one in self._standing.items() if name in self._fail_safe}
        for name, standing in self._standing.items():
            standing.safe = standing.request.action == self._fail_safe[name]
        self.blind = {name: why for name, why in self.blind.items() if name in self._fail_safe}

    def survey(self, states: Mapping[str, PlanState]) -> None:
        """Note the actuators whose fail-safe action some plan asks for: what runs has an end."""
        steps = (step for state in states.values() for step in state.kind.steps)
        self._endable = frozenset(step.actuator for step in steps if step.action == self._fail_safe.get(step.actuator))
        self._told.clear()

    def standing(self, states: Mapping[str, PlanState]) -> Iterator[tuple[Standing, Plan]]:
        """Yield what stands for actuators, other than the fail-safe action, each with its plan."""
        for standing in self._standing.values():
            state = states.get(standing.request.plan or "")
            if not standing.safe and state is not None:
                yield standing, state.plan

    @property
    def waits(self) -> bool:
        """Whether something that stands waits for evidence."""
        return any(not one.sure for one in self._standing.values())

    def unsure(self, actuator: str) -> bool:
        """Whether what stands for an actuator waits for evidence: nothing but the fail-safe may be commanded then."""
        standing = self._standing.get(actuator)
        return standing is not None and not standing.sure

    def arbitrate(
        self, states: Mapping[str, PlanState], facts: Situation, begun: set[str], seconds: float
    ) -> tuple[list[Request], list[Overruled]]:
        """Pick the strongest claim on each actuator; return the requests that are new, and those that lost."""
        requests: list[Request] = []
        overruled: list[Overruled] = []
        claims = self._claims(states, facts, seconds)
        self.tripped = {
            actuator: rivals[0].state.plan.id
            for actuator, rivals in claims.items()
            if rivals[0].safe and rivals[0].state.plan.trip
        }
        for actuator in [*claims, *(name for name in self._standing if name not in claims)]:
            rivals = claims.get(actuator, [])
            if rivals:
                request = self._win(actuator, rivals[0], facts)
            else:
                state = states.get(self._standing[actuator].request.plan or "")
                request = self._go_on(actuator, state, facts, seconds)
            if request is not None:
                requests.append(request)
            lost = losers(rivals, begun, facts.active)
            overruled.extend(one for one in lost if self._is_news(one, seconds))
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

    def _go_on(self, actuator: str, state: PlanState | None, facts: Situation, seconds: float) -> Request | None:
        """Judge what stands though no plan claims it now; return the fail-safe request where it ends."""
        standing = self._standing[actuator]
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

    def _claims(self, states: Mapping[str, PlanState], facts: Situation, seconds: float) -> dict[str, list[Claim]]:
        """Collect, by actuator, what plans ask for now, the strongest first."""
        claims: dict[str, list[Claim]] = {}
        for state in states.values():
            asked = self._safe_steps(state), self._other_steps(state, facts, seconds)
            for step in state.kind.steps if any(asked) else ():
                safe = self._is_safe(step)
                if step in asked[0 if safe else 1]:
                    claims.setdefault(step.actuator, []).append(Claim(state, step, safe))
        for rivals in claims.values():
            rivals.sort(key=strength)
        return claims

    def _is_safe(self, step: Step) -> bool:
        return step.action == self._fail_safe.get(step.actuator)

    @staticmethod
    def _safe_steps(state: PlanState) -> tuple[Step, ...]:
        """Return the fail-safe actions that a plan asks for: what has latched, it asks for until it is reset."""
        return state.kind.steps if state.latched else state.asked.doubtful

    def _other_steps(self, state: PlanState, facts: Situation, seconds: float) -> list[Step]:
        """Return what else a plan asks for, and has evidence for."""
        if state.ground is Ground.RUNNING and not state.kind.by_ignorance:
            steps = list(state.timed)
        elif state.applies and state.may_act:
            steps = [step for step in state.asked.steps if self._is_safe(step) or _fresh(state, step, facts, seconds)]
        else:
            return []
        return [step for step in steps if self._stands(state, step)] if facts.revising else steps

    def _stands(self, state: PlanState, step: Step) -> bool:
        """Whether what a plan asks for stands in its name already."""
        standing = self._standing.get(step.actuator)
        stood = None if standing is None else (standing.request.plan, standing.request.action, standing.request.value)
        return stood == (state.plan.id, step.action, step.value)


def _fresh(state: PlanState, step: Step, facts: Situation, seconds: float) -> bool:
    """Whether the evidence of a plan is newer than the return of the node that a step is for."""
    station = facts.station(Standing(Request(step.actuator, step.action, step.value, None, 0, ""), safe=False))
    return fresh_since(state, station.after_seconds, facts.sight, seconds) is None
