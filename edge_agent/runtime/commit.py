"""Group commit: what turns decided is stored, then published, then acknowledged; and what holds when it cannot be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.model.commands import CommandState
from edge_agent.model.time import MICROSECONDS
from edge_agent.runtime.held import CommitGroup, Held, Unstarted
from edge_agent.runtime.resilience import STORE_PAUSE_SECONDS, UNSTORED_SECONDS
from edge_agent.runtime.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_agent.model.turn import Turn
    from edge_agent.runtime.announcer import Announcer
    from edge_agent.runtime.context import LoopContext
    from edge_agent.runtime.dispatcher import Dispatcher
    from edge_agent.runtime.waiting import CommitRules
    from edge_agent.runtime.writing import Writing

#: Rows, messages and turns that are held while the store fails, before nothing more is read from the broker.
MOST_HELD = 50_000
#: In these states a command needs further attempts.
_UNSETTLED = frozenset({CommandState.DECIDED, CommandState.PUBLISHED})
#: In these states it needs none, though its node has said nothing.
_UNHEARD = frozenset({CommandState.SUPERSEDED, CommandState.EXPIRED})
_NEVER = float("inf")


class GroupCommit:
    """Keeps turns until they are stored together.

    A turn with commands, alarms or decisions is due at once; readings alone wait until it is worth it (`Waiting`),
    and no longer than the `rules` say.

    While the store fails, or a write hangs, nothing is acknowledged and the loop turns on. What controls the plant is
    then stored without the readings of its turn, which takes little room; where even that fails its commands are held
    back and its alarms told all the same. All is tried again every STORE_PAUSE_SECONDS. A command with the `fail_safe`
    action of its actuator waits for the store no longer than UNSTORED_SECONDS.
    """

    def __init__(
        self,
        context: LoopContext,
        *,
        writing: Writing,
        announcer: Announcer,
        dispatcher: Dispatcher,
        rules: CommitRules,
    ) -> None:
        self._inbox, self._inlet = context.inbox, context.inlet
        self._clock, self._observer = context.clock, context.observer
        self._writing, self._announcer, self._dispatcher = writing, announcer, dispatcher
        self._held: list[Held] = []
        self._waiting = Waiting(rules, context.clock.steady())
        self._again_at = 0.0  # steady time: it is tried again
        self._unstarted: dict[str, Unstarted] = {}
        self._group: CommitGroup | None = None  # what is being written
        self._is_pressing = self._holding_back = False
        self.error: str | None = None
        self.unstored = 0
        self.stopping = False

    def __repr__(self) -> str:
        held = f"{len(self._held)} turns held, {self._waiting!r}"
        return f"GroupCommit({held}, {len(self._unstarted)} commands{f', failing: {self.error}' if self.error else ''})"

    @property
    def unwritten(self) -> str:
        """What the store has not taken yet, in a sentence."""
        rows, messages = self._waiting.rows, self._waiting.receipts
        return f"turns: {len(self._held)}, rows: {rows}, messages that the broker keeps: {messages}"

    def patience(self, most_seconds: float) -> float:
        """Return how long the loop may wait for something to come in, so many seconds at the most."""
        if not self._held:
            return most_seconds
        at = min(self._next_at(), self._release_at())
        return min(max(at - self._clock.steady(), 0.0), most_seconds)

    async def take(self, turn: Turn, received: float | None) -> None:
        """Keep a turn, and store what is due; `received` is the steady time of the message that decided."""
        self._keep(turn, received)
        if not self._held:
            return
        await self._settle()
        if self._group is None:
            await self._store_due()
        self._release()
        if self.error is not None or self._group is not None:
            self._inbox.stem(is_stemmed=max(self._waiting.rows, self._waiting.receipts, len(self._held)) >= MOST_HELD)

    async def finish(self) -> None:
        """Store all that is kept. Where that fails it is tried until it is cut off."""
        await self._settle()
        if self._group is None:
            await self._commit()
        while self._held:
            self._release()
            if self._group is None:
                await self._clock.sleep(STORE_PAUSE_SECONDS)
                await self._commit()
            else:
                await self._writing.wait(STORE_PAUSE_SECONDS)
                await self._settle()

    def _keep(self, turn: Turn, received: float | None) -> None:
        since = self._clock.steady()
        for command in turn.commands:
            self._unstarted[command.id] = Unstarted(
                command=command, since=since, received=received, decided_seconds=turn.now.seconds
            )
        for event in turn.command_events:
            if event.state not in _UNSETTLED:  # only recorded, settled while it was held back, or on its way
                self._unstarted.pop(event.command_id, None)
                self._dispatcher.settle(event.command_id, heard=event.state not in _UNHEARD)
        held = Held(turn)
        if not (held.weighs or held.controls):
            return
        if not self._held:
            self._waiting.begin(since)
        self._held.append(held)
        self._waiting.add(held, since)
        self._is_pressing = self._is_pressing or turn.urgent

    async def _store_due(self) -> None:
        if self.error is None:
            if self._is_pressing or self._waiting.is_due(self._clock.steady()):
                await self._commit()
        elif self._clock.steady() >= self._again_at:
            await self._commit()
        elif self._is_pressing:
            await self._save_essentials()

    def _next_at(self) -> float:
        """Return the steady time at which something is to be done about the store."""
        if self._group is not None:  # its end wakes the loop
            return self._writing.stuck_at if self.error is None else _NEVER
        if self._is_pressing:
            return self._clock.steady()
        return self._waiting.due_at() if self.error is None else self._again_at

    async def _commit(self) -> None:
        """Store what waits, then publish, then acknowledge: in this order, and nothing without the first."""
        if self._held:
            await self._write(CommitGroup(self._held.copy(), is_whole=True))

    async def _save_essentials(self) -> None:
        """Store what controls the plant, of all that is held, and let it go out."""
        controlling = [held for held in self._held if held.controls]
        self._is_pressing = False
        if controlling:
            await self._write(CommitGroup(controlling, is_whole=False))

    async def _write(self, group: CommitGroup) -> None:
        self._group, self._is_pressing = group, False
        await self._writing.begin(group.turns)
        await self._settle()

    async def _settle(self) -> None:
        """Draw the consequences of the write that was begun, as far as they are known."""
        group = self._group
        if group is None:
            return
        if self._writing.is_under_way:
            if self._clock.steady() >= self._writing.stuck_at:
                self._failed("A write to it has not ended.")
                self._hold_back()
            return
        self._group, error = None, self._writing.outcome()
        if error is not None:
            self._failed(str(error))
            if group.is_whole:
                await self._save_essentials()
            else:
                self._hold_back()
        elif group.is_whole:
            await self._stored(group.those)
        else:
            await self._stored_essentials(group.those)

    async def _stored(self, those: list[Held]) -> None:
        # Not before: after a kill the same messages come again, and what is missing between them is counted then.
        self._observer.missed(sum(held.turn.counts.gaps for held in those))
        self._held = self._held[len(those) :]  # what came while it was written is behind it
        self._waiting.count(self._held)
        self._waiting.written(self._clock.steady())
        self._recovered()
        await self._publish(those)
        self._announcer.dead_letters(letter for held in those for letter in held.turn.dead_letters)
        receipts = [receipt for held in those for receipt in held.turn.receipts]
        self._inlet.acknowledge(receipts)
        self._waiting.acknowledged(len(receipts), self._clock.steady())

    async def _stored_essentials(self, those: list[Held]) -> None:
        self._holding_back = False
        await self._publish(those)
        for held in those:
            held.strip()
        self._held = [held for held in self._held if held.controls or held.weighs]

    def _failed(self, error: str) -> None:
        if self.error is None:
            logger.bind(error=error).error("The store cannot be written; nothing is acknowledged")
        self.error = error
        self._again_at = self._clock.steady() + STORE_PAUSE_SECONDS

    def _recovered(self) -> None:
        self._holding_back = False
        self._inbox.stem(is_stemmed=False)
        if self.error is not None:
            self.error = None
            logger.info("The store can be written again")

    def _hold_back(self) -> None:
        self._tell(self._held)
        if self._unstarted and not self._holding_back:
            self._holding_back = True
            logger.bind(commands=len(self._unstarted)).error("Commands cannot be stored; they are held back")

    def _release_at(self) -> float:
        """Return the steady time at which the first fail-safe command goes out unstored."""
        return min(map(_release_at, self._safe_unstarted()), default=_NEVER)

    def _release(self) -> None:
        """Dispatch what the store could not take in time, if it is a fail-safe command. It is stored with its turn."""
        for waiting in self._safe_unstarted():
            if self._clock.steady() >= _release_at(waiting):
                command = waiting.command
                self.unstored += 1
                log = logger.bind(command=command.id, actuator=command.target, action=command.action)
                log.error("A fail-safe command goes out unstored")
                self._start(command.id)

    def _safe_unstarted(self) -> list[Unstarted]:
        return [waiting for waiting in self._unstarted.values() if self._dispatcher.is_safe(waiting.command)]

    def _start(self, command_id: str) -> None:
        """Begin to dispatch a command, once."""
        waiting = self._unstarted.pop(command_id, None)
        if waiting is not None:
            self._dispatcher.start(waiting.command, waiting.received, waiting.decided_seconds)

    async def _publish(self, stored: Sequence[Held]) -> None:
        commands = [command for held in stored for command in held.turn.commands]
        for command in commands:
            if self.stopping:  # stored and open: the next start settles it
                self._unstarted.pop(command.id, None)
            else:
                self._start(command.id)
        self._tell(stored)
        if commands:
            await asyncio.sleep(0)  # the dispatches take their first step: commands leave before the acknowledgements

    def _tell(self, those: Iterable[Held]) -> None:
        for held in those:
            if not held.told:
                held.told = True
                self._announcer.alarms(held.turn.alarms)


def _release_at(waiting: Unstarted) -> float:
    """Return the steady time at which a fail-safe command goes out unstored: with half of its life left at least."""
    life_seconds = (waiting.command.expires_at - waiting.command.issued_at) / MICROSECONDS
    return waiting.since + min(UNSTORED_SECONDS, life_seconds / 2)
