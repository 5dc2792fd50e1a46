"""A tank of 6 m that a station's pump fills, second by second beside the core, with sensors and nodes that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.plants import (
    HIGH,
    LOW,
    Bench,
    ack,
    failed,
    later,
    plan,
    plant,
    published,
    pump,
    reading,
    sensor,
    state,
    status,
)

from edge_agent.model.plant import Freshness, GrossRange

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.model.commands import Command
    from edge_agent.model.inbox import Message

BRIM = 6.0
#: Net rise while the pump runs, and fall while it rests, in metres a second.
RISE, FALL = 1 / 2000, 1 / 8000
STEP = 5
FILL = plan("fill", "tank1/level:low", ("station/pump1", "start"))
STOP = plan("full", "tank1/level:high", ("station/pump1", "stop"))
HOURS = 3600.0


def level(name: str = "tank1/level", **tests: Any) -> Any:
    """A level sensor as the README has it: heard every ten seconds."""
    tests = {"gross_range": GrossRange((0.0, 6.0), (0.2, 5.8)), "freshness": Freshness(60, 30)} | tests
    return sensor(name, **tests)


class TankWorld:
    """What is true (the level, whether the pump runs), and the agent that believes what it is told.

    `shows` turns the true level into what the sensor tells, or None where it is silent. `obeys` says what the node
    makes of a command: `done`, `failed`, `rejected`, `nothing` (done in words only), or `deaf`.
    """

    def __init__(self, site: Any = None, at: float = 1.4, **protections: Any) -> None:
        self.site = site or plant([level()], [pump(**protections)], [LOW, HIGH], [FILL, STOP])
        self.bench = Bench(self.site)
        self.level, self.running, self.spilled, self.lowest = at, False, 0.0, at
        self.shows: Callable[[float], float | None] = lambda true: true
        self.also: Callable[[float], list[Message]] = lambda true: []
        self.obeys = "done"
        self.lease: float | None = None
        self.switches = 0
        self._seen = 0
        self.bench.turn(status(True), state("stopped"))

    @property
    def commands(self) -> list[Command]:
        return self.bench.commands

    @property
    def actions(self) -> list[str]:
        return [command.action for command in self.commands]

    def alarms(self) -> set[str]:
        return {str(alarm.key) for alarm in self.bench.knowledge.analyzer.register.alarms if alarm.active}

    def run(self, seconds: float, until: Callable[[TankWorld], bool] = lambda world: False) -> TankWorld:
        """Let the world go on, until something is so."""
        passed = 0
        while passed < seconds and not until(self):
            passed += STEP
            self._flow()
            told = self._told() if passed % 10 == 0 else []
            self.bench.turn(*told, after=STEP)
            self._obey()
        return self

    def _flow(self) -> None:
        self.level += (RISE if self.running else -FALL) * STEP
        if self.level > BRIM:
            self.spilled += self.level - BRIM
            self.level = BRIM
        self.level = max(0.0, self.level)
        self.lowest = min(self.lowest, self.level)
        if self.lease is not None and self.bench.now.seconds >= self.lease:
            self.switch(on=False)

    def _told(self) -> list[Message]:
        value = self.shows(self.level)
        now = later(STEP, self.bench.now)
        told = [] if value is None else [reading(round(value, 4), now)]
        return told + self.also(self.level)

    def switch(self, *, on: bool, tell: bool = True) -> None:
        """Switch the pump by whatever: its node, its lease, a hand."""
        if on is not self.running:
            self.switches += 1
        self.running = on
        if not on:
            self.lease = None
        if tell:
            self.bench.turn(state("running" if on else "stopped"))

    def _obey(self) -> None:
        while self._seen < len(self.bench.commands):
            command = self.bench.commands[self._seen]
            self._seen += 1
            if self.obeys == "deaf":
                self.bench.turn(deliveries=[published(command)])
                self.bench.turn(deliveries=[failed(command)])
                continue
            word = "done" if self.obeys == "nothing" else self.obeys
            if self.obeys == "done":
                on = command.action == "start"
                self.switches += on is not self.running
                self.running = on
                self.lease = self.bench.now.seconds + command.lease_seconds if on else None
                self.bench.turn(
                    state("running" if on else "stopped"), ack(command, word), deliveries=[published(command)]
                )
            else:
                self.bench.turn(ack(command, word), deliveries=[published(command)])


def filling(world: TankWorld, until: float = 3.0) -> TankWorld:
    """Let the pump fill up to a level."""
    world.run(4 * HOURS, until=lambda w: w.running and w.level >= until)
    assert world.running
    return world
