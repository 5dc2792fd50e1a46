"""The loop: take what came in, run a turn, store it, then publish, then acknowledge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import RecordingError, StoreError
from edge_agent.model.commands import CommandState
from edge_agent.runtime.arrivals import Arrivals
from edge_agent.runtime.resilience import STORE_PAUSE_SECONDS
from edge_agent.turn import run_turn

if TYPE_CHECKING:
    from edge_agent.model.inbox import Inbox
    from edge_agent.model.time import Moment
    from edge_agent.runtime.clock import Clock
    from edge_agent.runtime.delivery import Delivery
    from edge_agent.runtime.inbox import BoundedInbox
    from edge_agent.runtime.outbox import Outbox
    from edge_agent.runtime.ports import Inlet, Journal, Observer, Recorder
    from edge_agent.turn import Knowledge, Stage, Turn

#: Longest time between two turns when nothing comes in, in real seconds: how exact delays and timeouts are.
TICK_SECONDS = 0.2
#: Rows that wait for a group commit at the most, whatever the interval says.
MOST_WAITING_ROWS = 5000
#: In these states a command needs further attempts; in those its node has said nothing, though it needs none.
_UNSETTLED = frozenset({CommandState.DECIDED, CommandState.PUBLISHED})
_UNHEARD = frozenset({CommandState.SUPERSEDED, CommandState.EXPIRED})


class Loop:
    """Runs turns one after the other; the only one that changes the knowledge, and the only writer.

    Group commit: turns with commands, alarms or decisions are stored at once, readings alone wait up to
    `commit_seconds` for others, or until `most_unacknowledged` messages are waiting, or until the broker falls silent
    because it waits for our acknowledgements. What is not stored is not
    acknowledged; while the store cannot be written the loop waits, the inbox fills and the broker keeps the rest.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        inbox: BoundedInbox,
        inlet: Inlet,
        journal: Journal,
        outbox: Outbox,
        delivery: Delivery,
        clock: Clock,
        observer: Observer,
        *,
        commit_seconds: float,
        most_unacknowledged: int,
        recorder: Recorder | None = None,
    ) -> None:
        self._knowledge, self._inbox, self._inlet, self._journal = knowledge, inbox, inlet, journal
        self._outbox, self._delivery, self._clock, self._observer = outbox, delivery, clock, observer
        self._commit_seconds, self._most = commit_seconds, most_unacknowledged
        self._recorder = recorder
        self._waiting: list[Turn] = []
        self._waiting_until = 0.0  # steady time at which what waits is to be stored
        self._arrivals = Arrivals(clock.steady())
        self._waiting_rows = self._waiting_receipts = 0
        self._received: dict[str, float] = {}  # steady receipt of the deciding message, by command
        self._stopping = False
        self.store_error: str | None = None
        self.last_turn = clock.steady()

    async def run(self) -> None:
        """Turn until stopped, then finish what is held."""
        while not self._stopping:
            inbox, first = await self._inbox.take(self._patience())
            await self.turn(inbox, first)
        inbox, first = await self._inbox.take(0)
        await self.turn(inbox, first)
        await self._commit()

    def stop(self) -> None:
        """Let the loop end after the present turn. The inlet must be paused by then."""
        self._stopping = True
        self._inbox.wake()

    def _patience(self) -> float:
        """Tell how long to wait for something to come in: a tick, or until what is held is to be stored."""
        if not self._waiting:
            return TICK_SECONDS
        return min(max(self._store_at() - self._clock.steady(), 0.0), TICK_SECONDS)

    def _store_at(self) -> float:
        """Tell the steady time at which what waits is to be stored, if nothing comes that must be stored sooner."""
        if not self._waiting_receipts:
            return self._waiting_until
        return min(self._waiting_until, self._arrivals.silent_from())

    async def turn(self, inbox: Inbox, first: float | None) -> None:
        """Run one turn and commit where it is due."""
        now = self._clock.now()
        self._record(inbox, now)
        turn = self._measured_turn(inbox, now)
        self._observer.turn(turn)
        for event in turn.command_events:
            if event.state not in _UNSETTLED:
                self._delivery.settle(event.command_id, heard=event.state not in _UNHEARD)
        if first is not None:
            self._received.update((command.id, first) for command in turn.commands)
        if turn.receipts:
            self._arrivals.update(len(turn.receipts), self._clock.steady())
        self._keep(turn)
        if self._due(turn):
            await self._commit()

    def _record(self, inbox: Inbox, now: Moment) -> None:
        if self._recorder is None:
            return
        try:
            self._recorder.record(inbox, now)
        except RecordingError as error:
            # A recording serves those who look back; the plant does not wait for it.
            logger.bind(error=str(error)).error("The recording is given up")
            self._recorder = None

    def _measured_turn(self, inbox: Inbox, moment: Moment) -> Turn:
        clock, observer = self._clock, self._observer
        last = clock.steady()
        self.last_turn = last

        def lap(stage: Stage) -> None:
            nonlocal last
            now = clock.steady()
            observer.stage(stage, now - last)
            last = now

        return run_turn(self._knowledge, inbox, moment, lap if inbox.messages else None)

    def _keep(self, turn: Turn) -> None:
        rows = len(turn.readings) + len(turn.settled) + len(turn.dead_letters)
        if not (rows or turn.urgent or turn.receipts or turn.alarms or turn.plans):
            return
        if not self._waiting:
            self._waiting_until = self._clock.steady() + self._commit_seconds
        self._waiting.append(turn)
        self._waiting_rows += rows
        self._waiting_receipts += len(turn.receipts)

    def _due(self, turn: Turn) -> bool:
        if not self._waiting:
            return False
        return (
            turn.urgent
            or self._waiting_receipts >= self._most
            or self._waiting_rows >= MOST_WAITING_ROWS
            or self._clock.steady() >= self._store_at()
        )

    async def _commit(self) -> None:
        """Store what waits, then publish, then acknowledge: in this order, and nothing without the first."""
        turns, self._waiting = self._waiting, []
        self._waiting_rows = self._waiting_receipts = 0
        if not turns:
            return
        before = self._clock.steady()
        await self._write(turns)
        self._observer.stage("store", self._clock.steady() - before)
        for turn in turns:
            self._publish(turn)
        if any(turn.commands for turn in turns):
            await asyncio.sleep(0)  # the deliveries take their first step: commands leave before the acknowledgements
        self._inlet.acknowledge(receipt for turn in turns for receipt in turn.receipts)

    async def _write(self, turns: list[Turn]) -> None:
        while True:
            try:
                written = await self._journal.write(turns)
            except StoreError as error:
                if self.store_error is None:
                    logger.bind(error=str(error)).error("The store cannot be written; nothing is acknowledged")
                self.store_error = str(error)
                await self._clock.sleep(STORE_PAUSE_SECONDS)
            else:
                if self.store_error is not None:
                    logger.info("The store can be written again")
                    self.store_error = None
                self._observer.written(written.duplicates)
                return

    def _publish(self, turn: Turn) -> None:
        advised = {event.command_id for event in turn.command_events if event.state is CommandState.ADVISED}
        for command in turn.commands:
            received = self._received.pop(command.id, None)
            if command.id not in advised and not self._stopping:  # stored and open: the next start settles it
                self._delivery.start(command, received)
        self._outbox.alarms(turn.alarms)
        self._outbox.dead_letters(turn.dead_letters)
