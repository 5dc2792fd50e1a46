"""Turns as rows of a store. Pure: the connection is elsewhere, and the way back in readback."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_agent.model.commands import OPEN_STATES, ActuatorMemory, Command, CommandState
from edge_agent.model.quality import Flag
from edge_agent.model.time import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edge_agent.knowledge.statements import Row
    from edge_agent.model.alarms import Alarm, Evidence
    from edge_agent.model.commands import CommandEvent, Decision
    from edge_agent.model.plant import Sensor
    from edge_agent.model.readings import DeadLetter, Reading
    from edge_agent.model.remembered import (
        ClockMemory,
        DelayMemory,
        GroupMemory,
        InterlockMemory,
        PlanMemory,
        SequenceMemory,
    )
    from edge_agent.model.turn import Turn

#: Stands for the `seq` a node did not send: a key may hold no NULL.
NO_SEQ = -1
#: How much of the topic of a dead letter is kept, in characters.
KEPT_TOPIC = 1_024
#: So many microseconds later a reading is put at the most where its key is taken; beyond that it is a duplicate.
MOST_LATER = 64


class SeriesIds:
    """The small integers by which readings name their sensor and unit.

    New ones are given here, so that a batch is complete before it reaches the connection; they stay `unsaved` until a
    transaction with them has been committed.
    """

    def __init__(self, stored: Iterable[tuple[int, str, str, str]]) -> None:
        self._ids = {(node, sensor, unit): number for number, node, sensor, unit in stored}
        self._newest = max(self._ids.values(), default=0)
        self._unsaved: dict[int, Row] = {}
        self._of_sensor: dict[int, int] = {}  # by identity: 0.3 µs less a reading than by name
        self._sensors: list[Sensor] = []

    @property
    def unsaved(self) -> list[Row]:
        """Rows (id, node, sensor, unit) that no committed transaction held yet."""
        return list(self._unsaved.values())

    def of(self, sensor: Sensor) -> int:
        """Find the id of a sensor in its unit, or give one."""
        number = self._of_sensor.get(id(sensor))
        if number is None:
            key = (sensor.node, sensor.id, sensor.unit)
            number = self._ids.get(key) or self._new(key)
            # Kept with its number: an id is an object's only as long as the object is there.
            self._sensors.append(sensor)
            self._of_sensor[id(sensor)] = number
        return number

    def saved(self, rows: Iterable[Row]) -> None:
        """Record that these rows are durable."""
        for row in rows:
            self._unsaved.pop(row[0], None)

    def _new(self, key: tuple[str, str, str]) -> int:
        self._newest += 1
        self._ids[key] = self._newest
        self._unsaved[self._newest] = (self._newest, *key)
        return self._newest


@dataclass(slots=True)
class Batch:
    """The rows of some turns, by the statement that writes them, in the order in which they are written.

    A copy: what the loop does to a turn's objects afterwards is not in it. `readings` are (series, observed_at, seq,
    value, received_at, flag, tests), `settled` (flag, tests, series, observed_at, seq). `series` are (number, node,
    sensor, unit): those that are new, and of a batch from the spool all that it names.
    """

    series: list[Row] = field(default_factory=list)
    readings: list[Row] = field(default_factory=list)
    settled: list[Row] = field(default_factory=list)
    others: list[tuple[str, list[Row]]] = field(default_factory=list)
    command_events: list[CommandEvent] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Return how many rows it has, but for series."""
        others = sum(len(found) for _, found in self.others)
        return len(self.readings) + len(self.settled) + len(self.command_events) + others


