"""Interlocks: what stops equipment, what lets it begin, and what excludes each other, above every plan and person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from edge_agent.expressions.grammar import ExpressionError
from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import EVIDENCE_SECONDS, VALUE
from edge_agent.model.spelling import one_of, show
from edge_agent.plan.conditions.clauses import ActuatorIs, Raised
from edge_agent.plan.conditions.meaning import misfits
from edge_agent.plan.conditions.text import parse
from edge_agent.plan.kinds.spec import zone_conflicts
from edge_agent.plan.provisions.spec import ProvisionKind
from edge_agent.plan.steps import no_actuator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.fitness import Place
    from edge_agent.plan.scene import Known

PERSON = "person"
GROUP = "group "
_Text = Annotated[str, Field(title="a condition")]
_Targets = Annotated[tuple[str, ...], Field(strict=False, title='a list of actuators, and of "group NAME"')]


@dataclass(frozen=True, slots=True)
class SelfReset:
    """The end of a trip without a person."""

    after_seconds: Annotated[
        float, Field(gt=0, le=31_536_000, description="It ends when its condition has been over for so long.")
    ]
    at_most: Annotated[
        int, Field(ge=1, le=1000, description="So often within 24 hours; after that it waits for a person.")
    ]


def _by_a_person(given: object) -> object:
    return None if given == PERSON else given


@dataclass(frozen=True, slots=True, kw_only=True)
class Interlock(ProvisionKind):
    """One interlock: of `trip`, `permit` and `exclusive` exactly one is given.

    `trip` latches and stops what `stop` names, until its `reset`. What `permit` names may begin only while `when` is
    true. Of the conditions of `exclusive` no command makes a second one true.
    """

    name: ClassVar[str] = "interlock"
    table: ClassVar[str] = "interlocks"
    says: ClassVar[str] = "What stops equipment, or keeps it from starting, above every plan and person."

    trip: Annotated[_Text | None, Field(description="While this holds, and until it is reset, `stop` is stopped.")] = (
        None
    )
    stop: Annotated[_Targets, Field(description="What a trip stops.")] = ()
    reset: Annotated[
        SelfReset | None,
        BeforeValidator(_by_a_person),
        Field(title='"person", or a table', description='How a trip ends; absent: `"person"`, by `edge-agent reset`.'),
    ] = None
    permit: Annotated[_Targets, Field(description="What may begin only while `when` is true.")] = ()
    when: Annotated[_Text | None, Field(description="The condition of a permit.")] = None
    exclusive: Annotated[
        tuple[_Text, ...],
        Field(strict=False, title="a list of conditions", description="At most one of these may be, or become, true."),
    ] = ()
    evidence_seconds: Annotated[
        float, Field(gt=0, le=31_536_000, description="How old good readings of what it looks at may be.")
    ] = EVIDENCE_SECONDS
    timezone: Annotated[
        str,
        Field(title="a time zone, such as Europe/Berlin", description="Whose civil time; absent: that of the site."),
    ] = "UTC"

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find what is missing or too much, what is no condition, and what there is not."""
        kinds = [key for key in ("trip", "permit", "exclusive") if given.get(key)]
        if len(kinds) != 1:
            what = " and ".join(kinds) if kinds else "none of them"
            yield Misfit((), f"says {what}", "one of trip, permit and exclusive")
        for needed, key in (("trip", "stop"), ("permit", "when")):
            if given.get(needed) and not given.get(key):
                yield Misfit((key,), "is missing", f"one with {needed}")
        for needed, key in (("trip", "stop"), ("trip", "reset"), ("permit", "when")):
            if kinds and given.get(key) and needed not in kinds:
                yield Misfit((key,), f"is given without {needed}", f"{needed}, or none")
        for key in ("stop", "permit"):
            yield from _target_conflicts(key, given.get(key), known)
        for key in ("trip", "when"):
            yield from text_conflicts((key,), given.get(key), known)
        yield from _exclusive_conflicts(given.get("exclusive"), known)
        yield from zone_conflicts(given)


def _target_conflicts(key: str, targets: object, known: Known) -> Iterator[Misfit]:
    seen: set[str] = set()
    for position, target in enumerate(targets if isinstance(targets, list) else ()):
        here = (key, position)
        if not isinstance(target, str):
            continue
        groups = known.provisions.get("groups", {})
        if target in seen:
            yield Misfit(here, f"{show(target)} comes twice", "each once")
        elif target.startswith(GROUP) and target.removeprefix(GROUP) not in groups:
            yield Misfit(here, f"{show(target)} is no group of this plant", one_of(groups, target.removeprefix(GROUP)))
        elif not target.startswith(GROUP) and target not in known.actuators:
            yield no_actuator(here, target, known)
        seen.add(target)


def text_conflicts(path: Place, text: object, known: Known) -> Iterator[Misfit]:
    """Find what is wrong with a condition that must be known whenever it can be: of no alarm of a rate."""
    if not isinstance(text, str):
        return
    wrong = list(misfits(path, text, known))
    yield from wrong
    for term in () if wrong else parse(text).all():
        if isinstance(term, Raised) and known.alarms.get(term.alarm) not in {"", VALUE}:
            measure = known.alarms.get(term.alarm)
            yield Misfit(path, f"{term.alarm} is of {measure}, which is not always known", "an alarm of a value")


def _exclusive_conflicts(texts: object, known: Known) -> Iterator[Misfit]:
    if not isinstance(texts, list) or not texts:
        return
    if len(texts) == 1:
        yield Misfit(("exclusive",), "is one condition, which excludes nothing", "a list of at least two")
    for position, text in enumerate(texts):
        yield from text_conflicts(("exclusive", position), text, known)
    if not any(_names_an_actuator(text) for text in texts):
        yield Misfit(
            ("exclusive",),
            "names no actuator: no command could be refused",
            "an actuator in one of them, such as zone/valve_a is open",
        )


def _names_an_actuator(text: object) -> bool:
    try:
        return isinstance(text, str) and any(isinstance(term, ActuatorIs) for term in parse(text).all())
    except ExpressionError:
        return True  # what is wrong with it is told already
