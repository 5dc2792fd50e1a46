"""The running agent: its tasks, their order of coming and going."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from loguru import logger

from edge_agent.errors import BrokerUnavailableError, PublishRefusedError
from edge_agent.model.inbox import LinkReport
from edge_agent.runtime.announcer import Announcer
from edge_agent.runtime.beat import look_around
from edge_agent.runtime.commit import GroupCommit
from edge_agent.runtime.context import LoopContext
from edge_agent.runtime.dispatcher import Dispatcher
from edge_agent.runtime.formeralarms import FormerAlarms
from edge_agent.runtime.loop import Loop
from edge_agent.runtime.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from edge_agent.known import Knowledge
    from edge_agent.model.alarms import AlarmKey
    from edge_agent.model.plant import Plant
    from edge_agent.model.remembered import Snapshot
    from edge_agent.ports.broker import BrokerConnection, Inlet, Outlet
    from edge_agent.ports.clock import Clock
    from edge_agent.ports.observing import Observer, Recorder
    from edge_agent.ports.stores import Journal
    from edge_agent.runtime.beat import Beaten
    from edge_agent.runtime.drain import Drain
    from edge_agent.runtime.inbox import BoundedInbox
    from edge_agent.runtime.operationwatch import OperationWatch
    from edge_agent.runtime.policywatch import PolicyWatch
    from edge_agent.runtime.waiting import CommitRules

#: A loop that has not turned for so long is not alive.
STALLED_SECONDS = 30.0
#: How long the loop may take to finish at the end, and each of the two last words after it; what is left then is cut
#: off. With the goodbye to the broker that stays under the ten seconds that systemd and the interface allow.
FINISH_SECONDS = 5.0
LAST_WORDS_SECONDS = 1.0


class _EndedError(Exception):
    """Ends the task group: everything is finished, what still runs is cancelled."""


def _end() -> NoReturn:
    raise _EndedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an agent is made of; the container chooses them. What may be None is for some agents only.

    `upkeep` keeps the stores in order, `standing_alarms` looks at the alarms that stand at the broker, `refused` finds
    out why a node has named an epoch in refusing the agent's own, `glance` tells whether the store may have changed.
    """

    knowledge: Knowledge
    inbox: BoundedInbox
    connection: BrokerConnection
    inlet: Inlet
    outlet: Outlet
    journal: Journal
    policy: PolicyWatch
    clock: Clock
    observer: Observer
    commit: CommitRules
    recorder: Recorder | None = None
    drain: Drain | None = None
    upkeep: Callable[[], Coroutine[None, None, None]] | None = None
    operations: OperationWatch | None = None
    refused: Callable[[int], Coroutine[None, None, None]] | None = None
    finish_seconds: float = FINISH_SECONDS
    standing_alarms: Callable[[], Coroutine[None, None, Iterable[AlarmKey]]] | None = None
    glance: Callable[[], bool] | None = None


