"""What plans claim of each actuator, who wins it, and what stands there until another wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.commands import Request
from edge_agent.model.evidence import grace_seconds
from edge_agent.plan.claims import losers, request_of
from edge_agent.plan.contest import Contest, claims
from edge_agent.plan.planstate import Ground
from edge_agent.plan.standing import Standing, asks_anything, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.model.plant import Plan, Plant
    from edge_agent.plan.claims import Claim, Overruled
    from edge_agent.plan.interlocks.guard import Stop
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
        self._states: Mapping[str, PlanState] = {}
        self._claimants: dict[str, list[PlanState]] = {}  # by actuator: whose plans may ask for it
        self._of_node: dict[str, list[str]] = {}  # by node: its actuators
        self._all = True
        self._unsettled: set[str] = set()  # actuators of which evidence, or a report, is waited for
        self._patience: dict[str, float] = {}  # until when, where that is limited
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
        self._of_node.setdefault(request.actuator.partition("/")[0], []).append(request.actuator)

    def renew(self, plant: Plant) -> None:
        """Go on with a changed plant; nothing is requested any more of an actuator that is gone."""
        self._fail_safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
        self._standing = {name: one for name, one in self._standing.items() if name in self._fail_safe}
        for name, standing in self._standing.items():
            standing.safe = standing.request.action == self._fail_safe[name]
        self.blind = {name: why for name, why in self.blind.items() if name in self._fail_safe}

    def survey(self, states: Mapping[str, PlanState]) -> None:
        """Go on with other plans; note the actuators of which some plan ends what runs."""
        self._states, self._claimants, self._of_node, self._all = states, {}, {}, True
        self._unsettled, self._patience = set(), {}
        endable = set()
        for state in states.values():
            for step in state.steps:
                claimants = self._claimants.setdefault(step.actuator, [])
                if state not in claimants[-1:]:
                    claimants.append(state)
                if state.kind.ends or step.action == self._fail_safe.get(step.actuator):
                    endable.add(step.actuator)
        self._endable = frozenset(endable)
        for actuator in dict.fromkeys((*self._claimants, *self._standing)):
            self._of_node.setdefault(actuator.partition("/")[0], []).append(actuator)
        self.tripped = {name: plan for name, plan in self.tripped.items() if name in self._claimants}
        self._told.clear()

    def standing(self, states: Mapping[str, PlanState]) -> Iterator[tuple[Standing, Plan]]:
        """Yield what stands for actuators, other than the fail-safe action, each with its plan."""
        for standing in self._standing.values():
            state = states.get(standing.request.plan or "")
            if not standing.safe and state is not None:
                yield standing, state.plan

    @property
    def restless(self) -> bool:
        """Whether an actuator has to be looked at whatever has changed."""
        return self._all or bool(self._unsettled)

    def unsure(self, actuator: str) -> bool:
        """Whether what stands for an actuator waits for evidence: nothing but the fail-safe may be commanded then."""
        standing = self._standing.get(actuator)
        return standing is not None and not standing.sure

    def arbitrate(
        self, looked_at: Iterable[PlanState], nodes: Iterable[str], facts: Situation, begun: set[str], seconds: float
    ) -> tuple[list[Request], list[Overruled]]:
        """Pick the strongest claim on each actuator of which something may be new; return new requests, and lost ones.

        That are those of the plans that were `looked_at`, and of the nodes that were heard.
        """
        requests: list[Request] = []
        overruled: list[Overruled] = []
        for actuator in self._concerned(looked_at, nodes, facts):
            self._unsettled.discard(actuator)
            self._patience.pop(actuator, None)
            rivals, waits = self._claims(actuator, facts, seconds)
            if waits:
                self._unsettled.add(actuator)
            self._note_trip(actuator, rivals)
            stop = facts.stops.get(actuator)
            if stop is not None:
                request = self._stop(actuator, stop)
            else:
                request = self._win(actuator, rivals[0], facts) if rivals else self._go_on(actuator, facts, seconds)
            if request is not None:
                requests.append(request)
            standing = self._standing.get(actuator)
            if standing is not None and (standing.remembered or not standing.sure):
                self._unsettled.add(actuator)
            lost = losers(rivals, begun, facts.active, stop)
            overruled.extend(one for one in lost if self._is_news(one, seconds))
        return requests, overruled

    def next_seconds(self) -> float:
        """Return the monotonic time at which an actuator waits for evidence no longer; infinite where none does."""
        return min(self._patience.values(), default=float("inf"))

    def _concerned(self, looked_at: Iterable[PlanState], nodes: Iterable[str], facts: Situation) -> Iterable[str]:
        """Return the actuators to look at, always in the same order."""
        stirred = sorted({*facts.stirred, *(facts.stops if self._all else ())} & self._fail_safe.keys())
        if self._all:
            self._all = False
            return dict.fromkeys((*self._claimants, *self._standing, *stirred))
        found = [*stirred, *(step.actuator for state in looked_at for step in state.steps)]
        for node in nodes:
            found += self._of_node.get(node, ())
        return dict.fromkeys((*found, *sorted(self._unsettled)))

    def _note_trip(self, actuator: str, rivals: list[Claim]) -> None:
        if rivals and rivals[0].safe and rivals[0].state.plan.trip:
            self.tripped[actuator] = rivals[0].state.plan.id
        else:
            self.tripped.pop(actuator, None)

    def _is_news(self, lost: Overruled, seconds: float) -> bool:
        """Whether it was not told lately: a plan may begin a hundred times a second, by a level that jumps."""
        key = lost.request.actuator, lost.request.plan, lost.winner
        if seconds - self._told.get(key, float("-inf")) < OVERRULED_SECONDS:
            return False
        self._told[key] = seconds
        return True

    def _stop(self, actuator: str, stop: Stop) -> Request | None:
        """Put the fail-safe action that an interlock asks for in force; return it where it is not so already."""
        request, before = stop.request(actuator, self._fail_safe[actuator]), self._standing.get(actuator)
        self._standing[actuator] = Standing(request, safe=True)
        self.blind.pop(actuator, None)
        same = before is not None and (before.request.action, before.request.trip) == (request.action, True)
        return None if same else request

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
        standing = self._standing.get(actuator)
        if standing is None:
            return None
        state = self._states.get(standing.request.plan or "")
        self._see_again(actuator, state, standing)
        standing.has_end = actuator in self._endable
        verdict = judge(standing, state, facts.station(standing), facts.sight, seconds)
        standing.sure = verdict.sure
        if not verdict.sure and state is not None:
            grace = facts.station(standing).after_seconds + grace_seconds(state.looks)
            self._patience |= {actuator: grace} if grace > seconds else {}
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

    def look(self, actuator: str, facts: Situation, seconds: float) -> tuple[Request | None, list[Claim]]:
        """Return what stands for an actuator, and what plans ask of it now, the strongest first; change nothing."""
        standing, (rivals, _) = self._standing.get(actuator), self._claims(actuator, facts, seconds)
        return None if standing is None else standing.request, rivals

    def _claims(self, actuator: str, facts: Situation, seconds: float) -> tuple[list[Claim], bool]:
        those, standing = self._claimants.get(actuator, ()), self._standing.get(actuator)
        return claims(Contest(actuator, self._fail_safe.get(actuator), those, standing), facts, seconds)
