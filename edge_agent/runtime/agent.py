"""The running agent: its tasks, their order of coming and going."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Protocol

from loguru import logger

from edge_agent.errors import BrokerUnavailableError, PublishRefusedError
from edge_agent.model.inbox import LinkReport
from edge_agent.runtime.commit import GroupCommit
from edge_agent.runtime.delivery import Delivery
from edge_agent.runtime.formeralarms import FormerAlarms
from edge_agent.runtime.loop import Loop
from edge_agent.runtime.outbox import Outbox
from edge_agent.runtime.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping

    from edge_agent.model.alarms import AlarmKey
    from edge_agent.model.remembered import Snapshot
    from edge_agent.runtime.clock import Clock
    from edge_agent.runtime.drain import Drain
    from edge_agent.runtime.inbox import BoundedInbox
    from edge_agent.runtime.operationwatch import OperationWatch
    from edge_agent.runtime.policywatch import PolicyWatch
    from edge_agent.runtime.ports import Inlet, Journal, Observer, Outlet, Recorder
    from edge_agent.turn import Knowledge

#: A loop that has not turned for so long is not alive.
STALLED_SECONDS = 30.0
#: How long the loop may take to finish at the end, and each of the two last words after it; what is left then is cut
#: off. With the goodbye to the broker that stays under the ten seconds that systemd and the interface allow.
FINISH_SECONDS = 5.0
LAST_WORDS_SECONDS = 1.0


class Connection(Protocol):
    """The one owner of the broker connection."""

    @property
    def connected(self) -> bool:
        """Whether there is a live connection."""
        ...

    @property
    def refusal(self) -> str | None:
        """What the broker refuses to take from the agent, in a sentence."""
        ...

    async def run(self) -> None:
        """Keep connected until cancelled, then disconnect without a last will."""
        ...

    async def ask_again(self) -> None:
        """Ask the broker for all that is retained once more, where there is a connection."""
        ...


class _EndedError(Exception):
    """Ends the task group: everything is finished, what still runs is cancelled."""


def _end() -> NoReturn:
    raise _EndedError


@dataclass(frozen=True, slots=True)
class Parts:
    """What an agent is made of; the container chooses them."""

    knowledge: Knowledge
    inbox: BoundedInbox
    connection: Connection
    inlet: Inlet
    outlet: Outlet
    journal: Journal
    policy: PolicyWatch
    clock: Clock
    observer: Observer
    commit_seconds: float
    most_unacknowledged: int
    recorder: Recorder | None = None
    drain: Drain | None = None
    upkeep: Callable[[], Coroutine[None, None, None]] | None = None
    operations: OperationWatch | None = None
    refused: Callable[[int], Coroutine[None, None, None]] | None = None
    finish_seconds: float = FINISH_SECONDS
    standing_alarms: Callable[[], Coroutine[None, None, Iterable[AlarmKey]]] | None = None
    beside: Mapping[str, Callable[[], Coroutine[None, None, None]]] = field(default_factory=dict)
    gather_seconds: float = 0.0


class Agent:
    """Runs the loop, the connection and what surrounds them in one task group."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._outbox = Outbox(parts.outlet)
        self._former = FormerAlarms(parts.knowledge.analyzer.register, self._outbox)
        self._loop: Loop | None = None
        self._group: asyncio.TaskGroup | None = None
        self._delivery: Delivery | None = None
        self._stop = asyncio.Event()
        parts.inbox.inlet = parts.inlet

    def stop(self) -> None:
        """Ask the agent to finish what it holds and end. Safe to call from a signal handler, and twice."""
        self._stop.set()

    def snapshot(self) -> Snapshot:
        """Take a frozen look at what the agent knows."""
        return self._parts.knowledge.snapshot(self._parts.clock.now())

    @property
    def backlog(self) -> int:
        """Messages that wait for their turn."""
        return len(self._parts.inbox)

    @property
    def store_failing(self) -> bool:
        """Whether the store cannot be written now."""
        return self._loop is not None and self._loop.store_error is not None

    @property
    def unstored_commands(self) -> int:
        """Fail-safe commands that went out before the store could take them."""
        return 0 if self._loop is None else self._loop.unstored_commands

    @property
    def unpublished_dead_letters(self) -> int:
        """Dead letters that were given up before the broker took them; they are stored."""
        return self._outbox.dropped

    def ready(self) -> dict[str, str | None]:
        """Tell by part why the agent cannot do its work now; None where a part is well."""
        loop = self._loop
        return {
            "broker": self._parts.connection.refusal if self._parts.connection.connected else "not connected",
            "store": "not open" if loop is None else loop.store_error,
            "loop": self._stalled(),
        }

    def live(self) -> str | None:
        """Tell why the process should be restarted; None where it should not."""
        return self._stalled()

    def _stalled(self) -> str | None:
        if self._loop is None:
            return "not started"
        still = self._parts.clock.steady() - self._loop.last_turn
        # A failing disk may hold up every write; a restart would not help.
        return f"no turn for {still:.0f} s" if still > STALLED_SECONDS and not self._loop.store_error else None

    async def announce(
        self,
        settle: Callable[[], Awaitable[bool]] | None = None,
        afterwards: Callable[[], Coroutine[None, None, None]] | None = None,
    ) -> None:
        """Say online, and the state of every alarm, after each connect.

        Where the broker does not let it say so, it hears all the same, and goes on trying. `settle` tells, after the
        status, whether commands may go out; if not, another connection follows. `afterwards` is run beside the loop.
        """
        self._outbox.status(None)
        if not self._stop.is_set():  # the last word is `offline`
            try:
                await self._parts.outlet.status("online")
            except PublishRefusedError:
                self._outbox.status("online")
            if settle is not None and not await settle():
                return
        if afterwards is not None and self._group is not None and not self._stop.is_set():
            self._group.create_task(afterwards(), name="after the announcement")
        self._outbox.alarms(self._parts.knowledge.analyzer.register.alarms)
        self._outbox.connected(is_connected=True)
        self._former.connected()
        if self._delivery is not None:
            self._delivery.connected()
        self._parts.inbox.report(LinkReport(connected=True))

    def lost(self) -> None:
        """Note that the connection which was announced has ended."""
        self._parts.inbox.report(LinkReport(connected=False))

    async def run(self, started: Callable[[], None] | None = None) -> None:
        """Run until `stop`, then finish what is held: turn, store, acknowledge, say offline, disconnect."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._serve(group, started)
                _end()
        except* _EndedError:
            logger.info("The agent has ended")

    async def _serve(self, group: asyncio.TaskGroup, started: Callable[[], None] | None) -> None:
        parts, self._group = self._parts, group
        loop = self._loop = self._make_loop(group)
        turning = group.create_task(loop.run(), name="loop")
        publishing = group.create_task(self._outbox.run(), name="outbox")
        group.create_task(parts.policy.run(), name="policy")
        group.create_task(parts.policy.listen(), name="policy changes")
        group.create_task(parts.connection.run(), name="connection")
        if parts.drain is not None:
            group.create_task(parts.drain.run(), name="drain")
        if parts.operations is not None:
            group.create_task(parts.operations.run(), name="operations")
        if parts.standing_alarms is not None:
            group.create_task(self._former.run(parts.standing_alarms), name="former alarms")
        if parts.upkeep is not None:
            group.create_task(parts.upkeep(), name="upkeep")
        for name, run in parts.beside.items():
            group.create_task(run(), name=name)
        if started is not None:
            started()
        await self._stop.wait()
        await self._finish(loop, turning, publishing)

    def _make_loop(self, group: asyncio.TaskGroup) -> Loop:
        parts = self._parts
        delivery = self._delivery = Delivery(
            parts.outlet,
            parts.inbox,
            {actuator.name: actuator for actuator in parts.knowledge.plant.actuators},
            parts.clock,
            parts.observer,
            group,
        )
        commits = GroupCommit(
            parts.inbox,
            parts.inlet,
            Writing(parts.knowledge, parts.inbox, parts.journal, parts.clock, parts.observer, group),
            self._outbox,
            delivery,
            parts.clock,
            parts.observer,
            commit_seconds=parts.commit_seconds,
            most_unacknowledged=parts.most_unacknowledged,
            gather_seconds=parts.gather_seconds,
        )
        return Loop(
            parts.knowledge,
            parts.inbox,
            commits,
            delivery,
            parts.clock,
            parts.observer,
            parts.recorder,
            self._ask_who_commands,
            self._hear_what_is_retained,
        )

    def _hear_what_is_retained(self) -> None:
        """Let the broker repeat states and statuses: those of what is new were passed over when they came."""
        if self._group is not None:
            self._group.create_task(self._parts.connection.ask_again(), name="ask for what is retained")

    def _ask_who_commands(self, epoch: int) -> None:
        """Let it be found out, beside the loop, why a node takes the agent's epoch for one that is over."""
        if self._parts.refused is not None and self._group is not None:
            self._group.create_task(self._parts.refused(epoch), name="refused epoch")

    async def _finish(self, loop: Loop, turning: asyncio.Task[None], publishing: asyncio.Task[None]) -> None:
        logger.info("The agent finishes what it holds")
        self._parts.inbox.hold()
        loop.stop()
        # `asyncio.wait` leaves what is not done: cut off with the group, unacknowledged, the broker keeps it.
        await _at_most(self._parts.finish_seconds, asyncio.wait([turning]))
        publishing.cancel()
        await asyncio.wait([publishing])
        await _at_most(LAST_WORDS_SECONDS, self._outbox.flush())
        # Whatever could not be finished: a clean disconnect sends no last will, the retained word must be true.
        await _at_most(LAST_WORDS_SECONDS, self._parts.outlet.status("offline"))


async def _at_most(seconds: float, what: Awaitable[object]) -> None:
    """Wait for a step of the end, so long at the most; where it cannot be done the next one follows."""
    try:
        async with asyncio.timeout(seconds):
            await what
    except (TimeoutError, BrokerUnavailableError) as error:
        logger.bind(error=str(error) or "out of time").warning("Not everything could be finished")
