"""A tank of 6 m, the station that fills it and the sensors that look at it, second by second around a bench.

What is true is here: level, pumps, water over the brim. What the agent is told of it is what faults leave of it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from support.plants import Bench, ack, failed, later, plan, plant, published, pump, reading, sensor, state, status
from support.plants import threshold as limit

from edge_agent.model.plant import Policy
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.gross_range import GrossRange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge_agent.model.commands import Command
    from edge_agent.model.inbox import DispatchReport, Message
    from edge_agent.model.plant import Actuator, Plan, Plant, Sensor, Threshold

BRIM = 6.0
HOUR = 3600
#: Net rise while one pump runs, and fall while none does, in metres a second.
RISE, FALL = 1 / 2000, 1 / 8000
#: A delivery is given up after three attempts of five seconds each.
DESPAIR_SECONDS = 15
STRIDE = 5

FILL = plan("fill_tank1", "tank1/level:low", ("station/pump1", "start"))
STOP = plan("stop_at_high", "tank1/level:high", ("station/pump1", "stop"))


def level(name: str = "tank1/level", **tests: Any) -> Sensor:
    """A level as the README has it."""
    ranges = {"gross_range": GrossRange((0.0, 6.0), (0.2, 5.8)), "freshness": Freshness(60, 30)}
    return sensor(name, **(ranges | tests))


def limits(name: str = "tank1/level", low: float = 1.5, high: float = 5.2) -> list[Threshold]:
    """The README's limits of a level."""
    both = (("low", low), ("high", high))
    return [limit(side, at, name, deadband=0.2, on_delay_seconds=10.0, priority="high") for side, at in both]


def protected(name: str = "station/pump1", **more: Any) -> Actuator:
    """A pump as the README has it; what it does not say is as the plant file's defaults have it."""
    return pump(name, **({"min_on_seconds": 300.0, "min_off_seconds": 10.0, "max_starts_per_hour": 6} | more))


def readme(
    plans: Iterable[Plan] = (FILL, STOP),
    actuators: Iterable[Actuator] | None = None,
    sensors: Iterable[Sensor] | None = None,
    thresholds: Iterable[Threshold] | None = None,
) -> Plant:
    """The README's plant, with other parts where they are given."""
    return plant(
        [level()] if sensors is None else sensors,
        [protected()] if actuators is None else actuators,
        limits() if thresholds is None else thresholds,
        plans,
    )


# What a sensor shows of the truth, given how many seconds the fault has lasted; None: nothing.
def silent(_true: float, _seconds: float) -> float | None:
    return None


def broken_wire(_true: float, _seconds: float) -> float | None:
    return -1.0


def frozen_at(value: float) -> Callable[[float, float], float | None]:
    return lambda _true, _seconds: value


def drifting_down(true: float, seconds: float) -> float | None:
    return max(0.0, true - 0.0005 * seconds)


class Station:
    """The node of the pumps, by the command contract, and what may be wrong with it.

    `way` is what becomes of a command: `obeys`, `rejects`, `fails`, `pretends` (says done and does nothing), `deaf`.
    """

    def __init__(self, actuators: Iterable[Actuator]) -> None:
        self.names = [actuator.name for actuator in actuators]
        self.running = dict.fromkeys(self.names, False)
        self.local = False
        self.online = True
        self.way = "obeys"
        self.switches: list[tuple[int, str, bool]] = []
        self._leases: dict[str, int] = {}
        self._outbox: list[Message] = []

    @property
    def nodes(self) -> list[str]:
        return list(dict.fromkeys(name.partition("/")[0] for name in self.names))

    def announce(self) -> list[Message]:
        """What is retained on the broker."""
        told = [status(self.online, node) for node in self.nodes]
        return told + [self._state(name) for name in self.names]

    def _state(self, name: str) -> Message:
        word = "running" if self.running[name] else "stopped"
        return state(word, of=name, control="local" if self.local else "remote")

    def turn(self, name: str, at: int, *, on: bool) -> None:
        """Switch a pump, by whatever hand, and tell."""
        if on is not self.running[name]:
            self.switches.append((at, name, on))
        self.running[name] = on
        self._outbox.append(self._state(name))

    def tick(self, at: int) -> list[Message]:
        """Let leases run out; return what there is to tell."""
        for name in [name for name, ends in self._leases.items() if ends <= at]:
            del self._leases[name]
            self.turn(name, at, on=False)
        return self.said()

    def said(self) -> list[Message]:
        """Return what there is to tell; what an offline node has to tell is lost."""
        told, self._outbox = self._outbox, []
        return told if self.online else []

    def take(self, command: Command, at: int) -> bool:
        """Take a command; return whether it was heard."""
        if self.way == "deaf" or not self.online:
            return False
        if self.way == "obeys":
            on = command.action == "start"
            self._leases.pop(command.target, None)
            if on:
                self._leases[command.target] = at + int(command.lease_seconds)
            self.turn(command.target, at, on=on)
        word = {"rejects": "rejected", "fails": "failed"}.get(self.way, "done")
        self._outbox.append(ack(command, word))
        return True

    def by_hand(self, at: int, *, on: bool, name: str = "station/pump1") -> None:
        """Let somebody switch a pump at its panel: it holds without any lease."""
        self._leases.pop(name, None)
        self.turn(name, at, on=on)

    def power_cut(self, at: int) -> None:
        for name in self.names:
            self.by_hand(at, on=False, name=name)
        self.online = False
        self._outbox.clear()