def batch(turns: Sequence[Turn], ids: SeriesIds) -> Batch:
    """Turn turns into rows."""
    readings = _reading_rows(turns, ids)
    settled = _settled_rows(turns, ids)
    states = {(alarm.annunciated, alarm.key): alarm for turn in turns for alarm in turn.alarms}
    alarms, points = ([one for one in states.values() if one.annunciated is people] for people in (True, False))
    sequences = {memory[:2]: memory for turn in turns for memory in turn.sequences}
    epochs = [(turn.epoch,) for turn in turns if turn.epoch is not None]
    found: list[tuple[str, list[Row]]] = [
        ("carry_epoch", epochs),
        ("insert_dead_letter", dead_letter_rows(letter for turn in turns for letter in turn.dead_letters)),
        ("insert_delivery", [tuple(delivery) for turn in turns for delivery in turn.deliveries]),
        ("insert_alarm_event", [(*event[0], *event[1:]) for turn in turns for event in turn.alarm_events]),
        ("put_alarm", [_alarm_row(alarm) for alarm in alarms if not alarm.at_rest]),
        ("rest_alarm", [tuple(alarm.key) for alarm in alarms if alarm.at_rest]),
        ("put_switch_point", [_alarm_row(point) for point in points if not point.at_rest]),
        ("rest_switch_point", [tuple(point.key) for point in points if point.at_rest]),
        ("insert_decision", [_decision_row(decision) for turn in turns for decision in turn.decisions]),
        ("insert_command", [_command_row(command) for turn in turns for command in turn.commands]),
        ("put_memory", [row for turn in turns for row in _memory_rows(turn)]),
        ("put_sequence", [_sequence_row(memory) for memory in sequences.values() if memory.seen]),
        ("rest_sequence", [(_topic(memory),) for memory in sequences.values() if not memory.seen]),
    ]
    events = [event for turn in turns for event in turn.command_events]
    others = [(name, rows) for name, rows in found if rows]
    return Batch(series=ids.unsaved, readings=readings, settled=settled, others=others, command_events=events)


def advance_row(event: CommandEvent) -> dict[str, Any]:
    """Turn a command's event into what it does to the command."""
    closed_at = None if event.state in OPEN_STATES else event.at
    return {"id": event.command_id, "state": event.state, "attempts": event.attempts, "closed_at": closed_at}


def advance_rows(events: Iterable[CommandEvent]) -> list[Row]:
    """Join events into one row a command, which does what they do one after the other: id, state, attempts, closed_at.

    For stores that can change a row only once in a statement.
    """
    joined: dict[str, CommandEvent] = {}
    for event in events:
        before = joined.get(event.command_id)
        joined[event.command_id] = event if before is None else _joined(before, event)
    return [tuple(advance_row(event).values()) for event in joined.values()]


def _joined(before: CommandEvent, event: CommandEvent) -> CommandEvent:
    """Join two events of one command: an outcome stands, and what was accepted does not go back."""
    if before.state not in OPEN_STATES:
        return before
    back = before.state is CommandState.ACCEPTED and event.state in OPEN_STATES
    return event._replace(state=before.state if back else event.state, attempts=max(before.attempts, event.attempts))


def judgements(readings: Iterable[Row]) -> list[Row]:
    """Return what the judged ones of the readings say of their repetitions, as rows of `settled`."""
    return [(*row[5:7], *row[:3]) for row in readings if row[5] != Flag.NOT_EVALUATED]


def settled_within(readings: list[Row], settled: list[Row]) -> tuple[list[Row], list[Row]]:
    """Return readings with the flags that the same batch settles later, and return the settled rows that are left."""
    if not readings or not settled:
        return readings, settled
    flags = {row[2:]: row[:2] for row in settled}
    judged = [(*row[:5], *flags[row[:3]]) if row[:3] in flags else row for row in readings]
    here = {row[:3] for row in readings}
    return judged, [row for row in settled if row[2:] not in here]


def _topic(memory: SequenceMemory) -> str:
    return f"{memory.node}/{memory.sensor}" if memory.sensor else memory.node


def _sequence_row(memory: SequenceMemory) -> Row:
    return (_topic(memory), json.dumps(memory.seen, separators=(",", ":")))


