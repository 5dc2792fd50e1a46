"""The plant and its policy as rows. People change thresholds and plans by hand: what is read back is validated."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, create_model

from edge_agent.dialects.soundness import refuse_unsound, refuse_unsound_wiring
from edge_agent.errors import PolicyRefusedError, StoreError
from edge_agent.knowledge.policy.differences import Entry
from edge_agent.knowledge.policy.digest import plain
from edge_agent.knowledge.policy.threshold_rows import checked, says, shared, threshold_noun
from edge_agent.model.alarms import AlarmKey
from edge_agent.model.plant import Actuator, Node, Plan, Plant, Policy, Provision, Sensor, Threshold
from edge_agent.model.quality import Quality
from edge_agent.model.sources import Derivation, ReadingSource, WordSource
from edge_agent.monitor.tests.registry import TESTS
from edge_agent.plan.kinds import registry as kinds
from edge_agent.plan.provisions import registry as provisions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from edge_agent.knowledge.policy.differences import Noun
    from edge_agent.knowledge.statements import Row
    from edge_agent.model.plant import Fallback
    from edge_agent.model.sources import Source
    from edge_agent.ports.policy import Change

_T = TypeVar("_T")

#: Rows that one statement writes: enough to be fast, few enough to be made between two turns.
BATCH = 1_000

_STATUS = TypeAdapter(tuple[WordSource, ...])
_SOURCE = TypeAdapter(ReadingSource)
_SENSOR = TypeAdapter(tuple[str, str, str, str, float])
_TEST_MEMBERS: dict[str, Any] = {test.name: (test | None, None) for test in TESTS}
_TESTS = TypeAdapter(create_model("_Tests", __config__=ConfigDict(extra="forbid"), **_TEST_MEMBERS))
_PLAN = TypeAdapter(Plan)
_PROVISION = TypeAdapter(Provision)
_DERIVED = TypeAdapter(Derivation)
#: Members that are stored as JSON, and those that SQLite stores as 0 and 1.
_JSON = frozenset({"quality", "parameters", "power_return_seconds", "when", "do", "unless", "without_evidence"})
#: Members that are stored as JSON where they are given.
_JSON_OR_NONE = frozenset({"source", "wiring", "derived", "expect"})
_YES_OR_NO = frozenset({"trip", "latch", "annunciated"})


def policy_noun(tables: Mapping[str, Iterable[Row]], before: Policy | None = None) -> Policy:
    """Read a policy by the names in POLICY_PLURALS, sorted by name. Raises StoreError where a row makes no sense.

    Where a row says what a threshold of `before` says, it is that one: a change of one among many costs little.
    """
    numbers: dict[float, float] = {}
    known = {} if before is None else {(each.node, each.sensor, each.name): each for each in before.thresholds}

    def read(row: Row) -> Threshold:
        same = known.get(row[:3])
        return same if same is not None and says(row, same) else threshold_noun(shared(row, numbers))

    return Policy(
        tuple(sorted(map(read, tables["thresholds"]), key=lambda threshold: threshold.alarm)),
        tuple(sorted(map(_plan, tables["plans"]), key=lambda plan: plan.id)),
        tuple(sorted(map(_provision, tables["provisions"]), key=lambda provision: (provision.kind, provision.id))),
    )


def plant_noun(site: str, tables: Mapping[str, Iterable[Row]]) -> Plant:
    """Read a whole plant by the names in PLURALS, sorted by name. Raises StoreError where a row makes no sense."""
    sensors: dict[str, dict[str, Sensor]] = {}
    for sensor in map(_sensor, sorted(tables["sensors"])):
        sensors.setdefault(sensor.node, {})[sensor.id] = sensor
    actuators: dict[str, dict[str, Actuator]] = {}
    for actuator in map(_actuator, sorted(tables["actuators"], key=lambda row: row[:2])):
        actuators.setdefault(actuator.node, {})[actuator.id] = actuator
    nodes = {}
    for node in map(_node, sorted(tables["nodes"])):
        nodes[node.id] = replace(node, sensors=sensors.get(node.id, {}), actuators=actuators.get(node.id, {}))
    return Plant(site, nodes, policy_noun(tables))


def stored_catalogue(tables: Mapping[str, Iterable[Row]]) -> dict[Entry, Noun | None]:
    """Read everything stored of a site, by the names in PLURALS; None where a row makes no sense."""
    return dict(_entries(tables))


def edits(changes: Iterable[Change], wanted: Mapping[Entry, Noun]) -> Iterator[tuple[str, list[Row]]]:
    """Return the statements that make the changes, in their order, by name, each with its rows; the site stands before.

    No two rows of a statement have the same key, and none gets more rows than BATCH.
    """
    for name, same in groupby(changes, _statement):
        while part := list(islice(same, BATCH)):
            yield name, [_edit(change, wanted) for change in part]


def _statement(change: Change) -> str:
    return f"{'remove' if change.action == 'remove' else 'put'}_{change.what}"


def _edit(change: Change, wanted: Mapping[Entry, Noun]) -> Row:
    entry = Entry(change.what, change.name)
    return _key(entry) if change.action == "remove" else _row(wanted[entry])


def _key(entry: Entry) -> Row:
    if entry.what == "threshold":
        return AlarmKey.parse(entry.name)
    return tuple(entry.name.split(" " if entry.what == "provision" else "/"))


def _entries(tables: Mapping[str, Iterable[Row]]) -> Iterator[tuple[Entry, Noun | None]]:
    for plural, (what, separators, read) in _KINDS.items():
        for row in tables[plural]:
            name = "".join(part + separator for part, separator in zip(row, separators, strict=False))
            yield Entry(what, name), _read_or_none(read, row)


def _read_or_none(read: Callable[[Row], Noun], row: Row) -> Noun | None:
    try:
        return read(row)
    except StoreError:
        return None


def _row(noun: Noun) -> Row:
    if isinstance(noun, Node):
        status = json.dumps([asdict(each) for each in noun.status]) if noun.status else None
        return (noun.id, noun.timestamps, status, noun.label)
    return tuple(_stored(name, getattr(noun, name)) for name in noun.__dataclass_fields__)


def _stored(name: str, value: Any) -> Any:  # noqa: ANN401 - a member of any noun
    if name == "without_evidence":
        value = _given(value)
    if name == "parameters" and isinstance(value, str):
        return value
    if name == "parameters":
        value = dict(value)
    if name in _JSON_OR_NONE:
        return None if value is None else json.dumps(asdict(value))
    return json.dumps(plain(value)) if name in _JSON else value


def _given(steps: Iterable[Fallback]) -> list[dict[str, Any]]:
    """Return the members of fallbacks that are given."""
    return [{name: value for name, value in plain(step).items() if value is not None} for step in steps]


def _node(row: Row) -> Node:
    node, timestamps, said, label = row
    status = () if said is None else checked("node", _STATUS, row, lambda: json.loads(said))
    _heard("node", row, status)
    return Node(id=node, timestamps=timestamps, status=status, label=label)


def _sensor(row: Row) -> Sensor:
    *given, quality, said, from_others, label = row
    members = checked("sensor", _SENSOR, row, lambda: given)
    tests = checked("sensor", _TESTS, row, lambda: json.loads(quality))
    source = None if said is None else checked("sensor", _SOURCE, row, lambda: json.loads(said))
    _heard("sensor", row, () if source is None else (source,))
    derived = None if from_others is None else checked("sensor", _DERIVED, row, lambda: json.loads(from_others))
    return Sensor(*members, Quality(test for _, test in tests if test is not None), source, derived, label)


def _reader(what: str, noun: type[_T]) -> Callable[[Row], _T]:
    """Make what reads rows of a table: a member after the other, in the order of the noun."""
    adapter, names = TypeAdapter(noun), tuple(noun.__dataclass_fields__)  # type: ignore[attr-defined]  # a dataclass

    def members(row: Row) -> dict[str, Any]:
        return {name: _as_member(name, value) for name, value in zip(names, row, strict=True)}

    return lambda row: checked(what, adapter, row, lambda: members(row))


def _plan(row: Row) -> Plan:
    names = tuple(Plan.__dataclass_fields__)

    def members() -> dict[str, Any]:
        *common, kind, parameters = row
        told = {name: _as_member(name, value) for name, value in zip(names, common, strict=False)}
        found = told | {"kind": kind, "parameters": kinds.canonical(kind, parameters)}
        kinds.kind_of(_PLAN.validate_python(found))
        return found

    return checked("plan", _PLAN, row, members)


def _provision(row: Row) -> Provision:
    def members() -> dict[str, Any]:
        kind, name, parameters = row
        found = {"kind": kind, "id": name, "parameters": provisions.canonical(kind, parameters)}
        provisions.provision_of(Provision(**found))
        return found

    return checked("provision", _PROVISION, row, members)


def _as_member(name: str, value: Any) -> Any:  # noqa: ANN401 - a column of any type
    if name in _JSON or (name in _JSON_OR_NONE and value is not None):
        return json.loads(value)
    return bool(value) if name in _YES_OR_NO else value


def _heard(what: str, row: Row, sources: Iterable[Source]) -> None:
    """Raise PolicyRefusedError where a source cannot be read by: it would be met in the middle of control."""
    try:
        for source in sources:
            refuse_unsound(source)
    except ValueError as error:
        raise PolicyRefusedError(f"The store holds a {what} that makes no sense: {row!r} ({error}).") from error


def _actuator(row: Row) -> Actuator:
    actuator = _read_actuator(row)
    if actuator.wiring is not None:
        try:
            refuse_unsound_wiring(actuator.wiring)
        except ValueError as error:
            raise PolicyRefusedError(f"The store holds an actuator that makes no sense: {row!r} ({error}).") from error
    return actuator


_read_actuator = _reader("actuator", Actuator)
#: Per table: the kind, what follows each part of its name, and how a row is read.
_KINDS: dict[str, tuple[str, tuple[str, ...], Callable[[Row], Noun]]] = {
    "nodes": ("node", ("",), _node),
    "sensors": ("sensor", ("/", ""), _sensor),
    "actuators": ("actuator", ("/", ""), _actuator),
    "thresholds": ("threshold", ("/", ":", ""), threshold_noun),
    "plans": ("plan", ("",), _plan),
    "provisions": ("provision", (" ", ""), _provision),
}
#: The tables of a plant, and those of its policy.
PLURALS = tuple(_KINDS)
POLICY_PLURALS = PLURALS[3:]
