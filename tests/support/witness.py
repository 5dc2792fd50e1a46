"""Virtual nodes that witness: what commands came to them over the real broker, and what they executed, and when."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from support.deadline import block_until
from support.manners import proper

from edge_agent.container.plant import BrokerBus
from edge_agent.model.time import Instant, Moment, parse_rfc3339
from edge_agent.mqtt.broker import LOOPBACK
from edge_agent.mqtt.connection import ConnectionSettings
from edge_agent.mqtt.topics import Topics
from edge_agent.runtime.clock import SystemClock
from edge_agent.simulate.faults import Fault, Faults
from edge_agent.simulate.live import run_live
from edge_agent.simulate.node import EquipmentState, VirtualNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.manners import Manner

    from edge_agent.model.plant import Plant
    from edge_agent.simulate.nodewire import Outgoing


class Seen(NamedTuple):
    """A command that came, or was executed: `at` and `expires_at` are instants (µs) of this machine's clock."""

    id: str
    at: Instant
    expires_at: Instant
    actuator: str
    action: str
    epoch: int = 0

    @property
    def late(self) -> bool:
        return self.at > self.expires_at


def without_time(message: Outgoing) -> Outgoing:
    """Take the time out of what a node says."""
    if not message.payload.startswith(b"{"):
        return message
    content = {name: value for name, value in json.loads(message.payload).items() if name != "ts"}
    return message._replace(payload=json.dumps(content).encode())


@dataclass
class _Bench:
    """Equipment that does what it is told and notes for which command; None is the node's own fail-safe."""

    executions: list[Seen]
    fallen: list[str] = field(default_factory=list)
    current: Seen | None = None
    states: dict[str, EquipmentState] = field(default_factory=dict)

    def act(self, actuator: str, action: str, value: float | None) -> None:
        if self.current is not None:
            self.executions.append(self.current)
        else:
            self.fallen.append(actuator)
        speed = (value or 0.0) if action == "set" else float(action in {"start", "open"})
        self.states[actuator] = EquipmentState("running" if speed else "stopped", speed)

    def state(self, actuator: str) -> EquipmentState | None:
        return self.states.get(actuator, EquipmentState("stopped", 0.0))


