"""What is asked of groups and sequences, as what that comes to of their actuators: for those who look at plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.plant import Step
from edge_agent.plan.provisions.groups import Group
from edge_agent.plan.provisions.registry import provisions_of
from edge_agent.plan.provisions.sequences import StepSequence
from edge_agent.plan.steps import switch
from edge_agent.plan.targets import OFF, ON, is_compound, is_group, is_sequence, rests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from edge_agent.model.plant import Plant, Provision


class Spread:
    """The groups and sequences of a policy, spread out."""

    def __init__(self, plant: Plant, provisions: Iterable[Provision]) -> None:
        self._plant, those = plant, tuple(provisions)
        self._safe: Mapping[str, str] = {actuator.name: actuator.fail_safe for actuator in plant.actuators}
        self._groups = provisions_of(Group, those)
        self._sequences = provisions_of(StepSequence, those)

    def __repr__(self) -> str:
        return f"<Spread of {len(self._groups)} groups and {len(self._sequences)} sequences>"

    def is_safe(self, step: Step) -> bool:
        """Whether a step asks for nothing but rest."""
        return rests(step) if is_compound(step.actuator) else step.action == self._safe.get(step.actuator)

    def steps(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Yield what some steps may come to of actuators."""
        for step in steps:
            yield from self._of(step)

    def _of(self, step: Step) -> Iterator[Step]:
        target, rest = step.actuator, rests(step)
        name = target.partition(" ")[2]
        if not is_compound(target):
            yield step
        elif is_group(target):
            for member in self._groups[name].members if name in self._groups else ():
                yield from self._of(switch(self._plant.actuator, member, on=not rest))
        elif name in self._sequences:
            sequence = self._sequences[name]
            for leg in {ON: sequence.on, OFF: sequence.off}.get(step.action, ()):
                yield Step(leg.actuator, leg.action, leg.value)


def parts_of(provisions: Iterable[Provision]) -> dict[str, tuple[str, ...]]:
    """Return the actuators of each group, by its id; of a sequence in it all that it switches."""
    those = tuple(provisions)
    sequences = {name: one.actuators for name, one in provisions_of(StepSequence, those).items()}

    def parts(member: str) -> Collection[str]:
        return sequences.get(member.partition(" ")[2], ()) if is_sequence(member) else (member,)

    groups = provisions_of(Group, those)
    return {name: tuple(part for member in group.members for part in parts(member)) for name, group in groups.items()}
