"""Groups and sequences come first: what stands for each is decided, and becomes what is asked of its actuators."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from edge_agent.model.commands import Request
from edge_agent.plan.claims import Through, claim_through, request_of, strength
from edge_agent.plan.scene import Scene
from edge_agent.plan.standing import Standing, fresh_since
from edge_agent.plan.steps import switch
from edge_agent.plan.targets import ON, RUN, is_compound, is_group, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.time import Moment
    from edge_agent.plan.claims import Claim
    from edge_agent.plan.compounds import Compounds
    from edge_agent.plan.planstate import PlanState
    from edge_agent.plan.provisions.sequences import Leg
    from edge_agent.plan.rota import Member
    from edge_agent.plan.scene import Find
    from edge_agent.plan.situation import Situation


class Around(NamedTuple):
    """What is around groups and sequences in one turn."""

    facts: Situation
    now: Moment
    find: Find

    @property
    def seconds(self) -> float:
        """The monotonic time."""
        return self.now.seconds

    @property
    def scene(self) -> Scene:
        """How things are, for conditions."""
        facts = self.facts
        return Scene(facts.active, facts.doubted, self.now, self.find, facts.gauge, facts.equipment, facts.online)

    def member(self, actuator: str) -> Member:
        """Return what is known of an actuator."""
        return self.facts.member(actuator)

    def does(self, leg: Leg) -> bool | None:
        """Return whether an actuator reports doing what a leg asks."""
        asked = Request(leg.actuator, leg.action, leg.value, None, 0, "")
        return self.facts.station(Standing(asked, safe=False)).doing


class Court(Protocol):
    """What settling needs of the arbiter."""

    @property
    def stands(self) -> dict[str, Standing]: ...  # noqa: D102

    def claims(self, target: str, facts: Situation, seconds: float) -> list[Claim]: ...  # noqa: D102

    def decide(self, target: str, rivals: list[Claim], facts: Situation, seconds: float) -> Request | None: ...  # noqa: D102

    def look_at(self, target: str) -> None: ...  # noqa: D102

    def look_back(self, target: str) -> None: ...  # noqa: D102


class Settling:
    """Decides how many of each group are to run, and whether each sequence is to be on."""

    def __init__(self, court: Court, compounds: Compounds) -> None:
        self._court, self._compounds = court, compounds
        self._states: Mapping[str, PlanState] = {}

    def __repr__(self) -> str:
        return f"<Settling of {self._compounds}>"

    # After a start, or with other plans ---------------------------------------------------------------------------

    def take_over(self, states: Mapping[str, PlanState]) -> None:
        """Make what stands in the name of a plan that asks for a group, or a sequence, stand through that."""
        self._states = states
        for actuator, standing in list(self._court.stands.items()):
            state = states.get(standing.request.plan or "")
            asked = set() if state is None else {step.actuator for step in state.steps}
            if is_compound(actuator) or actuator in asked:
                continue
            standing.through = next((name for name in self._compounds.of(actuator) if name in asked), "")
            if standing.through and not standing.safe:
                self._resume(standing)

    def _resume(self, standing: Standing) -> None:
        """Make a group or a sequence stand again by what was requested of its actuators in a former run."""
        part, stands = standing.request.actuator, self._court.stands
        for target in self._compounds.of(part):
            if target not in stands:
                request = standing.request._replace(actuator=target, action=RUN if is_group(target) else ON, value=None)
                through = "" if target == standing.through else standing.through
                stands[target] = Standing(request, safe=False, remembered=True, sure=False, through=through)
            if is_group(target):
                self._compounds.rotas[target].resume(part)
            if target == standing.through:
                return
            part = target

    # Each turn ----------------------------------------------------------------------------------------------------

    def settle(self, concerned: Iterable[str], around: Around) -> list[str]:
        """Settle what is concerned of groups and sequences; return the actuators to look at: theirs, and the others."""
        found, compounds = list(concerned), self._compounds
        due = compounds.take(around.seconds)
        for target in compounds.ordered([*found, *due]):
            self._court.look_at(target)
            if is_group(target):
                self._group(target, around)
            else:
                self._sequence(target, around)
            self._court.look_back(target)
            found += compounds.actuators(target)
        compounds.tell()
        return [name for name in dict.fromkeys(found) if not is_compound(name)]

    def _group(self, group: str, around: Around) -> None:
        """Decide how many of a group are to run, and let it pick."""
        stands, rota = self._court.stands, self._compounds.rotas[group]
        before = stands.get(group)
        number, claim = narrowed(self._court.claims(group, around.facts, around.seconds), self._number(group, before))
        if claim is None:
            was_remembered = before is not None and before.remembered
            self._court.decide(group, [], around.facts, around.seconds)
            if before is not None and was_remembered and before.sure and stands[group] is before:
                running = sum(self._runs(name, around) for name in rota.on)
                before.request = before.request._replace(value=float(running))
        else:
            request = request_of(claim, around.facts.active)._replace(action=RUN, value=float(number))
            stands[group] = Standing(request, safe=not number)
        standing = stands.get(group)
        if standing is None or standing.ended or not standing.sure:
            self._compounds.let_go(group, over=standing is not None and standing.ended)
            return
        members = [self._member(name, standing.request, around) for name in rota.group.members]
        self._compounds.ask_group(group, standing.request, members, around)

    def _number(self, group: str, standing: Standing | None) -> int:
        """Return how many of a group are asked to run."""
        if standing is None:
            return 0
        value = standing.request.value
        return len(self._compounds.rotas[group].on) if value is None else int(value)

    def _runs(self, member: str, around: Around) -> bool:
        return self._compounds.as_member(member, around).runs

    def _member(self, name: str, request: Request, around: Around) -> Member:
        """Return what is known of a member, who else has it, and whether there is evidence to start it by."""
        known = self._compounds.as_member(name, around)
        own = claim_through(Through(request.actuator, request), switch(around.find, name, on=True), safe=False)
        rivals = self._court.claims(name, around.facts, around.seconds)
        rival = next((claim for claim in rivals if claim.through is None), None)
        if name in around.facts.stops:
            return known._replace(unfit=f"is held by {around.facts.stops[name].reason}")
        if rival is not None and strength(rival) < strength(own):
            if rival.safe:
                return known._replace(unfit=f"is held by {'trip' if rival.trips else 'plan'} {rival.plan}")
            return known._replace(by_hand=not known.unfit)
        state = self._states.get(request.plan or "")
        if state is not None and not known.unfit:
            gone = fresh_since(state, known.since_seconds, around.facts.sight, around.seconds)
            return known if gone is None else known._replace(unfit=f"waits for evidence since it came back: {gone}")
        return known

    def _sequence(self, name: str, around: Around) -> None:
        """Decide whether a sequence is to be on, and let it go as far as proofs allow."""
        rivals = self._court.claims(name, around.facts, around.seconds)
        self._court.decide(name, rivals, around.facts, around.seconds)
        standing = self._court.stands.get(name)
        if standing is not None and not standing.sure:
            self._compounds.wait(name, standing.request)
        else:
            self._compounds.ask_sequence(name, None if standing is None else standing.request, around)


def narrowed(rivals: Iterable[Claim], stands: int) -> tuple[int, Claim | None]:
    """Return how many of a group are to run, and which claim says so; None: it is as many as stand.

    The strongest claim says between which numbers, weaker ones within that: so far it stays as it is.
    """
    least, most = 0.0, float("inf")
    below: Claim | None = None
    above: Claim | None = None
    for claim in rivals:
        lower, upper = numbers(claim.step)
        lower, upper = min(max(lower, least), most), min(max(upper, least), most)
        below, least = (claim, lower) if lower > least else (below, least)
        above, most = (claim, upper) if upper < most else (above, most)
    number = int(min(max(float(stands), least), most))
    if number == least and below is not None:
        return number, below
    return number, (above if number == most else None)
