"""The drain: what was spooled goes to the utility's own store, in order, whenever that can be reached."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import StoreError, StoreUnavailableError
from edge_agent.runtime.resilience import DRAIN_ATTEMPTS, drain_pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.ports.clock import Clock
    from edge_agent.ports.stores import Sink, Spool, Spooled

#: Rows that one write to the sink takes, about: many small commits become one.
MOST_ROWS = 2_000


class Drain:
    """Moves the spool into a sink, oldest first; runs beside the loop and rests after each write as long as it took.

    While the sink is away it is tried again after a growing pause. A row that it refuses although it is there is set
    aside. Where it refuses all of a batch, that is offered in ever smaller parts, the culprit alone a few times, and
    then set aside, so that the rest need not wait.
    """

    def __init__(self, spool: Spool, sink: Sink, *, clock: Clock, chance: Callable[[], float]) -> None:
        self.spool, self.sink = spool, sink
        self._clock, self._chance = clock, chance
        self._most_rows = MOST_ROWS
        self._failures = 0  # in a row, of the sink or of reading the spool
        self._refusals = 0  # in a row, of the oldest parcel alone
        self.error: str | None = None

    def __repr__(self) -> str:
        return f"Drain({self._failures} failures, {self._refusals} refusals in a row)"

    async def run(self) -> None:
        """Drain, until cancelled."""
        while True:
            await self.spool.filled()
            try:
                await self._step()
            except StoreError as error:
                await self._failed(error)

    async def _step(self) -> None:
        """Move what is oldest. Raises StoreError."""
        spooled = await self.spool.oldest(self._most_rows)
        if spooled is None:
            return
        before = self._clock.steady()
        try:
            taken = await self.sink.absorb(spooled.batch)
        except StoreUnavailableError:
            raise
        except StoreError as error:
            await self._refused(spooled, error)
            return
        refused = taken.refused if taken is not None else ()
        if refused:
            await self.spool.drop(spooled.ids, refused)
            logger.bind(rows=len(refused), first=str(refused[0])).error("The store refuses rows; they are set aside")
        else:
            await self.spool.drop(spooled.ids)
        self._refusals, self._most_rows = 0, min(2 * self._most_rows, MOST_ROWS)
        self._recovered()
        # As much rest as work: the loop and its writes come first.
        await asyncio.sleep(min(self._clock.steady() - before, 1.0))

    async def _refused(self, spooled: Spooled, error: StoreError) -> None:
        if len(spooled.ids) > 1:  # one of them is to blame: look closer
            self._most_rows = max(1, spooled.rows // 4)
            return
        self._refusals += 1
        if self._refusals < DRAIN_ATTEMPTS:
            await asyncio.sleep(drain_pause(self._refusals, self._chance))
            return
        await self.spool.refuse(spooled.ids, str(error))
        self._refusals = 0
        logger.bind(rows=spooled.rows, error=str(error)).error("The store refuses something; it is set aside")

    async def _failed(self, error: StoreError) -> None:
        self._failures += 1
        first = self.error is None
        self.error = str(error)
        logger.bind(error=self.error).log(
            "WARNING" if first else "DEBUG", "What is recorded cannot be handed on; it waits in the spool"
        )
        await asyncio.sleep(drain_pause(self._failures, self._chance))

    def _recovered(self) -> None:
        if self.error is not None:
            logger.bind(failures=self._failures).info("What was recorded is handed on again")
        self._failures, self.error = 0, None
