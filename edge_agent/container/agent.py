"""The composition root: settings and a plant in, a wired agent out. Only in this room are adapters made and joined.

Every part can be replaced by keyword; tests and the demo do.
"""

from __future__ import annotations

import random
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.container.onlookers import Onlookers
from edge_agent.container.outlet import BrokerOutlet, connection_settings
from edge_agent.container.plantwatch import PlantWatch
from edge_agent.container.retuned import Retuned
from edge_agent.container.stores import open_stores
from edge_agent.container.takeover import Succession, highest_epoch, standing_alarms
from edge_agent.errors import RecordingError
from edge_agent.model.inbox import LinkReport, RefusalReport, RenewalReport
from edge_agent.mqtt import wire
from edge_agent.mqtt.connection import Will
from edge_agent.mqtt.session import Session
from edge_agent.mqtt.topics import Topics
from edge_agent.observe.http import ObservationServer
from edge_agent.observe.metrics import Metrics
from edge_agent.observe.snapshot import status_pieces
from edge_agent.runtime.agent import Agent, Parts
from edge_agent.runtime.clock import UNSURE, SystemClock
from edge_agent.runtime.drain import Drain
from edge_agent.runtime.inbox import BoundedInbox
from edge_agent.runtime.operationwatch import OperationWatch
from edge_agent.runtime.policywatch import PolicyWatch
from edge_agent.runtime.recorder import JsonRecorder
from edge_agent.turn import Knowledge
from edge_agent.version import installed_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from edge_agent.container.onlookers import TurnObserver
    from edge_agent.container.stores import Stores
    from edge_agent.model.plant import Plant
    from edge_agent.runtime.clock import Clock
    from edge_agent.runtime.ports import Sink
    from edge_agent.runtime.recorder import Lines
    from edge_agent.settings.agent import Settings


@dataclass(frozen=True, slots=True)
class Running:
    """A wired agent, and where it shows itself."""

    agent: Agent
    http_port: int
    session: Session


