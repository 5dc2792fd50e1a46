"""The plant file as a schema: which keys there are, what each takes, and what it means."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator, Field, create_model

from edge_agent.analyze.measures.registry import MEASURES
from edge_agent.model.plant import (
    CONDITION,
    EVIDENCE_SECONDS,
    Priority,
    Step,
    TimestampFormat,
)
from edge_agent.model.spelling import one_of
from edge_agent.monitor.tests.registry import TESTS
from edge_agent.monitor.tests.spec import Duration, NotBelow
from edge_agent.plan.keys import members_of
from edge_agent.plan.kinds.registry import KINDS
from edge_agent.plan.provisions.registry import PROVISIONS
from edge_agent.settings.actuatortable import ActuatorTable, Delay, Label
from edge_agent.settings.devicetables import PLACE, SourceTable, StatusTable
from edge_agent.settings.sections import ID_PATTERN, ID_PHRASE
from edge_agent.settings.tables import ACCEPT, Accepted, ScalarValue, Table

if TYPE_CHECKING:
    from edge_agent.plan.kinds.spec import PlanKind

Id = Annotated[str, Field(pattern=ID_PATTERN, title=ID_PHRASE)]


def table_of(part: type, above: type[Table] = Table, **more: Any) -> type[Table]:  # noqa: ANN401 - members of a model
    """Return the table of a part: its keys are the members of the dataclass, with those of another table and more."""
    defaults = {member.name: ... if member.default is MISSING else member.default for member in fields(part)}
    members: dict[str, Any] = {key: (_tabled(kind), defaults[key]) for key, kind in members_of(part).items()}
    return create_model(f"{part.__name__}Table", __base__=above, __doc__=part.__doc__, **members, **more)


def _tabled(annotation: Any) -> Any:  # noqa: ANN401 - types
    """Return a type with tables in the place of the parts in it."""
    if isinstance(annotation, type) and is_dataclass(annotation):
        return PART_TABLES.get(annotation) or PART_TABLES.setdefault(annotation, table_of(annotation))
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return Annotated[_tabled(arguments[0]), *arguments[1:]]
    if isinstance(annotation, UnionType):
        return Union[tuple(map(_tabled, arguments))]  # noqa: UP007 - their number is not known
    return tuple.__class_getitem__(tuple(map(_tabled, arguments))) if get_origin(annotation) is tuple else annotation


#: Tables of parts that stand within others.
PART_TABLES: dict[type, type[Table]] = {}


#: The tables of the quality tests, by their names.
QUALITY_TABLES: dict[str, type[Table]] = {test.name: table_of(test) for test in TESTS}
_QUALITY_MEMBERS: dict[str, Any] = {
    test.name: (QUALITY_TABLES[test.name] | None, Field(None, description=test.question)) for test in TESTS
}
QualityTable = create_model(
    "QualityTable", __base__=Table, __doc__="The quality tests; one that is not named is not run.", **_QUALITY_MEMBERS
)


class _LimitMembers(Table):
    limit: float | None = Field(
        None,
        description="Of the classic four: the alarm rises when the value lies beyond this, on the side of the name.",
    )
    above: float | None = Field(None, description="The alarm rises when the value lies above this.")
    below: float | None = Field(None, description="The alarm rises when the value lies below this.")
    deadband: NotBelow = Field(0.0, description="How far the value must come back past the limit to clear it.")
    on_delay_seconds: Delay = Field(0.0, description="How long the value must lie beyond before the alarm rises.")
    off_delay_seconds: Delay = Field(0.0, description="How long it must be back before the alarm clears.")
    priority: Priority = Field("medium", description="How urgent the alarm is for people.")
    alarm: bool = Field(True, description="Whether it is an alarm for people; false: a switch point, for plans alone.")
    accept: Accepted = ACCEPT


_MEASURE: Any = Literal[tuple(measure.name for measure in MEASURES)]
_MEASURE_SAYS = "; ".join(f"`{measure.name}`: {measure.says}" for measure in MEASURES)
#: What measures are told, by key: each of them optional in a threshold.
MEASURE_MEMBERS: dict[str, Any] = {
    key: (kind | None, Field(None, description=table_of(measure).model_fields[key].description))
    for measure in MEASURES
    for key, kind in members_of(measure).items()
}
ThresholdTable = create_model(
    "ThresholdTable",
    __base__=_LimitMembers,
    __doc__="One limit and the alarm it raises.",
    of=(
        _MEASURE | None,
        Field(None, description=f"What is compared with the limit; absent: the value. {_MEASURE_SAYS}."),
    ),
    **MEASURE_MEMBERS,
)


class SensorTable(Table):
    """One measuring point."""

    quantity: str = Field(description="What is measured.", title="a quantity, such as level, pressure or flow")
    unit: str = Field(
        description="The unit it is kept in; a message may carry another of the same quantity.",
        title="a unit of the quantity, such as m, bar or m3/h",
    )
    name: Label | None = Field(None, title="text", description="Its name for people.")
    derived: str | None = Field(
        None,
        title="an expression of other sensors, such as a/flow + b/flow",
        description="What its values are computed from; absent: they are heard.",
    )
    window_seconds: Duration | None = Field(
        None, description="Over how long a time the expression is taken; absent: as it is now."
    )
    of: Literal["mean", "min", "max", "sum"] | None = Field(
        None, description="What is taken of the window: of m3/h the sum over time is m3."
    )
    interval_seconds: Duration = Field(
        60.0, description="How often a reading is expected; absent, of a derived one: as often as of its slowest part."
    )
    quality: QualityTable = Field(QualityTable(), description="Its quality tests.")
    thresholds: dict[Id, ThresholdTable] = Field({}, description="Its limits, by name.")
    source: SourceTable | None = Field(
        None, title=f"{PLACE}, or a table", description="Where its node says it, in a language of its own."
    )
    channel: ScalarValue | None = Field(None, description="What stands for `{channel}` in its places.")
    scale: float = Field(1.0, description="What the value is multiplied by.")
    offset: float = Field(0.0, description="What is added to it after that.")
    accept: Accepted = ACCEPT


class NodeTable(Table):
    """One device on the broker."""

    name: Label | None = Field(None, title="text", description="Its name for people.")
    timestamps: TimestampFormat = Field("rfc3339", description="What a bare number in `ts` counts.")
    device: str | None = Field(
        None,
        min_length=1,
        description="What stands for `{device}` in the topics of a device with a language of its own.",
    )
    profile: str | None = Field(
        None,
        min_length=1,
        title="the name of a profile, or a path beside this file",
        description="What else is said of devices of its kind.",
    )
    status: StatusTable | None = Field(None, description="Where it says whether it is online, in its own language.")
    sensors: dict[Id, SensorTable] = Field({}, description="Its sensors, by id.")
    actuators: dict[Id, ActuatorTable] = Field({}, description="Its actuators, by id.")


class StepTable(Table):
    """What a plan does to one actuator, group or sequence: exactly one of `actuator`, `group` and `use` is given."""

    actuator: str | None = Field(None, description="Which one.", title="an actuator: node/actuator")
    action: str | None = Field(
        None, title="an action of the actuator", description="What to ask of it; of a sequence `on` (or absent), `off`."
    )
    value: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, ge=0, le=1, description="Speed or position, for `set` only."
    )
    group: str | None = Field(None, title="the name of a group", description="Of which group so many are to run.")
    running: Annotated[int, Field(ge=0)] | None = Field(
        None, ge=0, title="a whole number from 0", description="How many of the group; 0: none."
    )
    use: str | None = Field(None, title='"group NAME" or "sequence NAME"', description="A sequence, or one of a group.")


class FallbackTable(Table):
    """One thing to do without evidence; exactly one of `use`, `run_seconds` and `do`."""

    use: str | None = Field(
        None,
        title="a sensor: node/sensor",
        description="Look at this sensor and its thresholds instead.",
    )
    run_seconds: Duration | None = Field(None, description="Run so long at the end of each `every_seconds`.")
    every_seconds: Duration | None = Field(None, description="How long such a cycle is; it begins with rest.")
    at_most_seconds: Duration | None = Field(None, description="How long after the evidence was lost it goes on so.")
    do: Literal["fail_safe"] | None = Field(None, description="Request the fail-safe action.")


PART_TABLES[Step] = StepTable


class PlanTable(Table):
    """What is requested, and when: what all kinds of plans have."""

    kind: str = Field(
        CONDITION, title=one_of(f'"{kind.name}"' for kind in KINDS), description="What decides when it applies."
    )
    priority: int = Field(50, ge=0, le=100, description="Where two plans disagree the higher one wins.")
    cooldown_seconds: Delay = Field(0.0, description="How long after it began to apply it cannot begin again.")
    evidence_seconds: Duration = Field(
        EVIDENCE_SECONDS,
        description="How old the last good reading of what it looks at may be.",
    )
    without_evidence: tuple[FallbackTable, ...] = Field(
        (), strict=False, title="a list of steps", description="What follows, in order, when the evidence is gone."
    )
    trip: bool = Field(False, description="It protects equipment: no minimum time, cooldown or pause delays it.")
    latch: bool = Field(False, description="Once it has applied it holds until a person resets it; for a trip.")
    accept: Accepted = ACCEPT


def _plan_table(kind: type[PlanKind]) -> type[Table]:
    return table_of(kind, PlanTable, kind=(Literal[kind.name], Field(CONDITION)))


#: The tables of plans, by the names of their kinds.
PLAN_TABLES: dict[str, type[Table]] = {kind.name: _plan_table(kind) for kind in KINDS}


def _with_kind(plan: Any) -> Any:  # noqa: ANN401 - as it is written
    """Add the kind to a plan that does not name one."""
    return {"kind": CONDITION, **plan} if isinstance(plan, dict) else plan


if TYPE_CHECKING:
    _AnyPlan = Table
else:
    _AnyPlan = Annotated[
        Union[tuple(PLAN_TABLES.values())],  # noqa: UP007 - their number is not known
        Field(discriminator="kind"),
        BeforeValidator(_with_kind),
    ]


class SiteTable(Table):
    """The place."""

    id: Id = Field(description="The site's name in topics and records.")
    name: str | None = Field(None, description="The site's name for people.")
    timezone: str = Field(
        "UTC", title="a time zone, such as Europe/Berlin", description="Whose civil time plans go by; summer time too."
    )


class PlantKeys(Table):
    """A whole plant file."""

    site: SiteTable = Field(description="The place.", title="a table with an id")
    nodes: dict[Id, NodeTable] = Field(
        min_length=1, title="a table with at least one node", description="The devices, by id."
    )
    plans: dict[Id, _AnyPlan] = Field({}, description="The plans, by id.")
    simulation: dict[str, Any] = Field({}, description="What `edge-agent simulate` needs; the agent does not read it.")


#: The tables of provisions, by the names of their kinds.
PROVISION_TABLES: dict[str, type[Table]] = {kind.name: table_of(kind, accept=(Accepted, ACCEPT)) for kind in PROVISIONS}
_PROVISIONS: Any = {
    kind.table: (dict.__class_getitem__((Id, PROVISION_TABLES[kind.name])), Field({}, description=kind.says))
    for kind in PROVISIONS
}
PlantTable = create_model("PlantTable", __base__=PlantKeys, __doc__=PlantKeys.__doc__, **_PROVISIONS)
