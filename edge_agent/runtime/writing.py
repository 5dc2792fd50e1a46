"""One write at a time, waited for a moment: one that takes longer goes on beside the loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edge_agent.errors import StoreError
from edge_agent.model.inbox import RenewalReport
from edge_agent.runtime.carry import carried_over
from edge_agent.runtime.resilience import STUCK_WRITE_SECONDS, WRITE_PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_agent.known import Knowledge
    from edge_agent.model.turn import Turn
    from edge_agent.ports.stores import Journal
    from edge_agent.runtime.context import LoopContext


class Writing:
    """Writes turns to the journal in the runtime's task group, never two writes beside each other.

    A write that was begun is neither given up nor repeated before it has ended: a card that hangs may still take it.
    Into a file that was begun anew it writes what the agent knows.
    """

    def __init__(self, context: LoopContext, knowledge: Knowledge, journal: Journal) -> None:
        self._knowledge, self._journal = knowledge, journal
        self._inbox, self._clock = context.inbox, context.clock
        self._observer, self._group = context.observer, context.group
        self._task: asyncio.Task[StoreError | None] | None = None
        self._began = 0.0
        self._is_forgotten = False

    def __repr__(self) -> str:
        return f"Writing({f'under way since {self._began:.3f}' if self.is_under_way else 'at rest'})"

    @property
    def is_under_way(self) -> bool:
        """Whether a write has not ended."""
        return self._task is not None and not self._task.done()

    @property
    def stuck_at(self) -> float:
        """The steady time at which the last write counts as stuck, if it has not ended by then."""
        return self._began + STUCK_WRITE_SECONDS

    def outcome(self) -> StoreError | None:
        """Return why the last write failed, None where it did not. Raises what is a mistake of ours."""
        return None if self._task is None else self._task.result()

    async def begin(self, turns: Sequence[Turn]) -> None:
        """Begin to write, and wait a moment for the end; not beside another write."""
        self._began = self._clock.steady()
        self._task = self._group.create_task(self._write(turns), name="write")
        await self.wait(WRITE_PATIENCE_SECONDS)
        if self.is_under_way:  # the loop may be waiting for something to come in
            self._task.add_done_callback(lambda _: self._inbox.wake())

    async def wait(self, seconds: float) -> None:
        """Wait for the end of a write that is under way, at most so many real seconds."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)

    async def _write(self, turns: Sequence[Turn]) -> StoreError | None:
        try:
            written = await self._journal.write(turns)
            if written.renewed is not None:
                self._is_forgotten = True
                self._inbox.report(RenewalReport(written.renewed))
            if self._is_forgotten:
                await self._journal.write([carried_over(self._knowledge, self._clock.now())])
                self._is_forgotten = False
        except StoreError as error:
            return error
        self._observer.written(written.duplicates)
        self._observer.stage("store", self._clock.steady() - self._began)
        return None