@asynccontextmanager
async def open_agent(
    settings: Settings,
    plant: Plant,
    *,
    clock: Clock | None = None,
    recording: Lines | None = None,
    observers: Iterable[TurnObserver] = (),
    sink: Sink | None = None,
    rewire: Callable[[Parts], Parts] | None = None,
    lost_lines: Callable[[], int] = int,
) -> AsyncIterator[Running]:
    """Wire an agent. Leaving the context closes the store and the health server; run it in between.

    With a `sink` everything that is stored is spooled for it as well, and drained to it whenever it can be reached.
    `rewire` is given what the agent would be made of, the epoch raised, and tells what it is made of; `lost_lines` how
    many lines of the log are lost.
    Raises StoreError and EdgeAgentError where the store cannot be had.
    """
    clock = clock or SystemClock()
    mode, mqtt = settings.control.mode, settings.mqtt
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings, plant, sink))
        store, plant = stores.embedded, stores.plant
        store.govern(plant)
        topics = Topics(mqtt.topic_prefix, plant.site, settings.agent.id)
        connection = connection_settings(settings, f"edge-agent-{plant.site}-{settings.agent.id}")
        remembered = await store.begin(settings.agent.id, await highest_epoch(connection, topics))
        knowledge = Knowledge(
            plant,
            plant.policy,
            remembered,
            clock.now(),
            agent=settings.agent.id,
            mode=mode,
            future_tolerance_seconds=settings.quality.future_tolerance_seconds,
        )
        inbox = BoundedInbox(2 * mqtt.receive_maximum, clock.steady)
        inbox.report(LinkReport(connected=False))  # nothing is commanded before the epoch is known to be its own
        if store.renewal is not None:
            inbox.report(RenewalReport(store.renewal))
        metrics = Metrics(version=installed_version())
        source = Retuned(stores.source)
        agent: Agent | None = None
        succession = Succession(
            connection,
            topics,
            epoch=lambda: knowledge.executor.epoch,
            report=inbox.report,
            chance=random.random,
            renew=lambda: session.renew(),  # noqa: PLW0108 - it is made below
        )

        def will() -> Will:
            epoch = knowledge.executor.epoch
            return Will(topics.agent_status(), wire.agent_status("offline", mode, installed_version(), epoch))

        async def announce(_session_present: bool) -> None:  # noqa: FBT001  # the session's signature
            if agent is not None and await succession.before_announcing():
                await agent.announce(succession.settle, succession.after_announcing)

        def lose() -> None:
            if agent is not None:
                agent.lost()

        session = Session(
            connection,
            subscriptions=topics.subscriptions(),
            will=will,
            on_messages=inbox.extend,
            parse=topics.parse,
            on_connected=announce,
            on_lost=lose,
            expects_session=bool(remembered.readings or remembered.sequences),  # it has received before
            stay_away=succession.stays_away,
        )

        async def observe() -> None:
            await server.serve()

        recorder = None
        if recording is not None:
            recorder = JsonRecorder(recording, knowledge, mqtt.topic_prefix)
            stack.callback(_end, recorder)
        parts = Parts(
            knowledge,
            inbox,
            session,
            session,
            BrokerOutlet(session, topics, mode, lambda: knowledge.executor.epoch),
            store,
            PolicyWatch(
                source,
                plant,
                inbox.adopt,
                stores.changes,
                lambda why: inbox.report(RefusalReport(why)),
                equip=inbox.equip,
            ),
            clock,
            Onlookers(metrics, observers),
            settings.store.commit_interval_seconds,
            max(1, mqtt.receive_maximum // 2),
            recorder,
            None if stores.sink is None else Drain(store, stores.sink, clock, random.random),
            None if stores.postgres is None else stores.upkeep,
            OperationWatch(store, inbox.report),
            succession.refused,
            beside={"observation": observe},
            standing_alarms=partial(standing_alarms, connection, topics),
        )
        parts = parts if rewire is None else rewire(parts)
        agent = Agent(parts)
        watch = PlantWatch(parts.knowledge, clock)
        _watch(metrics, watch, agent, session, stores)
        metrics.watch_log(lost_lines)
        notes = partial(_notes, source, parts, stores, succession, session)
        server = await stack.enter_async_context(_observation(settings, agent, watch, metrics, notes, stores))
        yield Running(agent, server.port, session)


def _end(recorder: JsonRecorder) -> None:
    """Write what of a recording waits for more."""
    try:
        recorder.flush()
    except RecordingError as error:
        logger.bind(error=str(error)).error("The recording is not complete")


def _watch(metrics: Metrics, plant: PlantWatch, agent: Agent, session: Session, stores: Stores) -> None:
    """Let the metrics look at what they do not hear of by turns."""
    store = stores.embedded
    metrics.watch(plant=plant, backlog=lambda: agent.backlog, broker_connected=lambda: session.connected)
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
    if stores.cached is not None:
        metrics.watch_cache(stores.cached.counts.reads, stores.cached.counts.writes)


def _observation(
    settings: Settings,
    agent: Agent,
    watch: PlantWatch,
    metrics: Metrics,
    notes: Callable[[], dict[str, str]],
    stores: Stores,
) -> ObservationServer:
    """Make the server of metrics and health, not yet entered."""
    return ObservationServer(
        settings.http.host,
        settings.http.port,
        metrics=metrics.pieces,
        ready=agent.ready,
        dispensable=stores.troubles,
        live=agent.live,
        status=partial(status_pieces, watch),
        notes=notes,
    )


def _notes(source: Retuned, parts: Parts, stores: Stores, succession: Succession, session: Session) -> dict[str, str]:
    """Return what the health says besides, by part."""
    found = source.notes() | parts.policy.notes() | stores.notes()
    if succession.twin or succession.rival:
        found["epoch"] = succession.twin or succession.rival
    if parts.drain is not None and parts.drain.error is not None:
        found["spool"] = f"what is recorded waits in the spool: {parts.drain.error}"
    if session.publishing.excess:
        found["broker"] = f"{session.publishing.set_aside} messages were too large: {session.publishing.excess}"
    if not parts.clock.now().sure:
        found["clock"] = UNSURE
    return found
