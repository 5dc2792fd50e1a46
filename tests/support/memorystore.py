"""The store of tests and trials: dumb on purpose, the same promises as the embedded one, gone with the process."""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from edge_agent.errors import StoreError
from edge_agent.knowledge.archive import records
from edge_agent.knowledge.policy.differences import catalogue, differences
from edge_agent.knowledge.policy.digest import digest
from edge_agent.knowledge.store.rows import MOST_LATER, _command_row, _decision_row
from edge_agent.model.commands import OPEN_STATES, TRANSITIONS, CommandRecord
from edge_agent.model.plant import Policy
from edge_agent.model.quality import Flag
from edge_agent.model.readings import KEPT_DELIVERIES
from edge_agent.model.remembered import Remembered, StoredReading
from edge_agent.ports.policy import Change
from edge_agent.ports.stores import Written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from edge_agent.knowledge.statements import Row
    from edge_agent.model.alarms import Alarm, AlarmEvent, AlarmKey
    from edge_agent.model.commands import ActuatorMemory, CommandEvent, Decision
    from edge_agent.model.plant import Plant
    from edge_agent.model.readings import DeadLetter, Delivery, Reading
    from edge_agent.model.remembered import (
        ClockMemory,
        DelayMemory,
        GroupMemory,
        InterlockMemory,
        PlanMemory,
        SequenceMemory,
    )
    from edge_agent.model.time import Instant
    from edge_agent.model.turn import Turn

    Record = dict[str, Any]
    ReadingKey = tuple[str, str, str, Instant, int | None]

#: A reading from so much after its receipt is not remembered as the latest: it would stay so for ever.
_AHEAD_MICROSECONDS = 60_000_000


