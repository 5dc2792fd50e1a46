"""The loop: take what came in, run a turn, have it stored, published and acknowledged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import RecordingError
from edge_agent.runtime.beat import until_beat
from edge_agent.turn import run_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.known import Knowledge
    from edge_agent.model.inbox import Inbox
    from edge_agent.model.plant import Plant
    from edge_agent.model.time import Moment
    from edge_agent.model.turn import Turn
    from edge_agent.ports.observing import Recorder, Stage
    from edge_agent.runtime.commit import GroupCommit
    from edge_agent.runtime.context import LoopContext

#: So much later than something is due its turn begins: an event loop may wake a little early, and each look costs.
LATE_SECONDS = 0.001
#: Two turns in which nothing comes in lie so far apart at least, in real seconds: how exact delays and timeouts are.
SHORTEST_REST_SECONDS = 0.01
#: With nothing due there is a turn with so many beats: all may see that the loop is alive.
LONGEST_REST_BEATS = 4
#: A wall clock that differs by more from what the monotonic count lets expect was set; it is looked at with each beat.
CLOCK_STEP_SECONDS = 0.5
#: So long the loop goes on at the end with what had come.
LAST_TURNS_SECONDS = 1.0


class Loop:
    """Runs turns one after the other; the only one that changes the knowledge, and the only writer.

    It rests until something comes in, or until the core, or the store, has something to do at that time. It turns on
    while the store cannot be written: see GroupCommit. `equipped` is called with a plant that has come into force,
    `refused` with the epoch that a node has named in refusing the agent's own.
    """

    def __init__(  # six parameters, for three of them may be left out
        self,
        context: LoopContext,
        knowledge: Knowledge,
        commits: GroupCommit,
        *,
        recorder: Recorder | None = None,
        equipped: Callable[[Plant], None] | None = None,
        refused: Callable[[int], None] | None = None,
    ) -> None:
        self._inbox, self._clock, self._observer = context.inbox, context.clock, context.observer
        self._knowledge, self._commits, self._recorder = knowledge, commits, recorder
        self._equipped, self._refused = equipped, refused
        self.last_turn, self._moment = context.clock.steady(), context.clock.now()

    def __repr__(self) -> str:
        return f"Loop(last turn at {self.last_turn:.3f}, {self._commits!r})"

    @property
    def store_error(self) -> str | None:
        """Why the store cannot be written now; None where it can."""
        return self._commits.error

    @property
    def unstored_commands(self) -> int:
        """How many fail-safe commands went out before the store could take them."""
        return self._commits.unstored

    @property
    def unwritten(self) -> str:
        """What the store has not taken yet, in a sentence."""
        return self._commits.unwritten

    async def run(self) -> None:
        """Turn until stopped, then finish what is held."""
        while not self._commits.stopping:
            inbox, first = await self._inbox.take(self._commits.patience(self._rest_seconds()))
            await self.turn(inbox, first)
        until = self._clock.steady() + LAST_TURNS_SECONDS
        while True:
            inbox, first = await self._inbox.take(0)
            await self.turn(inbox, first)
            if not len(self._inbox) or self._clock.steady() > until:
                break  # what is left is not acknowledged: the broker keeps it
        await self._commits.finish()

    def _rest_seconds(self) -> float:
        """Return after how many real seconds a turn is due if nothing comes in.

        That is where time alone decides something, and with a beat after some seconds at the latest.
        """
        steady = self._clock.steady()
        due = self._clock.real_seconds(self._knowledge.next_seconds() - self._moment.seconds) + LATE_SECONDS
        left = max(due, SHORTEST_REST_SECONDS) - (steady - self.last_turn)
        return min(max(left, 0.0), until_beat(LONGEST_REST_BEATS))

    def beat(self, *, changed: bool) -> None:
        """Turn soon where the wall clock was set, or is known to be right, or no more."""
        now, then = self._clock.now(), self._moment
        if now.sure is not then.sure or abs(now.offset - then.offset) > CLOCK_STEP_SECONDS:
            self._inbox.wake()

    def stop(self) -> None:
        """End the loop after the present turn. The inlet must be paused by then."""
        self._commits.stopping = True
        self._inbox.wake()

    async def turn(self, inbox: Inbox, first: float | None) -> None:
        """Run one turn and commit where it is due."""
        if self._recorder is not None:
            await self._prepare(self._recorder)
        now = self._clock.now()
        self._record(inbox, now)
        plant = self._knowledge.plant
        turn = self._measured_turn(inbox, now)
        if self._knowledge.plant is not plant and self._equipped is not None:
            self._equipped(self._knowledge.plant)
        if turn.refused_epoch is not None and self._refused is not None:
            self._refused(turn.refused_epoch)
        try:
            await self._commits.take(turn, first)
        finally:
            self._observer.turn(turn)  # not before: what is logged would keep the command waiting, half a millisecond

    async def _prepare(self, recorder: Recorder) -> None:
        """Begin a recording with what is known, where that is due; others have their turns meanwhile."""
        try:
            for _ in recorder.prepare(self._clock.now()):
                await asyncio.sleep(0)
        except RecordingError as error:
            self._give_up_recording(error)

    def _record(self, inbox: Inbox, now: Moment) -> None:
        if self._recorder is None:
            return
        try:
            self._recorder.record(inbox, now)
        except RecordingError as error:
            self._give_up_recording(error)

    def _give_up_recording(self, error: RecordingError) -> None:
        """Go on without: a recording serves those who look back, the plant does not wait for it."""
        logger.bind(error=str(error)).error("The recording is given up")
        self._recorder = None

    def _measured_turn(self, inbox: Inbox, moment: Moment) -> Turn:
        clock, observer = self._clock, self._observer
        last = clock.steady()
        self.last_turn, self._moment = last, moment

        def lap(stage: Stage) -> None:
            nonlocal last
            now = clock.steady()
            observer.stage(stage, now - last)
            last = now

        return run_turn(self._knowledge, inbox, moment, lap if inbox.messages else None)
