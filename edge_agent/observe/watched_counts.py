"""Counters that other parts keep themselves, read at each scrape."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry

CountSource: TypeAlias = Callable[[], int]

_OF_STORE = {
    "store_renewals": "Damaged files of the embedded store that were set aside for a fresh one.",
    "spool_dropped_rows": "Rows given up before they reached the utility's own store, for want of room or time.",
    "spool_refused_rows": "Rows that the utility's own store refused for good.",
    "store_refused_rows": "Rows that the embedded store would not take, and that were set aside.",
    "store_dropped_dead_letters": "Dead letters that the embedded store gave up for want of room.",
    "store_unreadable_rows": "Rows of the embedded store that made no sense when they were read, and were set aside.",
    "unstored_commands": "Fail-safe commands that went out before the embedded store could take them.",
}
_OF_BROKER = {
    "sessions_lost": "Sessions that the broker had forgotten when the agent came back.",
    "unpublished_dead_letters": "Dead letters that were stored, but not published for want of room.",
    "oversized_publishes": "Messages of the agent that were too large for the broker.",
}

_OF_LOG = {"log_lines_lost": "Lines of the log that were lost because nobody read what was written."}
_ALL = _OF_STORE | _OF_BROKER | _OF_LOG


class WatchedCounts(Collector):
    """Counters of the store and of the broker's connection; 0 until somebody says where they come from."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sources: dict[str, CountSource] = dict.fromkeys(_ALL, int)
        registry.register(self)

    def watch_store(
        self,
        *,
        renewals: CountSource,
        dropped_rows: CountSource,
        refused_rows: CountSource,
        unwritable_rows: CountSource,
        dropped_letters: CountSource,
        unreadable_rows: CountSource,
        unstored_commands: CountSource,
    ) -> None:
        """Name the sources: damaged files set aside, rows given up, refused by PostgreSQL, by the embedded store.

        Then dead letters that it gave up, and rows that it could not read back; the last one counts the commands that
        went out unstored.
        """
        sources = (
            renewals,
            dropped_rows,
            refused_rows,
            unwritable_rows,
            dropped_letters,
            unreadable_rows,
            unstored_commands,
        )
        self._sources |= dict(zip(_OF_STORE, sources, strict=True))

    def watch_broker(self, *, sessions_lost: CountSource, unpublished: CountSource, oversized: CountSource) -> None:
        """Name the sources: sessions that the broker forgot, dead letters not published, messages too large for it."""
        self._sources |= dict(zip(_OF_BROKER, (sessions_lost, unpublished, oversized), strict=True))

    def watch_log(self, lost: CountSource) -> None:
        """Name the source: lines of the log that were lost."""
        self._sources["log_lines_lost"] = lost

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Read the sources."""
        for name, meaning in _ALL.items():
            yield CounterMetricFamily(f"edge_agent_{name}", meaning, value=self._sources[name]())
