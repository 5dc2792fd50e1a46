"""What groups and sequences want to know of equipment, and what a sequence is as the member of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edge_agent.model.commands import Request
from edge_agent.model.plant import Step
from edge_agent.plan.passage import Way
from edge_agent.plan.standing import Standing, Station

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from edge_agent.plan.passage import Passage
    from edge_agent.plan.provisions.sequences import Leg
    from edge_agent.plan.rota import Member, Rota
    from edge_agent.plan.scene import Scene


class Vicinity(Protocol):
    """What groups and sequences look at in one turn."""

    @property
    def seconds(self) -> float: ...  # noqa: D102

    @property
    def scene(self) -> Scene: ...  # noqa: D102

    def member(self, actuator: str) -> Member:
        """Return what is known of an actuator."""
        ...

    def does(self, leg: Leg) -> bool | None:
        """Return whether an actuator reports doing what a leg asks."""
        ...


def of_sequence(name: str, passage: Passage, around: Vicinity) -> Member:
    """Return what is known of a sequence, as a member of a group."""
    parts = [around.member(actuator) for actuator in passage.sequence.actuators]
    turned = [around.member(leg.actuator) for leg in passage.sequence.on]
    unfit = next((f"waits: {part.name} {part.unfit}" for part in parts if part.unfit), "")
    return turned[-1]._replace(
        name=name,
        runs=passage.way is Way.ON,
        by_hand=False,
        unfit=unfit,
        failing=passage.failure,
        free_seconds=max(part.free_seconds for part in turned),
        in_hand=False,
        since_seconds=max(part.since_seconds for part in parts),
    )


def teams(
    rotas: Mapping[str, Rota], passages: Mapping[str, Passage]
) -> Iterator[tuple[str, tuple[tuple[str, ...], ...], int, float]]:
    """Yield each group with its members, those that run when they do, how many may at once, and its stagger."""
    for name, rota in rotas.items():
        group = rota.group
        members = tuple((each,) if each not in passages else _turned_on(passages[each]) for each in group.members)
        yield name.partition(" ")[2], members, group.at_most or len(members), group.stagger_seconds


def _turned_on(passage: Passage) -> tuple[str, ...]:
    """Return the actuators of a sequence that run, or are open, when it is on."""
    legs = {leg.actuator: leg for leg in passage.sequence.on}
    return tuple(name for name, leg in legs.items() if leg.action in {"start", "open"} or leg.value)


def of_legs(legs: Iterable[Leg], look: Callable[[Standing], Station]) -> Station:
    """Return whether equipment does all that some steps have come to."""
    latest = {leg.actuator: Step(leg.actuator, leg.action, leg.value) for leg in legs}
    stations = [look(asked(step)) for step in latest.values()]
    doing = [station.doing for station in stations]
    return Station(max(each.after_seconds for each in stations), None if None in doing else all(doing))


def of_any(stations: Iterable[Station]) -> Station:
    """Return whether one of some does what is requested; unknown, where one is unknown and none is known to."""
    those = list(stations)
    doing = [station.doing for station in those]
    after = min((each.after_seconds for each in those), default=float("-inf"))
    return Station(after, True if True in doing else None if None in doing else False)


def asked(step: Step) -> Standing:
    """Return what stands where a step is asked for."""
    return Standing(Request(step.actuator, step.action, step.value, None, 0, ""), safe=False)


def lost_reason(member: Member) -> str:
    """Return why an actuator of a sequence is not the agent's; empty where it is."""
    return "is run by a person" if member.by_hand else member.unfit


def failing_reason(member: Member) -> str:
    """Return why an actuator of a sequence has not done what was asked of it; empty where it has."""
    return f"has failed: {member.failing}" if member.failing else ""