class MemoryStore:
    """Journal, policy and archive in dictionaries."""

    def __init__(self) -> None:
        self._epoch = 0
        self._readings: dict[ReadingKey, StoredReading] = {}
        self._dead_letters: dict[tuple[DeadLetter, int], None] = {}
        self._deliveries: deque[Delivery] = deque(maxlen=KEPT_DELIVERIES)
        self._alarm_events: dict[tuple[AlarmKey, str, Instant], AlarmEvent] = {}
        self._alarms: dict[AlarmKey, Alarm] = {}
        self._decisions: list[Decision] = []
        self._commands: dict[str, CommandRecord] = {}
        self._command_events: dict[tuple[str, str, Instant, int], CommandEvent] = {}
        self._actuators: dict[str, ActuatorMemory] = {}
        self._plans: dict[str, PlanMemory] = {}
        self._groups: dict[str, GroupMemory] = {}
        self._delays: dict[str, DelayMemory] = {}
        self._clocks: dict[str, ClockMemory] = {}
        self._interlocks: dict[str, InterlockMemory] = {}
        self._sequences: dict[tuple[str, str], SequenceMemory] = {}
        self._plants: dict[str, Plant] = {}
        self._notes: dict[str, str] = {}
        self._site: str | None = None
        self._applied: str | None = None
        self._version = 0
        self._mark: str | None = None

    async def begin(self, agent: str, above: int = 0) -> Remembered:
        """Raise the epoch of the site, and return everything remembered."""
        self._epoch = max(self._epoch, above) + 1
        return Remembered(
            epoch=self._epoch,
            commands=deepcopy(sorted(filter(_is_open, self._commands.values()), key=_turn_of_command)),
            alarms=sorted(self._alarms.values(), key=lambda alarm: (alarm.since, alarm.key)),
            actuators=deepcopy([memory for _, memory in sorted(self._actuators.items())]),
            plans=deepcopy([memory for _, memory in sorted(self._plans.items())]),
            groups=deepcopy([memory for _, memory in sorted(self._groups.items())]),
            delays=deepcopy([memory for _, memory in sorted(self._delays.items())]),
            clocks=deepcopy([memory for _, memory in sorted(self._clocks.items())]),
            interlocks=deepcopy([memory for _, memory in sorted(self._interlocks.items())]),
            readings=list(self._last_readings()),
            deliveries=self._latest_deliveries(),
            sequences=[memory for _, memory in sorted(self._sequences.items()) if memory.seen],
        )

    async def write(self, turns: Sequence[Turn]) -> Written:
        """Write turns, oldest first."""
        duplicates = sum(not self._add(reading) for turn in turns for reading in turn.readings)
        self._add_dead_letters(letter for turn in turns for letter in turn.dead_letters)
        for turn in turns:
            self._epoch = max(self._epoch, turn.epoch or 0)
            self._write(turn)
        return Written(duplicates)

    async def policy(self) -> Policy:
        """Read the thresholds and plans of the site applied last, each sorted by name."""
        if self._site is None:
            return Policy()
        policy = self._plants[self._site].policy
        thresholds = sorted(policy.thresholds, key=lambda threshold: threshold.alarm)
        plans = sorted(policy.plans, key=lambda plan: plan.id)
        provisions = sorted(policy.provisions, key=lambda provision: (provision.kind, provision.id))
        return Policy(tuple(thresholds), tuple(plans), tuple(provisions))

    async def plant(self) -> Plant:
        """Read the plant that was applied last, with the policy in force."""
        if self._site is None:
            raise StoreError("No plant was applied to the store.")
        return replace(self._plants[self._site], policy=await self.policy())

    async def version(self) -> object:
        """Read a count of the changes."""
        return self._version

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> list[Change]:
        """Say what the plant file says; return what changed, or would."""
        stored = self._plants.get(plant.site)
        changes = differences(catalogue(stored) if stored else {}, catalogue(plant))
        if self._site not in {None, plant.site}:
            changes.insert(0, Change("change", "site", plant.site, f"{self._site} -> {plant.site}"))
        if not dry_run:
            self._plants[plant.site], self._site, self._applied = plant, plant.site, digest(plant)
            self._version += bool(changes)
            self._mark = None
        return changes

    async def keep(self, plant: Plant, mark: str | None) -> None:
        """Apply a plant whose policy comes from elsewhere, with a mark of where; any other `apply` forgets the mark."""
        await self.apply(plant)
        self._mark = mark

    async def has_governed(self) -> bool:
        """Return whether an agent has ever taken control with this store."""
        return self._epoch > 0

    async def note(self, key: str, value: str) -> None:
        """Keep a text under a name."""
        self._notes[key] = value

    async def noted(self, key: str) -> str | None:
        """Read a text that was kept; None where there is none."""
        return self._notes.get(key)

    async def mark(self) -> str | None:
        """Read the mark kept with the policy; None where there is none."""
        return self._mark

    async def applied(self) -> str | None:
        """Read the digest of the plant file that was applied last."""
        return self._applied

    async def records(self, what: str, since: Instant | None = None, node: str | None = None) -> AsyncIterator[Record]:
        """Yield records of one kind from an instant on."""
        place = (
            node if what != "dead_letters" or node is None else f"/{self._site}/{node}/" if self._site else f"/{node}/"
        )
        for at, where, row in sorted(getattr(self, f"_{what}_rows")(), key=itemgetter(0)):
            inside = place is None or (place in f"/{where}/" if what == "dead_letters" else place == where)
            if inside and (since is None or at >= since):
                for record in records.sensible(what, [row]):
                    yield record

    def _readings_rows(self) -> Iterator[tuple[Instant, str, Row]]:
        for (_, _, unit, _, _), r in self._readings.items():
            judged = (r.value, unit, r.flag, r.tests)
            yield r.observed_at, r.node, (r.node, r.sensor, *judged, r.observed_at, r.received_at, r.seq)

    def _alarms_rows(self) -> Iterator[tuple[Instant, str, Row]]:
        for event in self._alarm_events.values():
            yield event.at, event.key.node, (*event[0], *event[1:])

    def _commands_rows(self) -> Iterator[tuple[Instant, str, Row]]:
        for record in self._commands.values():
            yield record.command.issued_at, record.command.node, _command_record_row(record)

    def _dead_letters_rows(self) -> Iterator[tuple[Instant, str, Row]]:
        for letter, _ in self._dead_letters:
            yield letter.received_at, letter.topic, tuple(letter)

    async def explain(self, command_id: str) -> Record | None:
        """Read the chain of one command; None for an unknown id."""
        if command_id not in self._commands:
            return None
        row = _command_record_row(self._commands[command_id])
        decision = next((one for one in self._decisions if one.command_id == command_id), None)
        events = [event[1:] for event in self._command_events.values() if event.command_id == command_id]
        return records.explained(row, decision and _decision_as_read(decision), events)

    def _add(self, reading: Reading) -> bool:
        """Keep a reading unless it is there; one that was not yet judged takes the judgement.

        Where its key is another's, with another value, it is kept a little later.
        """
        node, sensor, unit, at, seq = _reading_key(reading)
        for later in range(MOST_LATER):
            key = (node, sensor, unit, at + later, seq)
            held = self._readings.get(key)
            if held is None:
                self._readings[key] = _stored(reading)._replace(observed_at=at + later)
                return True
            if held.value == reading.value:
                if held.flag == Flag.NOT_EVALUATED:
                    self._readings[key] = held._replace(flag=reading.flag, tests=reading.tests)
                return False
        return False

    def _judge(self, reading: Reading) -> None:
        key = _reading_key(reading)
        if key in self._readings:
            self._readings[key] = self._readings[key]._replace(flag=reading.flag, tests=reading.tests)

    def _add_dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        seen: dict[DeadLetter, int] = {}
        for letter in letters:
            seen[letter] = seen.get(letter, -1) + 1
            self._dead_letters[letter, seen[letter]] = None

    def _write(self, turn: Turn) -> None:
        for reading in turn.settled:
            self._judge(reading)
        self._deliveries.extend(turn.deliveries)
        for happened in turn.alarm_events:
            self._alarm_events.setdefault((happened.key, happened.event, happened.at), happened)
        for alarm in turn.alarms:
            self._alarms.pop(alarm.key, None)
            if not alarm.at_rest:
                self._alarms[alarm.key] = alarm
        self._decisions.extend(decision for decision in turn.decisions if decision not in self._decisions)
        for command in turn.commands:
            self._commands.setdefault(command.id, CommandRecord(command))
        for event in turn.command_events:
            self._command_events.setdefault((event.command_id, event.state, event.at, event.attempts), event)
            self._advance(event)
        self._actuators.update({memory.actuator: deepcopy(memory) for memory in turn.actuators})
        self._plans.update({memory.plan: deepcopy(memory) for memory in turn.plans})
        self._groups.update({memory.group: deepcopy(memory) for memory in turn.groups})
        self._delays.update({memory.alarm: deepcopy(memory) for memory in turn.delays})
        self._clocks.update({memory.node: deepcopy(memory) for memory in turn.clocks})
        self._interlocks.update({memory.interlock: deepcopy(memory) for memory in turn.interlocks})
        self._sequences.update({memory[:2]: memory for memory in turn.sequences})

    def _advance(self, event: CommandEvent) -> None:
        record = self._commands.get(event.command_id)
        if record is None or not record.open:
            return
        record.attempts = max(record.attempts, event.attempts)
        if event.state in TRANSITIONS[record.state]:
            record.state = event.state
            record.closed_at = None if event.state in OPEN_STATES else event.at

    def _latest_deliveries(self) -> list[Delivery]:
        latest: dict[int, Delivery] = {}
        for delivery in self._deliveries:
            latest.pop(delivery.packet, None)
            latest[delivery.packet] = delivery
        return list(latest.values())

    def _last_readings(self) -> Iterator[StoredReading]:
        units = {sensor.name: sensor.unit for sensor in self._plants[self._site].sensors} if self._site else {}
        series: dict[tuple[str, str, str], list[StoredReading]] = {}
        for (node, sensor, unit, _, _), reading in sorted(self._readings.items(), key=_age):
            ahead = reading.observed_at > reading.received_at + _AHEAD_MICROSECONDS
            if units.get(f"{node}/{sensor}", unit) == unit and not ahead:
                series.setdefault((node, sensor, unit), []).append(reading)
        for _, held in sorted(series.items(), key=itemgetter(0)):
            yield from held[-3:]


def _decision_as_read(decision: Decision) -> Row:
    *members, alarms, checks, _ = _decision_row(decision)
    return (*members, checks, alarms)


def _command_record_row(record: CommandRecord) -> Row:
    return (*_command_row(record.command), record.state, record.attempts, record.closed_at)


def _is_open(record: CommandRecord) -> bool:
    return record.open


def _turn_of_command(record: CommandRecord) -> tuple[int, int]:
    return (record.command.epoch, record.command.counter)


def _age(entry: tuple[ReadingKey, StoredReading]) -> tuple[Instant, int]:
    reading = entry[1]
    return (reading.observed_at, -1 if reading.seq is None else reading.seq)


def _reading_key(reading: Reading) -> ReadingKey:
    return (reading.sensor.node, reading.sensor.id, reading.sensor.unit, reading.observed_at, reading.seq)


def _stored(reading: Reading) -> StoredReading:
    where = (reading.sensor.node, reading.sensor.id, reading.value)
    return StoredReading(*where, reading.observed_at, reading.received_at, reading.seq, reading.flag, reading.tests)
