"""Counters that the embedded store keeps itself, read at each scrape."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry

CountSource: TypeAlias = Callable[[], int]

_MEANINGS = {
    "store_renewals": "Damaged files of the embedded store that were set aside for a fresh one.",
    "spool_dropped_rows": "Rows given up before they reached the utility's own store, for want of room or time.",
    "spool_refused_rows": "Rows that the utility's own store refused for good.",
}


class StoreCounts(Collector):
    """Three counters; 0 until somebody says where they come from."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sources: dict[str, CountSource] = dict.fromkeys(_MEANINGS, int)
        registry.register(self)

    def watch(self, *, renewals: CountSource, dropped_rows: CountSource, refused_rows: CountSource) -> None:
        """Name the sources: damaged files set aside, rows given up, rows refused."""
        sources = (renewals, dropped_rows, refused_rows)
        self._sources = dict(zip(_MEANINGS, sources, strict=True))

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Read the sources."""
        for name, meaning in _MEANINGS.items():
            yield CounterMetricFamily(f"edge_agent_{name}", meaning, value=self._sources[name]())
