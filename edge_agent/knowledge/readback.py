"""Rows as what is remembered: each is validated, since people, other versions and dying cards write into stores too.

The models follow the nouns: a member that a noun gets is read back without a word here. One that is not known, is
missing or makes no sense is a ValueError, and costs its row.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, TypeVar, get_type_hints

from loguru import logger
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from edge_agent.model.alarms import Alarm, AlarmKey, Evidence
from edge_agent.model.commands import ActuatorMemory, Command, CommandRecord, CommandState
from edge_agent.model.plant import ACTIONS, Priority
from edge_agent.model.readings import MOST_DELIVERIES, Delivery
from edge_agent.model.remembered import PlanMemory, SequenceMemory, StoredReading
from edge_agent.monitor.tests.registry import LAYOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from edge_agent.knowledge.rows import Row

_T = TypeVar("_T")

#: Rows that are kept for whoever looks into them.
KEPT_ASIDE = 1_000
_KEPT_LENGTH = 4_096
_WISH = 5
#: What rows that make no sense do to those who read them.
SENSELESS = (ValueError, TypeError, KeyError, IndexError, OverflowError)

# What a calendar knows, and what JSON can count.
_At: TypeAlias = Annotated[int, Field(ge=-62_135_596_800_000_000, le=253_402_300_799_999_999)]
_Count: TypeAlias = Annotated[int, Field(ge=0, le=2**53)]
_Flag: TypeAlias = Literal[1, 2, 3, 4, 9]
_NAMES = {"Instant": _At, "Priority": Priority}
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)
_ACTIONS = frozenset(action for actions in ACTIONS.values() for action in actions)


class Misfit(NamedTuple):
    """A row that makes no sense: its table, its key there, itself as JSON, and what is wrong with it."""

    source: str
    key: Row
    row: str
    reason: str


class Misfits:
    """Collects rows that make no sense, so that the others can be read."""

    def __init__(self) -> None:
        self.found: list[Misfit] = []

    def sensible(self, source: str, width: int, read: Callable[[Row], _T], rows: Iterable[Row]) -> Iterator[_T]:
        """Read rows as nouns, and leave out those that cannot be; their first columns, so many, are the key."""
        for row in rows:
            try:
                noun = read(row)
            except SENSELESS as error:
                self.add(source, row[:width], row, error)
            else:
                yield noun

    def add(self, source: str, key: Row, row: object, error: Exception) -> None:
        """Take note of a row."""
        self.found.append(Misfit(source, key, as_text(row), reason_of(error)))

    def tell(self) -> None:
        """Log that there were some."""
        if self.found:
            sources = sorted({one.source for one in self.found})
            first = self.found[0]
            log = logger.bind(rows=len(self.found), sources=sources, first=f"{first.key}: {first.reason}")
            log.error("Rows of the store make no sense; they are set aside")


def as_text(row: object) -> str:
    """Write a row as JSON, for people; what is too long is cut."""
    return json.dumps(row, default=str)[:_KEPT_LENGTH]


def reason_of(error: Exception) -> str:
    """Say what is wrong, without the value: that is in the row."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
    return str(error) or type(error).__name__


def command_noun(row: Row) -> CommandRecord:
    """Read a command's row: its members, state, attempts, closed_at."""
    *members, state, attempts, closed_at = row
    command = _checked(_COMMAND, _named(Command, members))
    fate = _Fate(state=state, attempts=attempts, closed_at=closed_at)
    return CommandRecord(Command(**command), fate.state, fate.attempts, fate.closed_at)


def alarm_noun(row: Row) -> Alarm:
    """Read an alarm's row, in the order of its table."""
    key, (priority, active, acknowledged, *members), evidence = AlarmKey(*row[:3]), row[3:-1], row[-1]
    read = Evidence(**_read(_EVIDENCE, evidence)) if evidence else None
    given = _named(Alarm, [key, priority, _yes_or_no(active), _yes_or_no(acknowledged), *members, None, False])
    return Alarm(**_checked(_ALARM, given) | {"key": key, "evidence": read})


def actuator_noun(row: Row) -> ActuatorMemory:
    """Read what is remembered of an actuator: its name, and the body."""
    memory = ActuatorMemory(**_read(_ACTUATOR, row[1]))
    return _of_its_row(memory, memory.actuator, row[0])


