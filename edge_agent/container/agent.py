"""The composition root: settings and a plant in, a wired agent out. Only in this room are adapters made and joined.

In order: the stores, the way to the broker, what the agent remembers and so knows, its inbox, its side of the broker;
of these its parts, of the parts the agent; last who watches it.
"""

from __future__ import annotations

import random
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.container.brokerside import BrokerSide
from edge_agent.container.observers import Observers
from edge_agent.container.outlet import broker_address
from edge_agent.container.retuned import Retuned
from edge_agent.container.stores import open_stores
from edge_agent.container.takeover import highest_epoch, standing_alarms
from edge_agent.container.watching import Watching
from edge_agent.errors import RecordingError
from edge_agent.knowledge.store.glance import FileGlance
from edge_agent.known import Knowledge
from edge_agent.model.inbox import LinkReport, PlantChange, PolicyChange, RefusalReport, RenewalReport
from edge_agent.observe.metrics import Metrics
from edge_agent.runtime.agent import Agent, Parts
from edge_agent.runtime.clock import SystemClock
from edge_agent.runtime.drain import Drain
from edge_agent.runtime.inbox import BoundedInbox
from edge_agent.runtime.operationwatch import OperationWatch
from edge_agent.runtime.policywatch import PolicyWatch
from edge_agent.runtime.recorder import JsonRecorder
from edge_agent.runtime.waiting import CommitRules
from edge_agent.version import installed_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from edge_agent.container.outlet import BrokerAddress
    from edge_agent.container.stores import Stores
    from edge_agent.model.plant import Plant
    from edge_agent.model.remembered import Remembered
    from edge_agent.mqtt.session import Session
    from edge_agent.ports.clock import Clock
    from edge_agent.ports.observing import Lines, Observer, Recorder, TurnObserver
    from edge_agent.settings.agent import Settings


@dataclass(frozen=True, slots=True)
class Running:
    """A wired agent, and where it shows itself."""

    agent: Agent
    http_port: int
    session: Session


@asynccontextmanager
async def open_agent(  # more than five parameters: each keyword replaces or adds one part, and may be left out
    settings: Settings,
    plant: Plant,
    *,
    clock: Clock | None = None,
    recording: Lines | None = None,
    observers: Iterable[TurnObserver] = (),
    rewire: Callable[[Parts], Parts] | None = None,
    lost_lines: Callable[[], int] = int,
) -> AsyncIterator[Running]:
    """Wire an agent. Leaving the context closes the store and the health server; run it in between.

    `rewire` is given what the agent would be made of, the epoch raised, and returns what it is made of; `lost_lines`
    returns how many lines of the log are lost. Raises StoreError and EdgeAgentError where the store cannot be had.
    """
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings, plant))
        assembly = await _assemble(settings, stores, clock or SystemClock())
        recorder = None
        if recording is not None:
            recorder = stack.enter_context(_recording(recording, assembly.knowledge, settings.mqtt.topic_prefix))
        metrics = Metrics(version=installed_version())
        metrics.watch_log(lost_lines)
        parts = assembly.parts(Observers(metrics, (*observers, assembly.broker.topics)), recorder)
        parts = parts if rewire is None else rewire(parts)
        agent = Agent(parts)
        assembly.broker.attach(agent)
        watching = Watching(agent=agent, parts=parts, broker=assembly.broker, stores=stores, source=assembly.source)
        watching.measure(metrics)
        server = await stack.enter_async_context(watching.server(settings.http, metrics))
        agent.run_beside("observation", server.serve)
        yield Running(agent, server.port, assembly.broker.session)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Assembly:
    """What an agent is joined of."""

    settings: Settings
    stores: Stores
    source: Retuned
    clock: Clock
    address: BrokerAddress
    knowledge: Knowledge
    inbox: BoundedInbox
    broker: BrokerSide

    def parts(self, observer: Observer, recorder: Recorder | None) -> Parts:
        """Return what the agent is made of, unless some of it is replaced."""
        stores, broker, mqtt = self.stores, self.broker, self.settings.mqtt
        return Parts(
            knowledge=self.knowledge,
            inbox=self.inbox,
            connection=broker.session,
            inlet=broker.session,
            outlet=broker.outlet,
            journal=stores.embedded,
            policy=self._policy_watch(),
            clock=self.clock,
            observer=observer,
            commit=CommitRules(
                self.settings.store.commit_interval_seconds, max(1, mqtt.receive_maximum // 2), mqtt.gather_seconds
            ),
            recorder=recorder,
            drain=self._drain(),
            upkeep=None if stores.utility is None else stores.upkeep,
            operations=OperationWatch(stores.embedded, self.inbox.report),
            refused=broker.succession.refused,
            standing_alarms=partial(standing_alarms, self.address),
            glance=FileGlance(self.settings.store.path),
        )

    def _drain(self) -> Drain | None:
        sink = self.stores.utility
        return None if sink is None else Drain(self.stores.embedded, sink, clock=self.clock, chance=random.random)

    def _policy_watch(self) -> PolicyWatch:
        report = self.inbox.report
        return PolicyWatch(
            self.source,
            self.stores.plant,
            lambda revision: report(PolicyChange(revision)),
            self.stores.changes,
            lambda why: report(RefusalReport(why)),
            equip=self._equip,
        )

    def _equip(self, plant: Plant) -> None:
        self.inbox.report(PlantChange(plant))
        self.broker.equip(plant)


async def _assemble(settings: Settings, stores: Stores, clock: Clock) -> _Assembly:
    """Begin the agent's epoch, and join what it is made of. Raises StoreError."""
    store, plant = stores.embedded, stores.plant
    store.govern(plant)
    address = broker_address(settings, plant.site)
    remembered = await store.begin(settings.agent.id, await highest_epoch(address))
    knowledge = _know(settings, plant, remembered, clock)
    inbox = BoundedInbox(2 * settings.mqtt.receive_maximum, clock.steady)
    inbox.report(LinkReport(connected=False))  # nothing is commanded before the epoch is known to be its own
    if store.renewal is not None:
        inbox.report(RenewalReport(store.renewal))
    has_received = bool(remembered.readings or remembered.sequences)
    return _Assembly(
        settings=settings,
        stores=stores,
        source=Retuned(stores.policy),
        clock=clock,
        address=address,
        knowledge=knowledge,
        inbox=inbox,
        broker=BrokerSide(address, knowledge, inbox, has_received=has_received),
    )


def _know(settings: Settings, plant: Plant, remembered: Remembered, clock: Clock) -> Knowledge:
    return Knowledge(
        plant,
        plant.policy,
        remembered,
        clock.now(),
        agent=settings.agent.id,
        mode=settings.control.mode,
        future_tolerance_seconds=settings.quality.future_tolerance_seconds,
    )


@contextmanager
def _recording(lines: Lines, knowledge: Knowledge, topic_prefix: str) -> Iterator[JsonRecorder]:
    """Make what records the turns; at the end write what waits for more."""
    recorder = JsonRecorder(lines, knowledge, topic_prefix)
    try:
        yield recorder
    finally:
        try:
            recorder.flush()
        except RecordingError as error:
            logger.bind(error=str(error)).error("The recording is not complete")
