"""Every metric of the agent. One update a turn, one look at the snapshot a scrape, nothing per message."""

from __future__ import annotations

from collections import Counter as Tally
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from edge_agent.model.alarms import AlarmEventKind
from edge_agent.model.commands import OPEN_STATES, CommandState
from edge_agent.model.plant import BUILT_IN_ALARMS, CLASSIC_NAMES
from edge_agent.model.quality import Flag, flag_name
from edge_agent.model.readings import REASONS
from edge_agent.observe.cache_counts import CacheCollector
from edge_agent.observe.exposition import PlantExposition
from edge_agent.observe.watched_counts import WatchedCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from edge_agent.model.turn import Turn
    from edge_agent.observe.watched_counts import CountSource
    from edge_agent.ports.observing import PlantViews, Stage

STAGES: tuple[Stage, ...] = ("monitor", "analyze", "plan", "execute", "store")

_KINDS = ("telemetry", "status", "ack", "state")
#: A reading that is there is not missing: that is a state of its sensor.
_FLAGS = tuple(flag_name(flag) for flag in Flag if flag is not Flag.MISSING)
#: What happens to alarms today; nobody can acknowledge or shelve one yet.
_ALARM_EVENTS = (AlarmEventKind.RAISED, AlarmEventKind.CLEARED, AlarmEventKind.CHATTERING)
_OUTCOMES = tuple(state.value for state in CommandState if state not in OPEN_STATES)
#: The names of alarms that are known without a plant file.
ALARM_NAMES = (*CLASSIC_NAMES, *BUILT_IN_ALARMS)
_STAGE_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_REACTION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Children(dict[tuple[str, ...], Counter]):
    """The children of a labelled counter, each looked up once. Known ones start at 0, so that rates see their first."""

    def __init__(self, counter: Counter, known: Iterable[tuple[str, ...]] = ()) -> None:
        super().__init__()
        self._counter = counter
        for labels in known:
            self[labels]

    def __missing__(self, labels: tuple[str, ...]) -> Counter:
        child = self[labels] = self._counter.labels(*labels)
        return child

    def add(self, counts: Mapping[tuple[str, ...], int]) -> None:
        """Add what was counted, by label values."""
        for labels, count in counts.items():
            self[labels].inc(count)


