"""A gateway whose wall clock may be wrong after a boot, beside a station that keeps the true time, or knows none.

yard = Yard(clockless=True)
yard.level = 1.0
yard.run(60)
yard.boot(ahead=-3600, right_after=600)   # an hour behind; a time server is reached ten minutes later
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.plants import START, ack, reading, state, told
from support.waterworks import Station, World, readme

from edge_agent.model.time import MICROSECONDS, Instant, Moment, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.commands import Command
    from edge_agent.model.inbox import Message
    from edge_agent.model.plant import Actuator, Plant


class KeptStation(Station):
    """The station by the command contract in full: each id once, nothing expired where it knows the time.

    `done` has (second, command) for what was carried out, `fallen` when a lease ran out.
    """

    def __init__(self, actuators: Iterable[Actuator], *, clockless: bool) -> None:
        super().__init__(actuators)
        self.clockless = clockless
        self.at = 0
        self.done: list[tuple[int, Command]] = []
        self.fallen: list[int] = []

    @property
    def now(self) -> Instant:
        return START.at + self.at * MICROSECONDS

    def tick(self, at: int) -> list[Message]:
        self.at = at
        self.fallen += [at for ends in self._leases.values() if ends <= at]
        return super().tick(at)

    def take(self, command: Command, at: int) -> bool:
        self.at = at
        if self.way == "obeys" and self.online:
            if not self.clockless and self.now > command.expires_at:
                self._outbox.append(ack(command, "rejected", "expired"))
                return True
            self.done.append((at, command))
        return super().take(command, at)

    def _state(self, name: str) -> Message:
        word = "running" if self.running[name] else "stopped"
        time = {} if self.clockless else {"ts": rfc3339(self.now)}
        return state(word, of=name, control="local" if self.local else "remote", **time)


class Yard(World):
    """The tank, whose level only tests change, the station, and the agent on a machine that boots."""

    def __init__(self, site: Plant | None = None, at_level: float = 3.0, *, clockless: bool) -> None:
        self.right_at: float | None = None
        self._down = False
        super().__init__(site or readme(), at_level, rise=0.0, fall=0.0)
        self.station: KeptStation = KeptStation(self.bench.site.actuators, clockless=clockless)
        self.bench.restart(now=Moment(START.at, 5_000.0, "boot 0"))
        self._boots = 0
        self.booted_at = 0
        self._turn(self.station.announce())

    @property
    def true(self) -> Moment:
        """The agent's present moment, as a right clock would show it."""
        return self.bench.now._replace(at=self.station.now, sure=True)

    def boot(self, *, ahead: float, right_after: float | None = None, down: int = 5, sure: bool = False) -> None:
        """Cut the power, and let the machine boot with its clock so far ahead; NTP comes after so many seconds."""
        self._boots += 1
        self.booted_at = self.at + down
        at = START.at + round((self.booted_at + ahead) * MICROSECONDS)
        self.rerun(Moment(at, 20.0, f"boot {self._boots}", sure), down=down)
        self.right_at = None if right_after is None else self.at + right_after

    def rerun(self, now: Moment, *, down: int) -> None:
        """Let the agent be gone for some seconds, and start at a moment."""
        self._down = True
        for _ in range(down):
            self.at += 1
            self.station.tick(self.at)
            self._flow()
        self._down = False
        self._lost.clear()
        self.bench.restart(now=now)
        self._turn(self.station.announce())

    def first(self, action: str, since: int | None = None) -> int | None:
        """The second in which a command of an action was first carried out since the boot, or since a second."""
        after = self.booted_at if since is None else since
        return next((at for at, command in self.station.done if at >= after and command.action == action), None)

    def _flow(self, seconds: int = 1) -> None:
        super()._flow(seconds)
        if not self._down and self.right_at is not None and self.at >= self.right_at:
            at = START.at + (self.at - seconds) * MICROSECONDS
            self.bench.now, self.right_at = self.bench.now._replace(at=at, sure=True), None

    def _readings(self, passing: float) -> list[Message]:
        told_now: list[Message] = []
        for each in self.bench.site.sensors:
            if self.at % int(each.interval_seconds):
                continue
            value: Any = round(self.truths[each.name](), 4)
            if self.station.clockless:
                told_now.append(told({"value": value}, of=each.name))
            else:
                at = Moment(START.at + self.at * MICROSECONDS, 0.0)
                told_now.append(reading(value, at, of=each.name))
        return told_now