class World:
    """The tank, the station and the agent. `at` counts the seconds since the start, over restarts of the agent too."""

    def __init__(self, site: Plant | None = None, at_level: float = 1.8, **water: float) -> None:
        self.bench = Bench(site or readme())
        self.station = Station(self.bench.site.actuators)
        self.at = 0
        self.level = self.lowest = self.highest = at_level
        self.rise, self.fall = water.get("rise", RISE), water.get("fall", FALL)
        self.spilled = 0.0
        self.truths: dict[str, Callable[[], float]] = {
            each.name: lambda: self.level for each in self.bench.site.sensors
        }
        self.given: list[tuple[int, Command]] = []
        self._faults: dict[str, tuple[Callable[[float, float], float | None], int]] = {}
        self._lost: list[tuple[int, Command]] = []
        self._turn(self.station.announce())

    # What can be done to it --------------------------------------------------------------------------------------

    def fault(self, shows: Callable[[float, float], float | None], of: str = "tank1/level") -> None:
        self._faults[of] = shows, self.at

    def mend(self, of: str = "tank1/level") -> None:
        self._faults.pop(of, None)

    def edit(self, *plans: Plan) -> None:
        """Put other plans in force, in the running agent and for the next start."""
        policy = Policy(self.bench.site.policy.thresholds, plans)
        self.bench.site = replace(self.bench.site, policy=policy)
        self._turn(policy=policy)

    def restart(self, down_seconds: int = 10) -> None:
        """Kill the agent; the water does not wait for it."""
        for _ in range(down_seconds):
            self.at += 1
            self.station.tick(self.at)
            self._flow()
        self.bench.restart(after=down_seconds)
        self._lost.clear()
        self._turn(self.station.announce())

    def tell(self, *messages: Message, **more: Any) -> None:
        """Let something be said, besides."""
        self._turn(list(messages), **more)

    def by_hand(self, *, on: bool, name: str = "station/pump1") -> None:
        self.station.by_hand(self.at, on=on, name=name)
        self._turn(self.station.said())

    def control(self, *, local: bool) -> None:
        self.station.local = local
        self._turn([self.station._state(name) for name in self.station.names])

    # How it goes on ----------------------------------------------------------------------------------------------

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> World:
        """Let time pass, at most until something is so. What is long, and waits for nothing, goes in larger steps."""
        step = STRIDE if until is None and seconds >= HOUR and self.at % STRIDE == 0 else 1
        for _ in range(0, int(seconds), step):
            if until is not None and until():
                break
            self.at += step
            self._flow(step)
            told = self.station.tick(self.at) + self._readings(float(step))
            gone = [command for due, command in self._lost if due <= self.at]
            self._lost = [(due, command) for due, command in self._lost if due > self.at]
            self._turn(told, [failed(command) for command in gone], after=float(step))
        return self

    def filling(self, until: float = 3.0) -> World:
        """Let the pump run until the tank has filled to a level; lowest and highest count from there."""
        self.run(6 * HOUR, until=lambda: self.runs and self.level >= until)
        assert self.runs
        self.lowest = self.highest = self.level
        return self

    def _flow(self, seconds: int = 1) -> None:
        pumps = sum(self.station.running.values())
        self.level += seconds * (pumps * self.rise if pumps else -self.fall)
        self.spilled += max(0.0, self.level - BRIM)
        self.level = min(BRIM, max(0.0, self.level))
        self.lowest, self.highest = min(self.lowest, self.level), max(self.highest, self.level)

    def _readings(self, passing: float) -> list[Message]:
        now = later(passing, self.bench.now)
        told = []
        for each in self.bench.site.sensors:
            if self.at % int(each.interval_seconds):
                continue
            shows, since = self._faults.get(each.name, (None, 0))
            true = self.truths[each.name]()
            value = true if shows is None else shows(true, self.at - since)
            if value is not None:
                told.append(reading(round(value, 4), now, of=each.name))
        return told

    def _turn(
        self, messages: list[Message] | None = None, deliveries: Iterable[DispatchReport] = (), **more: Any
    ) -> None:
        """Run a turn, and those that its commands bring about."""
        turn = self.bench.turn(*(messages or []), deliveries=deliveries, **more)
        while turn.commands:
            reports = []
            for command in turn.commands:
                self.given.append((self.at, command))
                reports.append(published(command))
                if not self.station.take(command, self.at):
                    self._lost.append((self.at + DESPAIR_SECONDS, command))
            turn = self.bench.turn(*self.station.said(), deliveries=reports)

    # What can be seen --------------------------------------------------------------------------------------------

    @property
    def runs(self) -> bool:
        return any(self.station.running.values())

    @property
    def alarms(self) -> set[str]:
        """The active alarms."""
        return {str(alarm.key) for alarm in self.bench.knowledge.analyzer.register.alarms if alarm.active}

    def since(self, at: int, target: str = "") -> list[str]:
        """The actions commanded from a second on, of all actuators or of one."""
        return [command.action for when, command in self.given if when >= at and target in {"", command.target}]

    def starts(self) -> list[int]:
        """When a pump has really started."""
        return [at for at, _, on in self.station.switches if on]

    def closest_starts(self) -> float:
        return min((after - before for before, after in pairwise(sorted(self.starts()))), default=float("inf"))
