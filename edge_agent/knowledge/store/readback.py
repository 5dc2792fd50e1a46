"""Rows as what is remembered: each is validated, since people, other versions and dying cards write into stores too.

A member that is not known, is missing or makes no sense is a ValueError, and costs its row.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar

from loguru import logger
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from edge_agent.knowledge.models import STRICT, At, model_of, named
from edge_agent.knowledge.statements import statements
from edge_agent.model.alarms import Alarm, AlarmKey, Evidence
from edge_agent.model.commands import ActuatorMemory, Command, CommandRecord, CommandState
from edge_agent.model.plant import ACTIONS, ActuatorKind
from edge_agent.model.readings import MOST_DELIVERIES, Delivery
from edge_agent.model.remembered import (
    ClockMemory,
    DelayMemory,
    GroupMemory,
    InterlockMemory,
    PlanMemory,
    SequenceMemory,
    StoredReading,
)
from edge_agent.monitor.tests.registry import LAYOUT
from edge_agent.ports.stores import UnreadableRow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from edge_agent.knowledge.statements import Row

_T = TypeVar("_T")
_SQL = statements("store", "aside")

#: Rows that are kept for whoever looks into them.
KEPT_ASIDE = 1_000
_KEPT_LENGTH = 4_096
_REQUEST = 5
#: What rows that make no sense do to those who read them.
SENSELESS = (ValueError, TypeError, KeyError, IndexError, OverflowError)

# What JSON can count.
_Count: TypeAlias = Annotated[int, Field(ge=0, le=2**53)]
_Seconds: TypeAlias = Annotated[float, Field(ge=0)]
_Flag: TypeAlias = Literal[1, 2, 3, 4, 9]
_ACTIONS = frozenset(action for actions in ACTIONS.values() for action in actions)


class UnreadableRows:
    """Collects rows that make no sense, so that the others can be read."""

    def __init__(self) -> None:
        self.found: list[UnreadableRow] = []

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
        """Record a row."""
        self.found.append(UnreadableRow(source=source, key=key, row=as_text(row), reason=reason_of(error)))

    def tell(self) -> None:
        """Log that there were some."""
        if self.found:
            sources = sorted({one.source for one in self.found})
            first = self.found[0]
            log = logger.bind(rows=len(self.found), sources=sources, first=f"{first.key}: {first.reason}")
            log.error("Rows of the store make no sense; they are set aside")


def move_aside(db: sqlite3.Connection, unreadable: Sequence[UnreadableRow]) -> None:
    """Move rows out of their tables within a transaction, and keep them for whoever looks into them."""
    for one in unreadable:
        db.execute(_SQL[f"remove_{one.source}"], one.key)
    keep_aside(db, unreadable)


def keep_aside(db: sqlite3.Connection, unreadable: Sequence[UnreadableRow]) -> None:
    """Keep rows that are in no table any more, within a transaction."""
    if unreadable:
        db.executemany(_SQL["set_aside"], [(one.source, one.row, one.reason) for one in unreadable[-KEPT_ASIDE:]])
        db.execute(_SQL["forget_aside"], (KEPT_ASIDE,))


def as_text(row: object) -> str:
    """Write a row as JSON, for people; what is too long is cut."""
    return json.dumps(row, default=str)[:_KEPT_LENGTH]


def reason_of(error: Exception) -> str:
    """Return what is wrong, without the value: that is in the row."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
    return str(error) or type(error).__name__


def command_noun(row: Row) -> CommandRecord:
    """Read a command's row: its members, state, attempts, closed_at."""
    *members, state, attempts, closed_at = row
    command = _checked(_COMMAND, named(Command, members))
    fate = _Fate(state=state, attempts=attempts, closed_at=closed_at)
    return CommandRecord(Command(**command), fate.state, fate.attempts, fate.closed_at)


def alarm_noun(row: Row) -> Alarm:
    """Read an alarm's row, in the order of its table."""
    key, (priority, active, acknowledged, *members, evidence, annunciated) = AlarmKey(*row[:3]), row[3:]
    read = Evidence(**_read(_EVIDENCE, evidence)) if evidence else None
    states = _yes_or_no(active), _yes_or_no(acknowledged)
    given = named(Alarm, [key, priority, *states, *members, None, False, _yes_or_no(annunciated)])
    return Alarm(**_checked(_ALARM, given) | {"key": key, "evidence": read})


