"""Counts and keeps what the demo shows and sums up: an observer of the agent's turns, in bounded room."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_agent.demo.course import Course
from edge_agent.model.alarms import AlarmEventKind
from edge_agent.model.commands import OPEN_STATES, CommandState
from edge_agent.model.quality import flag_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.alarms import AlarmEvent
    from edge_agent.model.commands import Command, CommandEvent
    from edge_agent.model.readings import Reading
    from edge_agent.model.turn import Turn
    from edge_agent.ports.observing import Stage

#: How many alarm events and how many closed commands are kept to be shown.
KEPT = 100


@dataclass(slots=True)
class Trace:
    """A command and the last that is known of it."""

    command: Command
    state: CommandState = CommandState.DECIDED
    attempts: int = 0
    detail: str = ""

    @property
    def open(self) -> bool:
        """Whether its outcome is still unknown."""
        return self.state in OPEN_STATES


class Tally:
    """What happened since the start. Readings count once, with their settled flag."""

    def __init__(self, *, course_seconds: float = 60.0) -> None:
        self.readings: Counter[str] = Counter()  # by flag
        self.dead_letters: Counter[str] = Counter()  # by reason
        self.raised: Counter[str] = Counter()  # by threshold
        self.cleared: Counter[str] = Counter()  # by threshold
        self.outcomes: Counter[CommandState] = Counter()
        self.commands = 0
        self.duplicates = 0
        self.courses: dict[str, Course] = {}  # by sensor
        self.flags: dict[str, int] = {}  # the newest settled flag, by sensor
        self.alarm_events: deque[AlarmEvent] = deque(maxlen=KEPT)
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._course_seconds = course_seconds

    @property
    def open_commands(self) -> int:
        """How many commands have no outcome yet."""
        return sum(trace.open for trace in self._traces.values())

    def recent(self, count: int) -> list[Trace]:
        """Give the newest commands, newest first."""
        newest = reversed(self._traces.values())
        return [trace for trace, _ in zip(newest, range(count), strict=False)]

    def trace(self, command_id: str) -> Trace | None:
        """Find a command, as long as it is kept."""
        return self._traces.get(command_id)

    def turn(self, turn: Turn) -> None:
        """Count a turn. To be called once for each."""
        self._read(turn.readings, turn.settled)
        self.dead_letters.update(letter.reason for letter in turn.dead_letters)
        for event in turn.alarm_events:
            if event.annunciated:
                self._alarm(event)
        for command in turn.commands:
            self._traces[command.id] = Trace(command)
        self.commands += len(turn.commands)
        for step in turn.command_events:
            self._step(step)
        if len(self._traces) > KEPT:
            self._forget()

    def _read(self, fresh: Iterable[Reading], settled: Iterable[Reading]) -> None:
        for reading in fresh:
            name = reading.sensor.name
            if name not in self.courses:
                # No step without a reading: each has room for two.
                self.courses[name] = Course(max(self._course_seconds, 2 * reading.sensor.interval_seconds))
            self.courses[name].add(reading.observed_at, reading.value)
            if reading.settled:
                self._settle(reading)
        for reading in settled:
            self._settle(reading)

    def _settle(self, reading: Reading) -> None:
        self.readings[flag_name(reading.flag)] += 1
        self.flags[reading.sensor.name] = reading.flag

    def _alarm(self, event: AlarmEvent) -> None:
        self.alarm_events.append(event)
        if event.event is AlarmEventKind.RAISED:
            self.raised[event.key.threshold] += 1
        elif event.event is AlarmEventKind.CLEARED:
            self.cleared[event.key.threshold] += 1

    def _step(self, step: CommandEvent) -> None:
        if step.state not in OPEN_STATES:
            self.outcomes[step.state] += 1
        trace = self._traces.get(step.command_id)
        if trace is not None:
            trace.state, trace.attempts, trace.detail = step.state, step.attempts, step.detail

    def _forget(self) -> None:
        """Drop the oldest closed commands; open ones are few, and kept."""
        closed = [name for name, trace in self._traces.items() if not trace.open]
        for name in closed[: len(self._traces) - KEPT]:
            del self._traces[name]

    def stage(self, name: Stage, seconds: float) -> None:
        """Ignore it: only the metrics show it."""

    def reaction(self, seconds: float) -> None:
        """Ignore it: only the metrics show it."""

    def written(self, duplicates: int) -> None:
        """Count what the store had already."""
        self.duplicates += duplicates

    def missed(self, messages: int) -> None:
        """Ignore it: only the metrics show it."""
