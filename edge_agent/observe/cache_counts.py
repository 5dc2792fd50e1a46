"""What came of asking the shared cache, which its adapter counts itself; read at each scrape."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import CollectorRegistry

Outcomes: TypeAlias = "Mapping[str, int]"

_READS, _WRITES = ("hit", "miss", "refused", "error"), ("done", "error")
_MEANINGS = MappingProxyType(
    {
        "policy_cache_reads": "Readings of thresholds and plans from the cache that gateways share.",
        "policy_cache_writes": "Writings of thresholds and plans to it.",
    }
)


class CacheCollector(Collector):
    """Two counters by outcome; 0 until somebody says where they come from."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.watch(dict.fromkeys(_READS, 0), dict.fromkeys(_WRITES, 0))
        registry.register(self)

    def watch(self, reads: Outcomes, writes: Outcomes) -> None:
        """Name the sources: mappings from outcome to count, that grow."""
        self._sources = dict(zip(_MEANINGS, (reads, writes), strict=True))

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Read the sources."""
        for name, outcomes in self._sources.items():
            family = CounterMetricFamily(f"edge_agent_{name}", _MEANINGS[name], labels=["outcome"])
            for outcome, count in outcomes.items():
                family.add_metric([outcome], count)
            yield family