def actuator_noun(row: Row) -> ActuatorMemory:
    """Read what is remembered of an actuator: its name, and the body."""
    memory = ActuatorMemory(**_read(_ACTUATOR, row[1]))
    return _of_its_row(memory, memory.actuator, row[0])


def plan_noun(row: Row) -> PlanMemory:
    """Read what is remembered of a plan: its name, and the body."""
    memory = PlanMemory(**_read(_PLAN, row[1]))
    return _of_its_row(memory, memory.plan, row[0])


def group_noun(row: Row) -> GroupMemory:
    """Read what is remembered of a group: its name, and the body."""
    memory = GroupMemory(**_read(_GROUP, row[1]))
    return _of_its_row(memory, memory.group, row[0])


def delay_noun(row: Row) -> DelayMemory:
    """Read since when the delay of an alarm runs: its name, and the body."""
    memory = DelayMemory(**_read(_DELAY, row[1]))
    return _of_its_row(memory, memory.alarm, row[0])


def clock_noun(row: Row) -> ClockMemory:
    """Read the clock of a node: its name, and the body."""
    memory = ClockMemory(**_read(_CLOCK, row[1]))
    return _of_its_row(memory, memory.node, row[0])


def interlock_noun(row: Row) -> InterlockMemory:
    """Read what is remembered of the trip of an interlock: its name, and the body."""
    memory = InterlockMemory(**_read(_INTERLOCK, row[1]))
    return _of_its_row(memory, memory.interlock, row[0])


def sequence_noun(row: Row) -> SequenceMemory:
    """Read where the numbers of a topic stood: its name, and the body."""
    node, _, sensor = row[0].partition("/")
    return SequenceMemory(node, sensor, _SEEN.validate_json(row[1], strict=True))


def reading_noun(row: Row) -> StoredReading:
    """Read one of the latest readings."""
    _checked(_READING, named(StoredReading, row))
    return StoredReading(*row)


def delivery_noun(row: Row) -> Delivery:
    """Read a delivery's row."""
    _checked(_DELIVERY, named(Delivery, row))
    return Delivery(*row)


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


def _request(given: list[Any] | None) -> list[Any] | None:
    """Check a standing request: action, value, plan, priority, reason."""
    if given is not None:
        _Request(**dict(zip(_Request.model_fields, given, strict=True)))
    return given


def _equipment(given: list[Any] | None) -> list[Any] | None:
    """Check what it takes to stop an actuator: kind, fail_safe and four times."""
    if given is not None:
        _Equipment(**dict(zip(_Equipment.model_fields, given, strict=True)))
    return given


def _tests(given: int) -> int:
    LAYOUT.unpack(given)
    return given


class _Fate(BaseModel):
    model_config = STRICT

    state: Annotated[CommandState, Field(strict=False)]
    attempts: _Count
    closed_at: At | None


def _action(given: str) -> str:
    if given not in _ACTIONS:
        raise ValueError("no action")
    return given


_Action: TypeAlias = Annotated[str, AfterValidator(_action)]


class _Request(BaseModel):
    model_config = STRICT

    action: _Action
    value: float | None
    plan: str | None
    priority: int
    reason: str


class _Equipment(BaseModel):
    model_config = STRICT

    kind: ActuatorKind
    fail_safe: _Action
    min_on_seconds: _Seconds
    lease_seconds: _Seconds
    ack_timeout_seconds: _Seconds
    command_ttl_seconds: _Seconds


_COMMAND = model_of(Command, action=_Action, epoch=_Count, counter=_Count)
_EVIDENCE = model_of(Evidence)
_ALARM = model_of(Alarm, key=tuple[str, str, str], evidence=None)
_ACTUATOR = model_of(
    ActuatorMemory,
    desired=Annotated[list[Any] | None, AfterValidator(_request)],
    failures=_Count,
    equipment=Annotated[list[Any] | None, AfterValidator(_equipment)],
)
_PLAN = model_of(PlanMemory)
_GROUP = model_of(GroupMemory)
_DELAY = model_of(DelayMemory)
_CLOCK = model_of(ClockMemory)
_INTERLOCK = model_of(InterlockMemory)
_READING = model_of(StoredReading, flag=_Flag, tests=Annotated[_Count, AfterValidator(_tests)])
_DELIVERY = model_of(Delivery, packet=Annotated[int, Field(ge=0, le=MOST_DELIVERIES)])
_SEEN = TypeAdapter(tuple[tuple[At, int] | None, ...])
