"""Groups: equipment of which plans ask for a number, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from edge_agent.model.fitness import Misfit
from edge_agent.model.spelling import one_of, show
from edge_agent.plan.provisions.spec import ProvisionKind
from edge_agent.plan.targets import is_sequence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.plan.scene import Known

_MEMBER = 'an actuator: node/actuator, or "sequence NAME"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(ProvisionKind):
    """Pumps, or valves, that do the same. Plans ask for a number of them, and the group picks which.

    One that runs and is fit stays. The others are next in the order of `lead`; one that is in hand, locked out,
    tripped, offline or held by another plan is passed over, and one that has failed, or rests, comes after the others.
    """

    name: ClassVar[str] = "group"
    table: ClassVar[str] = "groups"
    says: ClassVar[str] = "The groups, by id: equipment of which plans ask for a number."

    members: Annotated[
        tuple[Annotated[str, Field(title=_MEMBER)], ...],
        Field(strict=False, min_length=1, title="a list of at least one member", description="Which, in their order."),
    ]
    lead: Annotated[
        Literal["fixed", "fewest_hours", "fewest_starts", "alternate"],
        Field(
            description="Which starts first: the first of the list, the one that has run the shortest time or started "
            "the fewest times, or another each time the group begins."
        ),
    ] = "fixed"
    at_most: Annotated[
        int | None,
        Field(ge=1, description="So many may run at once, whoever asks; what may be running counts. Absent: all."),
    ] = None
    stagger_seconds: Annotated[
        float, Field(ge=0, le=86_400, description="How long after a start of one the next may start.")
    ] = 0.0
    on_failure: Annotated[
        Literal["next", "stay"],
        Field(description="Whether another takes over for one that fails, or that one is tried again."),
    ] = "next"

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find members that there are not, that come twice, and of which more may run than there are."""
        members = given.get("members")
        listed = members if isinstance(members, list) else []
        seen: set[str] = set()
        for place, member in enumerate(listed):
            if isinstance(member, str):
                yield from _member(place, member, seen, known)
                seen.add(member)
        most = given.get("at_most")
        if isinstance(most, int) and listed and most > len(listed):
            yield Misfit(("at_most",), f"{most} is more than it has members", f"{len(listed)} at the most")


def _member(place: int, member: str, seen: set[str], known: Known) -> Iterator[Misfit]:
    path = ("members", place)
    if member in seen:
        yield Misfit(path, f"{show(member)} comes twice in this group", "each member once")
    elif is_sequence(member):
        there = known.provisions.get("sequences", {})
        if member.partition(" ")[2] not in there:
            yield Misfit(path, f"there is no {member}", one_of((f"sequence {name}" for name in there), member))
    elif member not in known.actuators:
        yield Misfit(path, f"{show(member)} is no actuator of this plant", one_of(known.actuators, member))
    for name, sequence in known.provisions.get("sequences", {}).items():
        if isinstance(sequence, dict) and any(leg.get("actuator") == member for leg in _legs(sequence)):
            yield Misfit(path, f"{show(member)} is switched by sequence {name}", f'"sequence {name}" as the member')
    other = _group_of(member, known)
    if other:
        yield Misfit(path, f"{show(member)} is in the groups {' and '.join(other)}", "one group for each")


def _group_of(member: str, known: Known) -> list[str]:
    """Return the groups of a member, where these are several."""
    groups = known.provisions.get("groups", {})
    found = [name for name, group in groups.items() if isinstance(group, dict) and member in _listed(group)]
    return found if len(found) > 1 else []


def _legs(sequence: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for way in ("on", "off"):
        legs = sequence.get(way)
        yield from (leg for leg in (legs if isinstance(legs, list) else ()) if isinstance(leg, dict))


def _listed(group: Mapping[str, Any]) -> list[Any]:
    members = group.get("members")
    return members if isinstance(members, list) else []