def plan_noun(row: Row) -> PlanMemory:
    """Read what is remembered of a plan: its name, and the body."""
    memory = PlanMemory(**_read(_PLAN, row[1]))
    return _of_its_row(memory, memory.plan, row[0])


def sequence_noun(row: Row) -> SequenceMemory:
    """Read where the numbers of a topic stood: its name, and the body."""
    node, _, sensor = row[0].partition("/")
    return SequenceMemory(node, sensor, _SEEN.validate_json(row[1], strict=True))


def reading_noun(row: Row) -> StoredReading:
    """Read one of the latest readings."""
    _checked(_READING, _named(StoredReading, row))
    return StoredReading(*row)


def delivery_noun(row: Row) -> Delivery:
    """Read a delivery's row."""
    _checked(_DELIVERY, _named(Delivery, row))
    return Delivery(*row)


def _model(noun: type[Any], **narrower: Any) -> type[BaseModel]:  # noqa: ANN401 - types
    """Make the model of a noun, from its own members; some may be given a narrower type."""
    hints = get_type_hints(noun, localns=_NAMES, include_extras=True)
    defaults = _defaults(noun)
    members = {name: (narrower.get(name, hints[name]), defaults.get(name, ...)) for name in _members(noun)}
    return create_model(noun.__name__, __config__=_STRICT, **members)  # type: ignore[call-overload,no-any-return]  # made


def _members(noun: type[Any]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(noun)) if is_dataclass(noun) else noun._fields


def _defaults(noun: type[Any]) -> dict[str, Any]:
    if not is_dataclass(noun):
        return dict(noun._field_defaults)
    defaults: dict[str, Any] = {one.name: one.default for one in fields(noun) if one.default is not MISSING}
    for one in fields(noun):
        if one.default_factory is not MISSING:
            defaults[one.name] = Field(default_factory=one.default_factory)
    return defaults


def _named(noun: type[Any], row: Iterable[Any]) -> dict[str, Any]:
    return dict(zip(_members(noun), row, strict=True))


def _checked(model: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    return _as_given(model.model_validate(given))


def _read(model: type[BaseModel], body: str) -> dict[str, Any]:
    return _as_given(model.model_validate_json(body))


def _as_given(read: BaseModel) -> dict[str, Any]:
    return {name: getattr(read, name) for name in type(read).model_fields}


def _of_its_row(noun: _T, name: str, expected: str) -> _T:
    if name != expected:
        raise ValueError(f"the body is of {name}")
    return noun


def _yes_or_no(stored: object) -> bool:
    if stored not in {0, 1}:
        raise ValueError("neither 0 nor 1")
    return bool(stored)


def _wish(given: list[Any] | None) -> list[Any] | None:
    """Check a standing wish: action, value, plan, priority, reason."""
    if given is not None:
        _Wish(**dict(zip(_Wish.model_fields, given, strict=True)))
    return given


def _tests(given: int) -> int:
    LAYOUT.unpack(given)
    return given


class _Fate(BaseModel):
    model_config = _STRICT

    state: Annotated[CommandState, Field(strict=False)]
    attempts: _Count
    closed_at: _At | None


def _action(given: str) -> str:
    if given not in _ACTIONS:
        raise ValueError("no action")
    return given


_Action: TypeAlias = Annotated[str, AfterValidator(_action)]


class _Wish(BaseModel):
    model_config = _STRICT

    action: _Action
    value: float | None
    plan: str | None
    priority: int
    reason: str


_COMMAND = _model(Command, action=_Action, epoch=_Count, counter=_Count)
_EVIDENCE = _model(Evidence)
_ALARM = _model(Alarm, key=tuple[str, str, str], evidence=None)
_ACTUATOR = _model(ActuatorMemory, desired=Annotated[list[Any] | None, AfterValidator(_wish)], failures=_Count)
_PLAN = _model(PlanMemory)
_READING = _model(StoredReading, flag=_Flag, tests=Annotated[_Count, AfterValidator(_tests)])
_DELIVERY = _model(Delivery, packet=Annotated[int, Field(ge=0, le=MOST_DELIVERIES)])
_SEEN = TypeAdapter(tuple[tuple[_At, int] | None, ...])
