"""What watches a wired agent: its metrics, its health, and the server of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from edge_agent.container.plantwatch import PlantWatch
from edge_agent.observe.accounted import plans_pieces, why_json
from edge_agent.observe.http import ObservationServer
from edge_agent.observe.snapshot import status_pieces
from edge_agent.runtime.clock import UNSURE

if TYPE_CHECKING:
    from edge_agent.container.brokerside import BrokerSide
    from edge_agent.container.retuned import Retuned
    from edge_agent.container.stores import Stores
    from edge_agent.observe.metrics import Metrics
    from edge_agent.runtime.agent import Agent, Parts
    from edge_agent.settings.sections import HttpSection


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Shows an agent, what it was made of, and what stands behind it."""

    agent: Agent
    parts: Parts
    broker: BrokerSide
    stores: Stores
    source: Retuned

    def measure(self, metrics: Metrics) -> None:
        """Connect the metrics to what they do not hear of by turns."""
        agent, store, session = self.agent, self.stores.embedded, self.broker.session
        metrics.watch(plant=self._plant(), backlog=lambda: agent.backlog, broker_connected=lambda: session.connected)
        metrics.watch_store(
            failing=lambda: agent.store_failing,
            spooled_rows=lambda: store.spooled_rows,
            renewals=lambda: store.renewals,
            dropped_rows=lambda: store.spool_dropped_rows,
            refused_rows=lambda: store.spool_refused_rows,
            unwritable_rows=lambda: store.unwritable_rows,
            log_bytes=lambda: store.log_bytes,
            dropped_letters=lambda: store.dropped_dead_letters,
            unreadable_rows=lambda: store.unreadable_rows,
            unstored_commands=lambda: agent.unstored_commands,
        )
        metrics.watch_broker(
            sessions_lost=lambda: session.sessions_lost,
            unpublished=lambda: agent.unpublished_dead_letters,
            oversized=lambda: session.publishing.set_aside,
        )
        shared = self.stores.policy.shared
        if shared is not None:
            metrics.watch_cache(shared.reads, shared.writes)

    def server(self, http: HttpSection, metrics: Metrics) -> ObservationServer:
        """Make the server of metrics, health and status, not yet entered."""
        return ObservationServer(
            http.host,
            http.port,
            metrics=metrics.pieces,
            ready=self.agent.ready,
            dispensable=self.stores.troubles,
            live=self.agent.live,
            status=partial(status_pieces, self._plant()),
            plans=partial(plans_pieces, self._plant()),
            why=partial(why_json, self._plant()),
            notes=self.notes,
        )

    def notes(self) -> dict[str, str]:
        """Return what the health says besides, by part."""
        succession, publishing, drain = self.broker.succession, self.broker.session.publishing, self.parts.drain
        found = self.source.notes() | self.parts.policy.notes() | self.stores.notes()
        if succession.twin or succession.rival:
            found["epoch"] = succession.twin or succession.rival
        if drain is not None and drain.error is not None:
            found["spool"] = f"what is recorded waits in the spool: {drain.error}"
        if publishing.excess:
            found["broker"] = f"{publishing.set_aside} messages were too large: {publishing.excess}"
        if not self.parts.clock.now().sure:
            found["clock"] = UNSURE
        return found

    def _plant(self) -> PlantWatch:
        return PlantWatch(self.parts.knowledge, self.parts.clock)
