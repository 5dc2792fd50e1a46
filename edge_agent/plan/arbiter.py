"""What plans claim of each actuator, who wins it, and what stands there until another wins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.plan.claimants import Claimants
from edge_agent.plan.claims import losers
from edge_agent.plan.compounds import Compounds
from edge_agent.plan.settling import Around, Settling
from edge_agent.plan.standing import Standing
from edge_agent.plan.targets import is_compound
from edge_agent.plan.tenure import Tenure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.model.commands import Request
    from edge_agent.model.plant import Plan, Plant, Provision
    from edge_agent.model.time import Moment
    from edge_agent.plan.claims import Claim, Overruled
    from edge_agent.plan.planstate import PlanState
    from edge_agent.plan.situation import Situation

#: That a plan lost against another is recorded again after so long, however often it begins.
OVERRULED_SECONDS = 60.0


class Arbiter:
    """Picks the strongest claim on each actuator, and judges what stands where nobody claims anything.

    `blind` are actuators whose request ended for want of evidence, and of what; `tripped` those that a trip holds, and
    which. `stands` is what stands, by target.
    """

    def __init__(self, plant: Plant) -> None:
        self._fail_safe = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
        self.compounds = Compounds()
        self._settling = Settling(self, self.compounds)
        self.stands: dict[str, Standing] = {}
        self._standing = self.stands
        self._claimants = Claimants(self._standing, self.compounds.through, self._fail_safe)
        self._tenure = Tenure(plant, self._claimants, self.compounds)
        self.blind = self._tenure.blind
        self._of_node: dict[str, list[str]] = {}  # by node: its actuators
        self._all = True
        self._told: dict[tuple[str, str | None, str], float] = {}  # which plan lost an actuator to which, told when
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
        self._claimants.fail_safe, self._tenure.plant = self._fail_safe, plant
        self._forget(name for name in self._standing if name not in self._fail_safe and not is_compound(name))
        for name, standing in self._standing.items():
            if name in self._fail_safe:
                standing.safe = standing.request.action == self._fail_safe[name]
        for name in [each for each in self.blind if each not in self._fail_safe]:
            del self.blind[name]

    def survey(self, states: Mapping[str, PlanState], provisions: Iterable[Provision] = ()) -> None:
        """Go on with other plans and provisions; note the actuators of which some plan ends what runs."""
        self.compounds.survey(provisions)
        self._forget(name for name in self._standing if is_compound(name) and name not in self.compounds)
        self._tenure.states, self._tenure.patience, self._of_node, self._all = states, {}, {}, True
        self._claimants.survey(states)
        asked_for = dict.fromkeys(part for name in self._claimants for part in self.compounds.actuators(name))
        for actuator in dict.fromkeys((*self._claimants, *asked_for, *self._standing)):
            self._of_node.setdefault(actuator.partition("/")[0], []).append(actuator)
        self.tripped = {name: plan for name, plan in self.tripped.items() if name in asked_for}
        self._told.clear()
        self.take_over()

    def take_over(self) -> None:
        """Make what stands in the name of plans that ask for groups and sequences stand through these."""
        self._settling.take_over(self._tenure.states)

    def _forget(self, targets: Iterable[str]) -> None:
        for target in list(targets):
            del self._standing[target]

    def standing(self, states: Mapping[str, PlanState]) -> Iterator[tuple[Standing, Plan]]:
        """Yield what stands for actuators, other than the fail-safe action, each with its plan."""
        for standing in self._standing.values():
            state = states.get(standing.request.plan or "")
            if not standing.safe and state is not None and not is_compound(standing.request.actuator):
                yield standing, state.plan

    @property
    def restless(self) -> bool:
        """Whether an actuator has to be looked at whatever has changed."""
        return self._all or bool(self._claimants.unsettled)

    def unsure(self, actuator: str) -> bool:
        """Whether what stands for an actuator waits for evidence: nothing but the fail-safe may be commanded then."""
        standing = self._standing.get(actuator)
        return standing is not None and not standing.sure

    def arbitrate(
        self, looked_at: Iterable[PlanState], nodes: Iterable[str], facts: Situation, begun: set[str], now: Moment
    ) -> tuple[list[Request], list[Overruled]]:
        """Pick the strongest claim on each actuator of which something may be new; return new requests, and lost ones.

        That are those of the plans that were `looked_at`, and of the nodes that were heard. Groups and sequences come
        first: what they ask of their actuators is a claim like any other.
        """
        requests: list[Request] = []
        overruled: list[Overruled] = []
        concerned = self._concerned(looked_at, nodes, facts)
        if self.compounds:
            concerned = self._settling.settle(concerned, Around(facts, now, self._tenure.plant.actuator))
        for actuator in concerned:
            self.look_at(actuator)
            rivals, stop = self.claims(actuator, facts, now.seconds), facts.stops.get(actuator)
            self._note_trip(actuator, rivals)
            self.compounds.note_rivals(actuator, rivals[0] if rivals else None, stop)
            if stop is not None:
                request = self._tenure.stop(actuator, stop)
            else:
                request = self.decide(actuator, rivals, facts, now.seconds)
            if request is not None:
                requests.append(request)
            self.look_back(actuator)
            lost = losers(rivals, begun, facts.active, stop)
            overruled.extend(one for one in lost if self._is_news(one, now.seconds))
        return requests, overruled

    def claims(self, target: str, facts: Situation, seconds: float) -> list[Claim]:
        """Return what plans ask for of a target now, the strongest first."""
        return self._claimants.claims(target, facts, seconds, self._claimants.unsettled)

    def look(self, actuator: str, facts: Situation, seconds: float) -> tuple[Request | None, list[Claim]]:
        """Return what stands for an actuator, and what plans ask of it now, the strongest first; change nothing."""
        standing = self._standing.get(actuator)
        return None if standing is None else standing.request, self._claimants.claims(actuator, facts, seconds, set())

    def look_at(self, target: str) -> None:
        """Begin to look at a target: nothing is waited for."""
        self._claimants.unsettled.discard(target)
        self._tenure.patience.pop(target, None)

    def look_back(self, target: str) -> None:
        """Note whether evidence, or a report, is waited for."""
        standing = self._standing.get(target)
        if standing is not None and (standing.remembered or not standing.sure):
            self._claimants.unsettled.add(target)

    def decide(self, target: str, rivals: list[Claim], facts: Situation, seconds: float) -> Request | None:
        """Put the strongest claim in force, or judge what stands; return what is requested anew."""
        if rivals:
            return self._tenure.win(target, rivals[0], facts)
        through = self.compounds.through.get(target)
        standing = self._standing.get(target)
        if through is not None and through.step is None:  # a sequence leaves it as it is
            if standing is not None and not standing.safe:
                standing.sure = False
            return None
        return self._tenure.go_on(target, facts, seconds)

    def next_seconds(self) -> float:
        """Return the monotonic time at which an actuator waits for evidence no longer; infinite where none does."""
        return min(self.compounds.next_seconds(), *self._tenure.patience.values(), float("inf"))

    def _concerned(self, looked_at: Iterable[PlanState], nodes: Iterable[str], facts: Situation) -> Iterable[str]:
        """Return the actuators to look at, always in the same order."""
        stirred = sorted({*facts.stirred, *(facts.stops if self._all else ())} & self._fail_safe.keys())
        if self._all:
            self._all = False
            return dict.fromkeys((*self._claimants, *self._standing, *stirred))
        found = [*stirred, *(step.actuator for state in looked_at for step in state.steps)]
        for node in nodes:
            found += self._of_node.get(node, ())
        return dict.fromkeys((*found, *sorted(self._claimants.unsettled)))

    def _note_trip(self, actuator: str, rivals: list[Claim]) -> None:
        if rivals and rivals[0].trips:
            self.tripped[actuator] = rivals[0].plan
        else:
            self.tripped.pop(actuator, None)

    def _is_news(self, lost: Overruled, seconds: float) -> bool:
        """Whether it was not told lately: a plan may begin a hundred times a second, by a level that jumps."""
        key = lost.request.actuator, lost.request.plan, lost.winner
        if seconds - self._told.get(key, float("-inf")) < OVERRULED_SECONDS:
            return False
        self._told[key] = seconds
        return True