def _reading_rows(turns: Sequence[Turn], ids: SeriesIds) -> list[Row]:
    of = ids.of
    return [
        (of(r.sensor), r.observed_at, NO_SEQ if r.seq is None else r.seq, r.value, r.received_at, r.flag, r.tests)
        for turn in turns
        for r in turn.readings
    ]


def _settled_rows(turns: Sequence[Turn], ids: SeriesIds) -> list[Row]:
    """Rows of readings written earlier; one that is written in the same batch has its new flag already."""
    settled: list[Reading] = [reading for turn in turns for reading in turn.settled]
    fresh = {id(reading) for turn in turns for reading in turn.readings} if settled else set()
    return [
        (r.flag, r.tests, ids.of(r.sensor), r.observed_at, NO_SEQ if r.seq is None else r.seq)
        for r in settled
        if id(r) not in fresh
    ]


def dead_letter_rows(letters: Iterable[DeadLetter]) -> list[Row]:
    """Make rows whose key tells equal letters of one instant apart, and is the same when the write is repeated."""
    seen: Counter[DeadLetter] = Counter()
    rows: list[Row] = []
    for letter in letters:
        content = b"\0".join((letter.reason.encode(), letter.topic.encode("utf-8", "surrogatepass"), letter.payload))
        digest = blake2b(content, digest_size=8).digest()
        row = (letter.received_at, letter.reason, letter.topic[:KEPT_TOPIC], letter.payload, digest, seen[letter])
        rows.append(row)
        seen[letter] += 1
    return rows


def _alarm_row(alarm: Alarm) -> Row:
    evidence = _json(alarm.evidence) if alarm.evidence else None
    head = (*alarm.key, alarm.priority, alarm.active, alarm.acknowledged, alarm.since, alarm.reason)
    return (*head, alarm.value, alarm.limit, alarm.unit, alarm.shelved_until, evidence)


def _decision_row(decision: Decision) -> Row:
    alarms = json.dumps([_alarm_record(alarm) for alarm in decision.alarms])
    checks = json.dumps([check._asdict() for check in decision.checks])
    head = (decision.at, decision.actuator, decision.action, decision.value, decision.plan, decision.verdict)
    return (*head, decision.reason, alarms, checks, decision.command_id)


def _alarm_record(alarm: Alarm) -> dict[str, Any]:
    """Return the state of an alarm with the reading that decided it, as a decision keeps it."""
    return alarm.facts() | {"evidence": _evidence_record(alarm.evidence) if alarm.evidence else None}


def _evidence_record(evidence: Evidence) -> dict[str, Any]:
    members = {each.name: getattr(evidence, each.name) for each in fields(evidence)}
    times = {"observed_at": rfc3339(evidence.observed_at), "received_at": rfc3339(evidence.received_at)}
    return members | {"tests": dict(evidence.tests)} | times


def _command_row(command: Command) -> Row:
    target = (command.id, command.site, command.node, command.actuator, command.action, command.value)
    life = (command.issued_at, command.expires_at, command.lease_seconds, command.epoch, command.counter)
    return (*target, *life, command.plan, command.reason)


def _memory_rows(turn: Turn) -> Iterator[Row]:
    yield from (("actuator", memory.actuator, _json(memory)) for memory in turn.actuators)
    yield from (("plan", memory.plan, _json(memory)) for memory in turn.plans)
    yield from (("group", memory.group, _json(memory)) for memory in turn.groups)
    yield from (("delay", memory.alarm, _json(memory)) for memory in turn.delays)
    yield from (("clock", memory.node, _json(memory)) for memory in turn.clocks)
    yield from (("interlock", memory.interlock, _json(memory)) for memory in turn.interlocks)


_Noun: TypeAlias = "Evidence | ActuatorMemory | PlanMemory | GroupMemory | DelayMemory | ClockMemory | InterlockMemory"


def _json(noun: _Noun) -> str:
    """Write a noun of plain values; `asdict` would copy them deeply first, 30 µs for each."""
    return json.dumps({each.name: getattr(noun, each.name) for each in fields(noun)})