class Metrics:
    """The metrics of one agent, in a registry of its own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None, *, version: str = "unknown") -> None:
        # A second series for every counter and histogram, of no use to a scrape. It is a switch of the whole process.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves this one untyped
        self.registry = registry or CollectorRegistry()
        self._plant = PlantExposition()
        self._source: PlantViews | None = None
        self._make_counters()
        self._make_timings()
        self._make_gauges()
        Info("edge_agent_build", "The version that runs.", registry=self.registry).info({"version": version})
        ProcessCollector(registry=self.registry)

    def _make_counters(self) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"edge_agent_{name}", meaning, labels, registry=self.registry)

        messages = counter("messages", "Messages from nodes.", "kind")
        self._messages = _Children(messages, ((kind,) for kind in _KINDS))
        readings = counter("readings", "Readings, counted once, when their flag is settled.", "flag")
        self._readings = _Children(readings, ((flag,) for flag in _FLAGS))
        dead_letters = counter("dead_letters", "Messages or elements that were rejected.", "reason")
        self._dead_letters = _Children(dead_letters, ((reason,) for reason in REASONS))
        self._duplicates = counter("duplicates", "Readings or messages that had come before.")
        self._gaps = counter("gaps", "Messages missing by their sequence number.")
        events = counter("alarm_events", "What happened to alarms.", "threshold", "event")
        self._alarm_events = _Children(events)
        for name in ALARM_NAMES:
            self._alarms_of(name)
        commands = counter("commands", "Commands that came to an end.", "outcome")
        self._commands = _Children(commands, ((outcome,) for outcome in _OUTCOMES))

    def _alarms_of(self, name: str) -> None:
        """Begin the counts of alarms with a name at 0, where they have not begun."""
        for event in _ALARM_EVENTS:
            self._alarm_events[name, event]

    def _make_timings(self) -> None:
        stages = Histogram(
            "edge_agent_stage_seconds",
            "Time one turn took in a stage.",
            ["stage"],
            buckets=_STAGE_BUCKETS,
            registry=self.registry,
        )
        self._stages: dict[Stage, Histogram] = {stage: stages.labels(stage) for stage in STAGES}
        self._reaction = Histogram(
            "edge_agent_reaction_seconds",
            "Time from receipt of the deciding message to publication of the command.",
            buckets=_REACTION_BUCKETS,
            registry=self.registry,
        )

    def _make_gauges(self) -> None:
        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(f"edge_agent_{name}", meaning, registry=self.registry)

        self._backlog = gauge("backlog", "Messages that wait for a turn.")
        self._broker_connected = gauge("broker_connected", "1 while the agent is connected to the broker, else 0.")
        self._store_failing = gauge("store_failing", "1 while the embedded store cannot be written, else 0.")
        self._spooled_rows = gauge("spooled_rows", "Rows that wait for the utility's own store.")
        self._log_bytes = gauge("store_log_bytes", "Size of the log beside the embedded store's file.")
        self._watched = WatchedCounts(self.registry)
        self._cache = CacheCollector(self.registry)

    def watch(
        self,
        *,
        plant: PlantViews,
        backlog: Callable[[], int],
        broker_connected: Callable[[], bool],
    ) -> None:
        """Name what a scrape reads. Until then the plant's metrics are absent and these gauges 0."""
        self._source = plant
        self._backlog.set_function(backlog)
        self._broker_connected.set_function(broker_connected)

    def watch_store(
        self,
        *,
        failing: Callable[[], bool],
        spooled_rows: Callable[[], int],
        log_bytes: Callable[[], int],
        **counts: CountSource,
    ) -> None:
        """Name what a scrape reads of the embedded store; `counts` as in WatchedCounts."""
        self._store_failing.set_function(failing)
        self._spooled_rows.set_function(spooled_rows)
        self._log_bytes.set_function(log_bytes)
        self._watched.watch_store(**counts)

    def watch_broker(self, **counts: CountSource) -> None:
        """Name what a scrape reads of the broker's connection; `counts` as in WatchedCounts."""
        self._watched.watch_broker(**counts)

    def watch_log(self, lost: CountSource) -> None:
        """Name what a scrape reads of the log: the lines that were lost."""
        self._watched.watch_log(lost)

    def watch_cache(self, reads: Mapping[str, int], writes: Mapping[str, int]) -> None:
        """Name what a scrape reads of the shared cache, by outcome."""
        self._cache.watch(reads, writes)

    def turn(self, turn: Turn) -> None:
        """Count one turn. To be called once, and before the next turn runs: that one may settle readings of this.

        A reading counts when its flag is settled: at once, or with the later turn that has it in `settled`.
        """
        # At a low rate a turn is a message or two: what is empty is not even looked through.
        counts = turn.counts
        for kind in _KINDS:
            count = getattr(counts, kind)
            if count:
                self._messages[kind,].inc(count)
        if counts.duplicates:
            self._duplicates.inc(counts.duplicates)
        self._count_readings(turn)
        if turn.dead_letters:
            self._dead_letters.add(Tally((letter.reason,) for letter in turn.dead_letters))
        if turn.alarm_events:
            for_people = (event for event in turn.alarm_events if event.annunciated)
            self._alarm_events.add(Tally((event.key.threshold, event.event) for event in for_people))
        if turn.command_events:
            self._commands.add(Tally((e.state.value,) for e in turn.command_events if e.state not in OPEN_STATES))

    def _count_readings(self, turn: Turn) -> None:
        flags: dict[int, int] = {}
        for reading in turn.readings:
            if reading.settled:
                flags[reading.flag] = flags.get(reading.flag, 0) + 1
        for reading in turn.settled:
            flags[reading.flag] = flags.get(reading.flag, 0) + 1
        for flag, count in flags.items():
            self._readings[flag_name(flag),].inc(count)

    def written(self, duplicates: int) -> None:
        """Count the duplicates that the store found in a write."""
        self._duplicates.inc(duplicates)

    def missed(self, messages: int) -> None:
        """Count messages that never came, once what came after them is stored."""
        self._gaps.inc(messages)

    def stage(self, name: Stage, seconds: float) -> None:
        """Record how long one turn took in a stage."""
        self._stages[name].observe(seconds)

    def reaction(self, seconds: float) -> None:
        """Record the time from receipt of the deciding message to publication of its command."""
        self._reaction.observe(seconds)

    def pieces(self) -> Iterator[bytes]:
        """Write all metrics as Prometheus text, format 0.0.4, in pieces that turns may run between."""
        if self._source is not None:
            for piece in self._plant.pieces(self._source):
                yield piece.encode()
            for name in self._plant.alarm_names:
                self._alarms_of(name)
        yield generate_latest(self.registry)

    def text(self) -> bytes:
        """Write all metrics at once."""
        return b"".join(self.pieces())
