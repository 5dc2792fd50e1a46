"""Runs a plant on a clock and a message bus: one connection per node, so that each has its last will."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NoReturn, Protocol

from loguru import logger

from edge_agent.errors import BrokerUnavailableError
from edge_agent.ports.cancellation import heeding_cancellation
from edge_agent.simulate.outbox import SendQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from contextlib import AbstractAsyncContextManager

    from edge_agent.ports.clock import Clock
    from edge_agent.simulate.nodewire import Outgoing
    from edge_agent.simulate.plant import PlantSimulation

#: Longest time between two looks at the plant, in plant seconds.
TICK_SECONDS = 1.0
#: How long the broker may take to hear that a node leaves, in real seconds.
_GOODBYE_SECONDS = 1.0


class NodeLink(Protocol):
    """The connection of one node, once it is up and subscribed to the node's commands."""

    async def publish(self, message: Outgoing) -> None:
        """Publish at QoS 1 to the topic of `message.route`. Raises BrokerUnavailableError."""
        ...

    def commands(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield actuator and payload of every command. Raises BrokerUnavailableError when the connection is lost."""
        ...


class Bus(Protocol):
    """Where nodes connect."""

    def connect(self, node: str, will: Outgoing) -> AbstractAsyncContextManager[NodeLink]:
        """Connect as one node, with its last will. Entering raises BrokerUnavailableError."""
        ...


class _WentOffline(Exception):  # noqa: N818 - it is an event, not an error
    """A node has said that it leaves the broker."""


async def run_live(simulation: PlantSimulation, bus: Bus, clock: Clock, *, reconnect_seconds: float = 1.0) -> NoReturn:
    """Run until cancelled. A node whose connection is lost comes again after `reconnect_seconds` of real time.

    When it is cancelled every node says that it is offline. Raises (in a group) SimulationError where the network
    cannot be calculated.
    """
    await _Runner(simulation, bus, clock, reconnect_seconds).run()
    raise AssertionError("the plant stopped by itself")


class _Runner:
    def __init__(self, simulation: PlantSimulation, bus: Bus, clock: Clock, reconnect_seconds: float) -> None:
        self._simulation, self._bus, self._clock = simulation, bus, clock
        self._reconnect_seconds = reconnect_seconds
        self._outboxes: defaultdict[str, SendQueue] = defaultdict(SendQueue)
        self._cut_off: set[str] = set()  # nodes that miss the broker now

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._let_time_pass(), name="plant")
            for node in self._simulation.nodes:
                tasks.create_task(self._connect(node), name=f"node {node}")

    async def _let_time_pass(self) -> None:
        while True:
            now = self._clock.now()
            self._post(self._simulation.step(now))
            await self._clock.sleep(min(TICK_SECONDS, max(0.0, self._simulation.next_event() - now.seconds)))

    def _post(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            self._outboxes[message.route.node].put([message])

    async def _connect(self, node: str) -> None:
        """Keep a node connected, from its first word until it goes offline, and from its next word on again."""
        outbox, lost = self._outboxes[node], False
        will = self._simulation.nodes[node].will
        while True:
            if not lost:
                await outbox.first()
            with heeding_cancellation():
                try:
                    async with self._bus.connect(node, will) as link, _goodbye(link, will):
                        self._connected(node)
                        await self._serve(node, link, announce=lost)
                except* _WentOffline:
                    lost = False
                except* BrokerUnavailableError as group:
                    lost = True
                    self._missed(node, group)
            if lost:
                await asyncio.sleep(self._reconnect_seconds)

    def _missed(self, node: str, group: BaseExceptionGroup[BrokerUnavailableError]) -> None:
        """Log the first node that cannot reach the broker; the others miss the same one."""
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        level = "DEBUG" if self._cut_off else "WARNING"
        self._cut_off.add(node)
        logger.bind(node=node, error=str(error)).log(level, "A node has no broker; it tries again")

    def _connected(self, node: str) -> None:
        if node in self._cut_off:
            self._cut_off.remove(node)
            if not self._cut_off:
                logger.info("All nodes have their broker again")

    async def _serve(self, node: str, link: NodeLink, *, announce: bool) -> None:
        if announce:
            for message in self._simulation.announce(node, self._clock.now()):
                await link.publish(message)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(node, link), name=f"commands of {node}")
            # In the body of the group, and no task of it: before Python 3.13 a group that only waits for its tasks
            # leaves its own cancellation of this task behind, and `_keep_cancellation` would take it for a real one.
            await self._publish(node, link)

    async def _listen(self, node: str, link: NodeLink) -> None:
        async for actuator, payload in link.commands():
            self._post(self._simulation.deliver(node, actuator, payload, self._clock.now()))
        raise BrokerUnavailableError(f"The commands of {node} ended.")

    async def _publish(self, node: str, link: NodeLink) -> None:
        outbox, will = self._outboxes[node], self._simulation.nodes[node].will
        while True:
            message = await outbox.first()
            await link.publish(message)
            outbox.remove(message)
            if message == will:
                raise _WentOffline


@asynccontextmanager
async def _goodbye(link: NodeLink, will: Outgoing) -> AsyncIterator[None]:
    """Say offline when the plant is stopped: a connection that is closed in order leaves no last will."""
    try:
        yield
    except asyncio.CancelledError:
        with suppress(BrokerUnavailableError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await link.publish(will)
        raise
