"""Whose plans may ask for which actuator, and what each asks for now, as far as evidence lets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.commands import Request
from edge_agent.plan.claims import claim_of, claim_through, strength
from edge_agent.plan.planstate import Ground
from edge_agent.plan.standing import Standing, fresh_since
from edge_agent.plan.targets import OFF, is_compound, is_sequence, rests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.model.plant import Step
    from edge_agent.plan.claims import Claim, Through
    from edge_agent.plan.planstate import PlanState
    from edge_agent.plan.situation import Situation


class Claimants:
    """The plans by what they may ask for: actuators, groups, sequences. `unsettled` are those that wait for evidence.

    `stands` is what stands for each now, `through` what groups and sequences ask of their actuators.
    """

    def __init__(
        self, stands: dict[str, Standing], through: Mapping[str, Through], fail_safe: Mapping[str, str]
    ) -> None:
        self.fail_safe = fail_safe
        self.stands, self._through = stands, through
        self.unsettled: set[str] = set()
        self._states: Mapping[str, PlanState] = {}
        self._by: dict[str, list[PlanState]] = {}
        self._endable: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[str]:
        return iter(self._by)

    def __repr__(self) -> str:
        return f"<Claimants of {len(self._by)}>"

    def survey(self, states: Mapping[str, PlanState]) -> None:
        """Go on with other plans; note for what some plan ends what runs."""
        self._states, self._by, self.unsettled = states, {}, set()
        endable = set()
        for state in states.values():
            for step in state.steps:
                claimants = self._by.setdefault(step.actuator, [])
                if state not in claimants[-1:]:
                    claimants.append(state)
                if state.kind.ends or self._is_safe(step):
                    endable.add(step.actuator)
        self._endable = frozenset(endable)

    def has_end(self, standing: Standing) -> bool:
        """Whether some plan ends what stands."""
        return (standing.through or standing.request.actuator) in self._endable

    def claims(self, target: str, facts: Situation, seconds: float, waiting: set[str]) -> list[Claim]:
        """Collect what plans ask for now of an actuator, a group or a sequence, the strongest first.

        One whose evidence is awaited is added to those `waiting`.
        """
        claims = []
        for state in self._by.get(target, ()):
            asked = _safe_steps(state), self._other_steps(state, target, facts, seconds, waiting)
            for step in state.steps if any(asked) else ():
                safe = self._is_safe(step)
                if step.actuator == target and step in asked[0 if safe else 1]:
                    claims.append(claim_of(state, step, safe=safe))
        through = self._through.get(target)
        if through is not None and through.step is not None:
            safe = self._is_safe(through.step)
            if safe or self._may_pass(through, through.step, facts, seconds, waiting):
                claims.append(claim_through(through, through.step, safe=safe))
        claims.sort(key=strength)
        return claims

    def _may_pass(self, through: Through, step: Step, facts: Situation, seconds: float, waiting: set[str]) -> bool:
        """Whether there is evidence, newer than its node's return, for what a group or a sequence asks of it."""
        state, request = self._states.get(through.request.plan or ""), through.request
        if state is None or (is_sequence(request.actuator) and request.action == OFF and not state.may_act):
            return False
        if not _has_evidence(state, [step], facts, seconds):
            waiting.add(step.actuator)
            return False
        return not facts.revising or self._stands(request, step)

    def _is_safe(self, step: Step) -> bool:
        return rests(step) if is_compound(step.actuator) else step.action == self.fail_safe.get(step.actuator)

    def _other_steps(
        self, state: PlanState, target: str, facts: Situation, seconds: float, waiting: set[str]
    ) -> list[Step]:
        """Return what else a plan asks for, and has evidence for."""
        if state.ground is Ground.RUNNING and not state.kind.by_ignorance:
            steps = list(state.timed)
        elif state.applies and state.may_act:
            steps = [step for step in state.asked.steps if step.actuator == target and not self._is_safe(step)]
            if not _has_evidence(state, steps, facts, seconds):
                waiting.add(target)
                return []
        else:
            return []
        asked = Request(target, "", None, state.plan.id, 0, "")
        return [step for step in steps if self._stands(asked, step)] if facts.revising else steps

    def _stands(self, asked: Request, step: Step) -> bool:
        """Whether what a plan asks for stands in its name already."""
        standing = self.stands.get(step.actuator)
        stood = None if standing is None else (standing.request.plan, standing.request.action, standing.request.value)
        return stood == (asked.plan, step.action, step.value)


def _safe_steps(state: PlanState) -> tuple[Step, ...]:
    """Return the fail-safe actions that a plan asks for: what has latched, it asks for until it is reset."""
    return state.steps if state.latched else state.asked.doubtful


def _has_evidence(state: PlanState, steps: Iterable[Step], facts: Situation, seconds: float) -> bool:
    """Whether the evidence of a plan is newer than the return of the nodes that steps are for."""
    return all(is_compound(step.actuator) or _fresh(state, step, facts, seconds) for step in steps)


def _fresh(state: PlanState, step: Step, facts: Situation, seconds: float) -> bool:
    station = facts.station(Standing(Request(step.actuator, step.action, step.value, None, 0, ""), safe=False))
    return fresh_since(state, station.after_seconds, facts.sight, seconds) is None
