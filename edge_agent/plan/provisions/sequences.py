"""Sequences: steps in order, each after the proof of the one before, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from edge_agent.model.fitness import Misfit
from edge_agent.model.spelling import show
from edge_agent.plan.conditions.meaning import misfits
from edge_agent.plan.provisions.spec import ProvisionKind
from edge_agent.plan.steps import step_misfits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.plan.scene import Known

#: A step that does not say how soon its proof has to come.
WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Leg:
    """One step of a sequence: what is asked of one actuator, and what proves it."""

    actuator: Annotated[str, Field(title="an actuator: node/actuator", description="Which one.")]
    action: Annotated[str, Field(title="an action of the actuator", description="What is asked of it.")]
    value: Annotated[float | None, Field(ge=0, le=1, description="Speed or position, for `set` only.")] = None
    until: Annotated[
        str | None,
        Field(title="a condition", description="The proof, for which the next step waits; the last one needs none."),
    ] = None
    within_seconds: Annotated[
        float, Field(gt=0, le=86_400, description="So soon the proof has to come; else the step has failed.")
    ] = WITHIN_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSequence(ProvisionKind):
    """What is switched on, and off, one step after the other. Plans use it like an actuator.

    Where a proof does not come in time, or something of it stops, trips or is taken in hand, it goes the way back.
    """

    name: ClassVar[str] = "sequence"
    table: ClassVar[str] = "sequences"
    says: ClassVar[str] = "The sequences, by id: steps in order, which plans use like an actuator."

    on: Annotated[
        tuple[Leg, ...],
        Field(
            strict=False,
            min_length=1,
            title="a list of at least one step",
            description="What is done to switch it on, in order.",
        ),
    ]
    off: Annotated[
        tuple[Leg, ...],
        Field(strict=False, min_length=1, title="a list of at least one step", description="The way back, in order."),
    ]
    if_it_fails: Annotated[Literal["off"], Field(description="What follows where a step fails.")] = "off"

    @property
    def actuators(self) -> tuple[str, ...]:
        """All that it switches, each once."""
        return tuple(dict.fromkeys(leg.actuator for leg in (*self.on, *self.off)))

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find wrong steps and proofs, proofs that are missing, and what nothing leads back."""
        listed = {key: _legs(given.get(key)) for key in ("on", "off")}
        for key, legs in listed.items():
            for place, leg in legs:
                yield from step_misfits((key, place), leg, known)
                until = leg.get("until")
                if isinstance(until, str):
                    yield from misfits((key, place, "until"), until, known)
                elif until is None and place < len(legs) - 1:
                    expected = "what proves the step; only the last one needs no proof"
                    yield Misfit((key, place, "until"), "is missing", expected)
        back = {leg.get("actuator") for _, leg in listed["off"]}
        for place, leg in listed["on"]:
            actuator = leg.get("actuator")
            if isinstance(actuator, str) and actuator not in back:
                yield Misfit(("on", place, "actuator"), f"nothing in off leads {show(actuator)} back", "a step in off")
        yield from _shared(given, known)


def _legs(legs: object) -> list[tuple[int, Mapping[str, Any]]]:
    return [(place, leg) for place, leg in enumerate(legs if isinstance(legs, list) else ()) if isinstance(leg, dict)]


def _shared(given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
    """Find an actuator that is in another sequence as well: each would undo what the other does."""
    for key in ("on", "off"):
        for place, leg in _legs(given.get(key)):
            actuator = leg.get("actuator")
            users = [
                name
                for name, other in known.provisions.get("sequences", {}).items()
                if isinstance(other, dict)
                and any(each.get("actuator") == actuator for way in ("on", "off") for _, each in _legs(other.get(way)))
            ]
            if len(users) > 1:
                wrong = f"{show(str(actuator))} is in the sequences {' and '.join(sorted(users))}"
                yield Misfit((key, place, "actuator"), wrong, "one sequence for each actuator")
