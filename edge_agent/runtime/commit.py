"""Group commit: what turns decided is stored, then published, then acknowledged; and what holds when it cannot be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.model.commands import CommandState
from edge_agent.model.inbox import RenewalReport
from edge_agent.runtime.arrivals import Arrivals
from edge_agent.runtime.carry import carried_over
from edge_agent.runtime.resilience import STORE_PAUSE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_agent.runtime.clock import Clock
    from edge_agent.runtime.delivery import Delivery
    from edge_agent.runtime.inbox import BoundedInbox
    from edge_agent.runtime.outbox import Outbox
    from edge_agent.runtime.ports import Inlet, Journal, Observer
    from edge_agent.turn import Knowledge, Turn

#: Rows that wait for a group commit at the most, whatever the interval says.
MOST_WAITING_ROWS = 5_000
#: Rows, messages and turns that are held while the store fails, before nothing more is read from the broker.
MOST_HELD = 50_000
#: In these states a command needs further attempts.
UNSETTLED = frozenset({CommandState.DECIDED, CommandState.PUBLISHED})


@dataclass(slots=True)
class _Held:
    """A turn that is not stored, or not all of it."""

    turn: Turn
    told: bool = False  # its alarms are on their way to the broker


class GroupCommit:
    """Keeps turns until they are stored together.

    A turn with commands, alarms or decisions is due at once; readings alone wait up to `commit_seconds`, or until
    `most_unacknowledged` messages wait, or until the broker falls silent because it waits for acknowledgements.

    While the store fails nothing is acknowledged and the loop turns on. What controls the plant is then stored without
    the readings of its turn, which takes little room; where even that fails its commands are held back and its alarms
    told all the same. All is tried again every STORE_PAUSE_SECONDS.
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
    ) -> None:
        self._knowledge, self._inbox, self._inlet, self._journal = knowledge, inbox, inlet, journal
        self._outbox, self._delivery, self._clock, self._observer = outbox, delivery, clock, observer
        self._commit_seconds, self._most = commit_seconds, most_unacknowledged
        self._held: list[_Held] = []
        self._rows = self._receipts = 0
        self._until = self._again_at = 0.0  # steady times: what waits is to be stored; is tried again
        self._arrivals = Arrivals(clock.steady())
        self._unstarted: dict[
            str, float | None
        ] = {}  # commands not yet on their way, and when their cause was received
        self._forgotten = self._holding_back = False
        self.error: str | None = None
        self.stopping = False

    def patience(self, most_seconds: float) -> float:
        """Tell how long the loop may wait for something to come in, so many seconds at the most."""
        if not self._held:
            return most_seconds
        at = self._store_at() if self.error is None else self._again_at
        return min(max(at - self._clock.steady(), 0.0), most_seconds)

    async def take(self, turn: Turn, received: float | None) -> None:
        """Keep a turn, and store what is due; `received` is the steady time of the message that decided."""
        self._keep(turn, received)
        if not self._held:
            return
        if self.error is None:
            if self._due(turn):
                await self._commit()
        elif self._clock.steady() >= self._again_at:
            await self._commit()
        elif turn.urgent:
            await self._save_essentials()
        if self.error is not None:
            self._inbox.stem(is_stemmed=max(self._rows, self._receipts, len(self._held)) >= MOST_HELD)

    async def finish(self) -> None:
        """Store all that is kept. Where that fails it is tried until it is cut off."""
        await self._commit()
        while self._held:
            await self._clock.sleep(STORE_PAUSE_SECONDS)
            await self._commit()

    def _keep(self, turn: Turn, received: float | None) -> None:
        self._unstarted.update((command.id, received) for command in turn.commands)
        for event in turn.command_events:
            if event.state not in UNSETTLED:  # only recorded, or settled while it was held back
                self._unstarted.pop(event.command_id, None)
        rows = len(turn.readings) + len(turn.settled) + len(turn.dead_letters)
        if not (rows or turn.receipts or turn.sequences or _controls(turn)):
            return
        if turn.receipts:
            self._arrivals.update(len(turn.receipts), self._clock.steady())
        if not self._held:
            self._until = self._clock.steady() + self._commit_seconds
        self._held.append(_Held(turn))
        self._rows += rows
        self._receipts += len(turn.receipts)

    def _due(self, turn: Turn) -> bool:
        return (
            turn.urgent
            or self._receipts >= self._most
            or self._rows >= MOST_WAITING_ROWS
            or self._clock.steady() >= self._store_at()
        )

    def _store_at(self) -> float:
        """Tell the steady time at which what waits is to be stored, if nothing comes that must be stored sooner."""
        return min(self._until, self._arrivals.silent_from()) if self._receipts else self._until

    async def _commit(self) -> None:
        """Store what waits, then publish, then acknowledge: in this order, and nothing without the first."""
        if not self._held:
            return
        before = self._clock.steady()
        if not await self._write([held.turn for held in self._held]):
            await self._save_essentials()
            return
        self._observer.stage("store", self._clock.steady() - before)
        # Not before: after a kill the same messages come again, and what is missing between them is counted then.
        self._observer.missed(sum(held.turn.counts.gaps for held in self._held))
        stored, self._held = self._held, []
        self._rows = self._receipts = 0
        self._recovered()
        await self._publish(stored)
        self._outbox.dead_letters(letter for held in stored for letter in held.turn.dead_letters)
        self._inlet.acknowledge(receipt for held in stored for receipt in held.turn.receipts)

    async def _save_essentials(self) -> None:
        """Store what controls the plant, of all that is held, and let it go out."""
        controlling = [held for held in self._held if _controls(held.turn)]
        if not controlling:
            return
        if await self._write([_essence(held.turn) for held in controlling]):
            self._holding_back = False
            await self._publish(controlling)
            for held in controlling:
                held.turn = _rest(held.turn)
            self._held = [held for held in self._held if _weighs(held.turn)]
            return
        self._tell(controlling)
        if self._unstarted and not self._holding_back:
            self._holding_back = True
            logger.bind(commands=len(self._unstarted)).error("Commands cannot be stored; they are held back")

    async def _write(self, turns: Sequence[Turn]) -> bool:
        try:
            written = await self._journal.write(turns)
            if written.renewed is not None:
                self._forgotten = True
                self._inbox.report(RenewalReport(written.renewed))
            if self._forgotten:
                await self._journal.write([carried_over(self._knowledge, self._clock.now())])
                self._forgotten = False
        except StoreError as error:
            self._failed(error)
            return False
        self._observer.written(written.duplicates)
        return True

    def _failed(self, error: StoreError) -> None:
        if self.error is None:
            logger.bind(error=str(error)).error("The store cannot be written; nothing is acknowledged")
        self.error = str(error)
        self._again_at = self._clock.steady() + STORE_PAUSE_SECONDS

    def _recovered(self) -> None:
        if self.error is not None:
            self.error, self._holding_back = None, False
            logger.info("The store can be written again")
            self._inbox.stem(is_stemmed=False)

    async def _publish(self, stored: Sequence[_Held]) -> None:
        for held in stored:
            for command in held.turn.commands:
                if command.id in self._unstarted:
                    received = self._unstarted.pop(command.id)
                    if not self.stopping:  # stored and open: the next start settles it
                        self._delivery.start(command, received)
        self._tell(stored)
        if any(held.turn.commands for held in stored):
            await asyncio.sleep(0)  # the deliveries take their first step: commands leave before the acknowledgements

    def _tell(self, those: Iterable[_Held]) -> None:
        for held in those:
            if not held.told:
                held.told = True
                self._outbox.alarms(held.turn.alarms)


def _controls(turn: Turn) -> bool:
    """Whether a turn holds anything that controls the plant or must survive a restart."""
    return bool(turn.urgent or turn.alarms or turn.plans)


def _weighs(turn: Turn) -> bool:
    return bool(
        turn.readings or turn.settled or turn.dead_letters or turn.deliveries or turn.sequences or turn.receipts
    )


def _essence(turn: Turn) -> Turn:
    """Take what came in out of a turn."""
    return replace(turn, readings=[], settled=[], dead_letters=[], deliveries=[], sequences=[], receipts=[])


def _rest(turn: Turn) -> Turn:
    """Take its essence out of a turn."""
    return replace(
        turn, alarm_events=[], alarms=[], decisions=[], commands=[], command_events=[], actuators=[], plans=[]
    )
