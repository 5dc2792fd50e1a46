"""What stands: put in force, and where nobody claims anything, whether it goes on, and what follows where it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.commands import Request
from edge_agent.model.evidence import grace_seconds
from edge_agent.plan.claims import request_of
from edge_agent.plan.planstate import Ground
from edge_agent.plan.standing import Standing, asks_anything, judge
from edge_agent.plan.targets import OFF, RUN, is_compound, is_group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.plant import Plant
    from edge_agent.plan.claimants import Claimants
    from edge_agent.plan.claims import Claim
    from edge_agent.plan.compounds import Compounds
    from edge_agent.plan.interlocks.guard import Stop
    from edge_agent.plan.planstate import PlanState
    from edge_agent.plan.situation import Situation
    from edge_agent.plan.standing import Station


class Tenure:
    """Puts in force what stands for actuators, groups and sequences, and judges it.

    `blind` are the actuators whose request ended for want of evidence, and of what; `patience` says until when others
    wait for it, where that is limited.
    """

    def __init__(self, plant: Plant, claimants: Claimants, compounds: Compounds) -> None:
        self._claimants, self._compounds = claimants, compounds
        self.plant = plant
        self.states: Mapping[str, PlanState] = {}
        self.patience: dict[str, float] = {}
        self.blind: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Tenure: {len(self.patience)} wait for evidence, {len(self.blind)} lack it>"

    def win(self, target: str, claim: Claim, facts: Situation) -> Request | None:
        """Put a claim in force; return it where it is another than stood."""
        request, before = request_of(claim, facts.active), self._claimants.stands.get(target)
        through = "" if claim.through is None else claim.through.root
        self._claimants.stands[target] = Standing(request, claim.safe, through=through)
        if not claim.safe:
            self._see(target)
        if before is None or before.remembered:
            return request
        return None if _asked(before.request) == _asked(request) else request

    def stop(self, actuator: str, stop: Stop) -> Request | None:
        """Put the fail-safe action that an interlock asks for in force; return it where it is not so already."""
        stands = self._claimants.stands
        request, before = stop.request(actuator, self._claimants.fail_safe[actuator]), stands.get(actuator)
        stands[actuator] = Standing(request, safe=True)
        self.blind.pop(actuator, None)
        same = before is not None and (before.request.action, before.request.trip) == (request.action, True)
        return None if same else request

    def go_on(self, target: str, facts: Situation, seconds: float) -> Request | None:
        """Judge what stands though no plan claims it now; return the fail-safe request where it ends."""
        standing = self._claimants.stands.get(target)
        if standing is None:
            return None
        state = self.states.get(standing.request.plan or "")
        if self.blind and (state is None or state.may_act or not asks_anything(state, standing)):
            self._see(target)  # it is there again, or nobody needs it any more
        standing.has_end = self._claimants.has_end(standing)
        station = self._station(standing, facts)
        verdict = judge(standing, state, station, facts.sight, seconds)
        standing.sure = verdict.sure
        if not verdict.sure and state is not None:
            grace = station.after_seconds + grace_seconds(state.looks)
            self.patience |= {target: grace} if grace > seconds else {}
        if verdict.ended is None:
            if verdict.sure:
                standing.remembered = False
            if standing.resting and state is not None and state.ground is Ground.BLIND:
                self._lose_sight(target, f"no evidence: {state.reason}")  # timed running is over
            return None
        if verdict.blind:
            self._lose_sight(target, verdict.ended)
        return self._end(target, standing, state, verdict.ended)

    def _end(self, target: str, standing: Standing, state: PlanState | None, why: str) -> Request:
        """Put the fail-safe action in the place of what stood."""
        request = Request(target, *self._rest(target), standing.request.plan, 0, why)
        resting = state is not None and state.ground is Ground.RESTING
        self._claimants.stands[target] = Standing(
            request, safe=True, resting=resting, ended=True, through=standing.through
        )
        return request

    def _rest(self, target: str) -> tuple[str, float | None]:
        """Return what makes a target rest."""
        if is_compound(target):
            return (RUN, 0.0) if is_group(target) else (OFF, None)
        return self._claimants.fail_safe[target], None

    def _station(self, standing: Standing, facts: Situation) -> Station:
        if is_compound(standing.request.actuator):
            return self._compounds.station(standing.request, facts.station, self.plant.actuator)
        return facts.station(standing)

    def _lose_sight(self, target: str, why: str) -> None:
        """Note that evidence is missing; the members of a group each lose theirs."""
        for name in self._compounds.parts(target):
            self.blind[name] = why

    def _see(self, target: str) -> None:
        """Forget that evidence was missing."""
        for name in self._compounds.parts(target):
            self.blind.pop(name, None)


def _asked(request: Request) -> tuple[object, ...]:
    return request.plan, request.action, request.value, request.trip