class Witnesses:
    """The nodes of a plant that have actuators, the project's reference nodes, connected to a broker in a thread.

    `deliveries` has every command that came, `executions` every one that was carried out, in order. Misbehaviour is
    told as `edge-agent simulate --fault` is: `misbehave("station:drop-acks")`, and ended by `behave()`. Nodes that are
    `clockless` know no time: they tell none, and take nothing for expired.
    """

    def __init__(self, port: int, plant: Plant, *, clockless: bool = False) -> None:
        self._clockless = clockless
        self.deliveries: list[Seen] = []
        self.executions: list[Seen] = []
        self.faults = Faults()
        #: What nodes make of a command; see support.manners.
        self.manner: Manner = proper
        self._benches = {node: _Bench(self.executions) for node, has in plant.nodes.items() if has.actuators}
        # Without sensors: what they measure is published by somebody else.
        self.nodes = {
            node: VirtualNode(plant.site, replace(plant.nodes[node], sensors={}), bench, self.faults)
            for node, bench in self._benches.items()
        }
        self._bus = BrokerBus(ConnectionSettings(LOOPBACK, port, "witness"), Topics("water", plant.site, "witness"))
        self._clock = SystemClock()
        self._loop = asyncio.new_event_loop()
        self._posted: list[Outgoing] = []
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="witnesses", daemon=True)
        self._thread.start()
        block_until(lambda: all(node.online for node in self.nodes.values()))

    @property
    def executed_twice(self) -> int:
        """How many commands were executed more than once."""
        return sum(times > 1 for times in Counter(seen.id for seen in self.executions).values())

    @property
    def executed_late(self) -> int:
        """How many executions came after the command's expiry."""
        return sum(seen.late for seen in self.executions)

    @property
    def fallen(self) -> list[str]:
        """The actuators (`node/actuator`) that went to their fail-safe by themselves: a lease ran out, or a reboot."""
        return [f"{node}/{name}" for node, bench in self._benches.items() for name in bench.fallen]

    def runs(self, actuator: str) -> bool:
        """Whether an actuator (`node/actuator`) runs, or is open."""
        node, _, name = actuator.partition("/")
        state = self._benches[node].state(name)
        return state is not None and state.state == "running"

    @property
    def delivered_twice(self) -> int:
        """How many commands came more than once, executed or not."""
        return sum(times > 1 for times in Counter(seen.id for seen in self.deliveries).values())

    @property
    def delivered_late(self) -> int:
        """How many commands came after their expiry, executed or not."""
        return sum(seen.late for seen in self.deliveries)

    def running(self, actuator: str) -> bool:
        """Whether an actuator is on, as its equipment knows it."""
        node, _, name = actuator.partition("/")
        state = self._benches[node].state(name)
        return state is not None and state.state == "running"

    def misbehave(self, fault: str) -> None:
        """Let nodes misbehave from now on: `TARGET:KIND[=AMOUNT]`."""
        self.faults.faults = [*self.faults.faults, Fault.parse(fault)]

    def behave(self) -> None:
        """End all misbehaviour."""
        self.faults.faults = []

    def reboot(self, node: str) -> None:
        """Take power from a node for a moment: fail-safe, leases and unsent acknowledgements forgotten."""
        self._call(lambda now: self._posted.extend(self.nodes[node].restart(now)))

    def close(self) -> None:
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(timeout=10)
        self._loop.close()

    # What `run_live` asks of a plant; in the thread.

    def step(self, now: Moment) -> list[Outgoing]:
        posted, self._posted = self._posted, []
        return self._tell(posted + [message for node in self.nodes.values() for message in self._tick(node, now)])

    def next_event(self) -> float:
        return min(node.next_event() for node in self.nodes.values())

    def announce(self, node: str, now: Moment) -> list[Outgoing]:
        return self._tell(self.nodes[node].announce(now))

    def deliver(self, node: str, actuator: str, payload: bytes, now: Moment) -> list[Outgoing]:
        name = f"{node}/{actuator}"
        seen = _seen(payload, name, now)
        if seen is None:  # no agent's: the node itself says what it makes of that
            return self.nodes[node].receive(actuator, payload, now)
        self.deliveries.append(seen)
        return self._tell(self.manner(self.nodes[node], seen, now, lambda: self._receive(node, seen, payload, now)))

    def _receive(self, node: str, seen: Seen, payload: bytes, now: Moment) -> list[Outgoing]:
        bench = self._benches[node]
        bench.current = seen
        now = now._replace(at=0) if self._clockless else now
        try:
            return self.nodes[node].receive(seen.actuator.partition("/")[2], payload, now)
        finally:
            bench.current = None

    def _tell(self, messages: list[Outgoing]) -> list[Outgoing]:
        return [without_time(message) for message in messages] if self._clockless else messages

    def _tick(self, node: VirtualNode, now: Moment) -> list[Outgoing]:
        return node.tick(now) if node.online else node.start(now)

    def _call(self, work: Callable[[Moment], object]) -> None:
        """Do something in the thread, where the nodes live; returns when it is done."""

        async def do() -> None:
            work(self._clock.now())

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(timeout=10)

    def _run(self) -> None:
        async def live() -> None:
            self._task = asyncio.current_task()
            await run_live(self, self._bus, _ShortTicks(self._clock), reconnect_seconds=0.1)  # type: ignore[arg-type]

        with suppress(asyncio.CancelledError, CancelledError):
            self._loop.run_until_complete(live())


def _seen(payload: bytes, actuator: str, now: Moment) -> Seen | None:
    try:
        command = json.loads(payload)
        expires_at = parse_rfc3339(command["expires_at"])
        return Seen(command["id"], now.at, expires_at, actuator, command["action"], command["epoch"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


class _ShortTicks:
    """A clock whose sleepers wake often: a reboot and a late acknowledgement shall not wait for a second."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock

    def now(self) -> Moment:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.05))