class Agent:
    """Runs the loop, the connection and what surrounds them in one task group."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._announcer = Announcer(parts.outlet)
        self._former = FormerAlarms(parts.knowledge.analyzer.register, self._announcer)
        self._loop: Loop | None = None
        self._group: asyncio.TaskGroup | None = None
        self._dispatcher: Dispatcher | None = None
        self._beside: dict[str, Callable[[], Coroutine[None, None, None]]] = {}
        self._stop = asyncio.Event()
        parts.inbox.inlet = parts.inlet

    def __repr__(self) -> str:
        state = "not started" if self._loop is None else "stopping" if self._stop.is_set() else "running"
        return f"Agent({state}, {self._parts.inbox!r})"

    def run_beside(self, name: str, run: Callable[[], Coroutine[None, None, None]]) -> None:
        """Add a task that runs while the agent does. To be called before `run`."""
        self._beside[name] = run

    def stop(self) -> None:
        """Ask the agent to finish what it holds and end. Safe to call from a signal handler, and twice."""
        self._stop.set()

    def snapshot(self) -> Snapshot:
        """Return a frozen view of what the agent knows."""
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
    def unwritten(self) -> str:
        """What the store has not taken yet, in a sentence."""
        return "nothing that is known of" if self._loop is None else self._loop.unwritten

    @property
    def unpublished_dead_letters(self) -> int:
        """Dead letters that were given up before the broker took them; they are stored."""
        return self._announcer.dropped

    def ready(self) -> dict[str, str | None]:
        """Return by part why the agent cannot do its work now; None where a part is well."""
        loop = self._loop
        return {
            "broker": self._parts.connection.refusal if self._parts.connection.connected else "not connected",
            "store": "not open" if loop is None else loop.store_error,
            "loop": self._stalled(),
        }

    def live(self) -> str | None:
        """Return why the process should be restarted; None where it should not."""
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
        self._announcer.status(None)
        if not self._stop.is_set():  # the last word is `offline`
            try:
                await self._parts.outlet.status("online")
            except PublishRefusedError:
                self._announcer.status("online")
            if settle is not None and not await settle():
                return
        if afterwards is not None and self._group is not None and not self._stop.is_set():
            self._group.create_task(afterwards(), name="after the announcement")
        self._announcer.alarms(self._parts.knowledge.analyzer.register.alarms)
        self._announcer.connected(is_connected=True)
        self._former.connected()
        if self._dispatcher is not None:
            self._dispatcher.connected()
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
        publishing = group.create_task(self._announcer.run(), name="announcer")
        group.create_task(parts.policy.run(), name="policy")
        group.create_task(parts.policy.listen(), name="policy changes")
        group.create_task(parts.connection.run(), name="connection")
        if parts.drain is not None:
            group.create_task(parts.drain.run(), name="drain")
        looking: list[Beaten] = [loop, parts.policy]
        if parts.operations is not None:
            looking.append(parts.operations)
            group.create_task(parts.operations.run(), name="operations")
        group.create_task(look_around(looking, parts.glance), name="beat")
        if parts.standing_alarms is not None:
            group.create_task(self._former.run(parts.standing_alarms), name="former alarms")
        if parts.upkeep is not None:
            group.create_task(parts.upkeep(), name="upkeep")
        for name, run in self._beside.items():
            group.create_task(run(), name=name)
        if started is not None:
            started()
        await self._stop.wait()
        await self._finish(loop, turning, publishing)

    def _make_loop(self, group: asyncio.TaskGroup) -> Loop:
        parts = self._parts
        context = LoopContext(
            inbox=parts.inbox, inlet=parts.inlet, clock=parts.clock, observer=parts.observer, group=group
        )
        dispatcher = self._dispatcher = Dispatcher(
            context, parts.outlet, [control.actuator for control in parts.knowledge.executor.roster]
        )
        writing = Writing(context, parts.knowledge, parts.journal)
        commits = GroupCommit(
            context, writing=writing, announcer=self._announcer, dispatcher=dispatcher, rules=parts.commit
        )
        return Loop(
            context,
            parts.knowledge,
            commits,
            recorder=parts.recorder,
            equipped=self._equip,
            refused=self._ask_who_commands,
        )

    def _equip(self, plant: Plant) -> None:
        """Command the actuators of a changed plant, and ask again for what is retained of those that are new to it."""
        if self._dispatcher is not None and self._group is not None:
            self._dispatcher.equip(plant)
            self._group.create_task(self._parts.connection.ask_again(), name="ask for what is retained")

    def _ask_who_commands(self, epoch: int) -> None:
        """Find out, beside the loop, why a node takes the agent's epoch for one that is over."""
        if self._parts.refused is not None and self._group is not None:
            self._group.create_task(self._parts.refused(epoch), name="refused epoch")

    async def _finish(self, loop: Loop, turning: asyncio.Task[None], publishing: asyncio.Task[None]) -> None:
        logger.info("Shutting down")
        self._parts.inbox.hold()
        loop.stop()
        # `asyncio.wait` leaves what is not done: cut off with the group, unacknowledged, the broker keeps it.
        await _at_most(self._parts.finish_seconds, asyncio.wait([turning]))
        publishing.cancel()
        await asyncio.wait([publishing])
        await _at_most(LAST_WORDS_SECONDS, self._announcer.flush())
        # Whatever could not be finished: a clean disconnect sends no last will, the retained word must be true.
        await _at_most(LAST_WORDS_SECONDS, self._parts.outlet.status("offline"))


async def _at_most(seconds: float, what: Awaitable[object]) -> None:
    """Wait for a step of the end, so long at the most; where it cannot be done the next one follows."""
    try:
        async with asyncio.timeout(seconds):
            await what
    except (TimeoutError, BrokerUnavailableError) as error:
        logger.bind(error=str(error) or "out of time").warning("Not everything could be finished")
