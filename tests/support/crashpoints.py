"""The whole of `edge-agent run`, with an agent that kills itself at a named point: `run --crash POINT[:N]`.

Nothing is patched: the container is asked to put these parts in place of its own. A part does what the one inside it
does, and dies with SIGKILL at the N-th passing of its point.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge_agent.cli.run import run
from edge_agent.errors import EdgeAgentError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.commands import Command
    from edge_agent.model.inbox import Receipt
    from edge_agent.model.readings import DeadLetter
    from edge_agent.model.turn import Turn
    from edge_agent.ports.broker import Inlet, Outlet
    from edge_agent.ports.stores import Absorbed, Journal, Sink, Spool, Spooled, Written
    from edge_agent.runtime.agent import Parts

#: Every point, with what has happened by then and what has not.
POINTS = {
    "started": "the epoch is raised, no turn has run",
    "announced": "connected again and said to be online, before anything is stored",
    "before-write": "messages are taken, nothing of them is stored",
    "during-write": "a random instant while the transaction is written",
    "written": "the transaction is committed, nothing is published or acknowledged",
    "command-written": "a command is committed and not published",
    "command-handed": "a command is handed to the socket, the broker has not confirmed it",
    "command-confirmed": "the broker has confirmed a command, that is not recorded",
    "answer-before-write": "the node's answer to a command has come, it is not stored",
    "answer-written": "the node's answer is stored and not acknowledged to the broker",
    "alarm-handed": "an alarm is handed to the socket, the broker has not confirmed it",
    "before-acknowledging": "stored and published, nothing is acknowledged to the broker",
    "half-acknowledged": "every other message of a commit is acknowledged, the rest is not",
    "acknowledged": "every message of a commit is acknowledged",
    "essence-before-write": "the store has no room for readings; a command is to be stored alone",
    "essence-written": "the store has no room for readings; a command is stored alone and not published",
}
#: Points that are passed after SIGTERM only.
LAST_POINTS = {
    "finishing": "SIGTERM was heard, what is held is not written",
    "finished": "SIGTERM was heard, everything is written and acknowledged, offline not said",
    "said-offline": "SIGTERM was heard, offline is said, the connection is not closed",
}
#: Points that are passed with PostgreSQL only.
DRAIN_POINTS = {
    "drain-before": "a batch is taken from the spool, PostgreSQL has not got it",
    "drain-during": "a random instant while PostgreSQL takes a batch",
    "drain-absorbed": "PostgreSQL has committed a batch, the spool still has it",
    "drain-dropped": "the spool has let go of a batch that PostgreSQL has",
}
#: How long it takes at the most that bytes handed to the socket have left.
_SENT_SECONDS = 0.001


class Crash:
    """Where and at which passing to die."""

    def __init__(self, spec: str) -> None:
        self.point, _, times = spec.partition(":")
        self._left = int(times or 1)

    def due(self, point: str) -> bool:
        """Pass a point, and tell whether this is the end."""
        if point != self.point:
            return False
        self._left -= 1
        return self._left <= 0

    def at(self, point: str) -> None:
        """Pass a point, and end there if it is the one."""
        if self.due(point):
            die()

    def rewire(self, parts: Parts) -> Parts:
        """Put parts that can die in the place of those that cannot. The epoch is raised by then."""
        self.at("started")
        if parts.drain is not None:
            parts.drain.sink = DyingSink(parts.drain.sink, self)
            parts.drain.spool = DyingSpool(parts.drain.spool, self)
        inlet = DyingInlet(parts.inlet, self)
        journal = DyingJournal(parts.journal, self, inlet)
        return replace(parts, journal=journal, outlet=DyingOutlet(parts.outlet, self), inlet=inlet)


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_within(seconds: float) -> None:
    """End this process at a random moment of the next so many seconds."""
    threading.Timer(random.uniform(0, seconds), die).start()


class DyingJournal:
    """A journal."""

    def __init__(self, inner: Journal, crash: Crash, inlet: DyingInlet) -> None:
        self._inner, self._crash, self._inlet = inner, crash, inlet
        self._seconds = 0.01  # what a write takes
        self._without_room = False

    async def write(self, turns: Sequence[Turn]) -> Written:
        bulky = any(turn.receipts for turn in turns)
        commands = any(turn.commands for turn in turns)
        answers = any(event.state in {"accepted", "done"} for turn in turns for event in turn.command_events)
        self._before(bulky=bulky, commands=commands, answers=answers)
        before = time.perf_counter()
        written = await self._inner.write(turns)
        self._seconds = time.perf_counter() - before
        if bulky:
            self._crash.at("written")
        if commands:
            self._crash.at("essence-written" if self._without_room else "command-written")
        if answers:
            self._crash.at("answer-written")
        return written

    def _before(self, *, bulky: bool, commands: bool, answers: bool) -> None:
        if self._crash.point.startswith("essence") and bulky and commands:
            self._without_room = True
        if self._without_room and bulky:
            raise StoreError("no room for readings, says the test")
        if self._without_room and commands:
            self._crash.at("essence-before-write")
        if bulky:
            self._crash.at("finishing" if self._inlet.paused else "before-write")
        if answers:
            self._crash.at("answer-before-write")
        if bulky and self._crash.due("during-write"):
            die_within(1.2 * self._seconds)


class DyingOutlet:
    """An outlet."""

    def __init__(self, inner: Outlet, crash: Crash) -> None:
        self._inner, self._crash = inner, crash

    async def command(self, command: Command, remaining_seconds: float) -> None:
        if self._crash.due("command-handed"):
            await _handed(self._inner.command(command, remaining_seconds))
        await self._inner.command(command, remaining_seconds)
        self._crash.at("command-confirmed")

    async def alarm(self, alarm: Alarm) -> None:
        if self._crash.due("alarm-handed"):
            await _handed(self._inner.alarm(alarm))
        await self._inner.alarm(alarm)

    async def dead_letter(self, letter: DeadLetter) -> None:
        await self._inner.dead_letter(letter)

    async def status(self, state: str) -> None:
        if state != "online":
            self._crash.at("finished")
        await self._inner.status(state)
        self._crash.at("announced" if state == "online" else "said-offline")


async def _handed(publishing: Any) -> None:
    """Let a publish take its first step, which hands it to the socket, and die."""
    async with asyncio.TaskGroup() as group:
        group.create_task(publishing)
        await asyncio.sleep(0)
        die()


class DyingInlet:
    """An inlet. When something is written while it is paused, the agent is about to end."""

    def __init__(self, inner: Inlet, crash: Crash) -> None:
        self._inner, self._crash = inner, crash
        self.paused = False

    def pause(self) -> None:
        self.paused = True
        self._inner.pause()

    def resume(self) -> None:
        self.paused = False
        self._inner.resume()

    def acknowledge(self, receipts: Iterable[Receipt]) -> None:
        receipts = list(receipts)
        if not receipts:
            return
        self._crash.at("before-acknowledging")
        last = self._crash.due("half-acknowledged")
        self._inner.acknowledge(receipts[::2] if last else receipts)
        if last or self._crash.due("acknowledged"):
            asyncio.get_running_loop().call_later(_SENT_SECONDS, die)


class DyingSink:
    """A sink."""

    def __init__(self, inner: Sink, crash: Crash) -> None:
        self._inner, self._crash = inner, crash
        self._seconds = 0.02  # what a batch takes

    async def absorb(self, batch: Any) -> Absorbed | None:
        self._crash.at("drain-before")
        if self._crash.due("drain-during"):
            die_within(1.2 * self._seconds)
        before = time.perf_counter()
        absorbed = await self._inner.absorb(batch)
        self._seconds = time.perf_counter() - before
        self._crash.at("drain-absorbed")
        return absorbed


class DyingSpool:
    """A spool."""

    def __init__(self, inner: Spool, crash: Crash) -> None:
        self._inner, self._crash = inner, crash

    async def filled(self) -> None:
        await self._inner.filled()

    async def oldest(self, most_rows: int) -> Spooled | None:
        return await self._inner.oldest(most_rows)

    async def drop(self, ids: Sequence[int], refused: Sequence[Any] = ()) -> None:
        await self._inner.drop(ids, refused)
        self._crash.at("drain-dropped")

    async def refuse(self, ids: Sequence[int], reason: str) -> None:
        await self._inner.refuse(ids, reason)


def main(arguments: Sequence[str]) -> int:
    """Run `run [--crash POINT[:N]]`; gives the exit code as the command line would."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["run"])
    parser.add_argument("--crash", type=Crash)
    crash = parser.parse_args(arguments).crash
    namespace = argparse.Namespace(config=None, plant=None, record=None)
    try:
        return run(namespace) if crash is None else run(namespace, rewire=crash.rewire)
    except EdgeAgentError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
