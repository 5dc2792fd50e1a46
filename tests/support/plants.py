"""A small plant and what happens to it, for tests of the core: nouns, messages, a manual clock, a bench, its memory."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import asdict, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from edge_agent.known import Knowledge
from edge_agent.model.commands import OPEN_STATES, CommandRecord
from edge_agent.model.inbox import DispatchReport, Inbox, Kind, Message, PlantChange, PolicyChange, Receipt, Route
from edge_agent.model.plant import Actuator, Node, Plan, Plant, Policy, Sensor, Step, Threshold
from edge_agent.model.quality import Quality
from edge_agent.model.remembered import Remembered, StoredReading
from edge_agent.model.revision import Revision, by_sensor
from edge_agent.model.time import MICROSECONDS, Moment, rfc3339
from edge_agent.monitor.tests.registry import LAYOUT
from edge_agent.turn import run_turn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.commands import ActuatorMemory, Command, Mode
    from edge_agent.model.inbox import Event
    from edge_agent.model.remembered import ClockMemory, DelayMemory, GroupMemory, InterlockMemory, PlanMemory
    from edge_agent.model.turn import Turn

SITE = "riverside"
START = Moment(1_795_341_600_000_000, 5_000.0)  # 2026-11-22T10:00:00Z; the monotonic zero means nothing


def later(seconds: float, moment: Moment = START) -> Moment:
    """The moment that many seconds after another."""
    return moment._replace(at=moment.at + round(seconds * MICROSECONDS), seconds=moment.seconds + seconds)


def sensor(name: str = "tank1/level", quantity: str = "level", unit: str = "m", **more: Any) -> Sensor:
    """A sensor heard every ten seconds; keywords that name a quality test go there."""
    node, _, identity = name.partition("/")
    tests = [test for test in (more.pop(name, None) for name in LAYOUT.names.values()) if test is not None]
    more.setdefault("interval_seconds", 10.0)
    return Sensor(node, identity, quantity, unit, quality=Quality(tests), **more)


def threshold(name: str = "low", limit: float = 1.5, of: str = "tank1/level", **more: Any) -> Threshold:
    node, _, identity = of.partition("/")
    return Threshold(node, identity, name, limit, **more)


def pump(name: str = "station/pump1", **more: Any) -> Actuator:
    node, _, identity = name.partition("/")
    return Actuator(node, identity, more.pop("kind", "pump"), more.pop("fail_safe", "stop"), **more)


def plan(identity: str, when: Iterable[str] | str, *do: tuple[Any, ...], **more: Any) -> Plan:
    """A plan; each of `do` is (actuator, action) or (actuator, action, value)."""
    whens = (when,) if isinstance(when, str) else tuple(when)
    return Plan(identity, whens, tuple(Step(*step) for step in do), **more)


FILL = plan("fill_tank1", "tank1/level:low", ("station/pump1", "start"))
STOP = plan("stop_filling", "tank1/level:high", ("station/pump1", "stop"))
LOW, HIGH = threshold("low", 1.5, deadband=0.2), threshold("high", 5.2, deadband=0.2)


def plant(
    sensors: Iterable[Sensor] | None = None,
    actuators: Iterable[Actuator] | None = None,
    thresholds: Iterable[Threshold] = (LOW, HIGH),
    plans: Iterable[Plan] = (FILL, STOP),
    timestamps: str = "rfc3339",
) -> Plant:
    """A tank with a level, and a station with a pump that fills it, unless told otherwise."""
    sensors = (sensor(),) if sensors is None else tuple(sensors)
    actuators = (pump(),) if actuators is None else tuple(actuators)
    names = dict.fromkeys([*(s.node for s in sensors), *(a.node for a in actuators)])
    nodes = {
        name: Node(
            name,
            {s.id: s for s in sensors if s.node == name},
            {a.id: a for a in actuators if a.node == name},
            timestamps,
        )
        for name in names
    }
    return Plant(SITE, nodes, Policy(tuple(thresholds), tuple(plans)))


def message(kind: Kind, node: str, name: str, payload: object, **more: Any) -> Message:
    """A message; a payload that is not bytes is written as JSON. `packet` gives it a receipt."""
    packet = more.pop("packet", None)
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    topic = "/".join(part for part in ("water", SITE, node, kind.value, name) if part)
    receipt = None if packet is None else Receipt(more.pop("generation", 1), packet)
    return Message(Route(kind, node, name), topic, raw, receipt, **more)


def told(payload: object, of: str = "tank1/level", **more: Any) -> Message:
    """Telemetry of one sensor, or of a whole node where `of` has no slash."""
    node, _, identity = of.partition("/")
    return message(Kind.TELEMETRY, node, identity, payload, **more)


def reading(value: float, at: Moment | float, seq: int | None = None, of: str = "tank1/level", **more: Any) -> Message:
    """A reading as a node sends it; `at` in seconds after START, or a moment."""
    moment = later(at) if isinstance(at, int | float) else at
    members = {"value": value, "ts": rfc3339(moment.at)} | ({} if seq is None else {"seq": seq})
    return told(members, of, **more)


def status(online: bool, node: str = "station") -> Message:
    return message(Kind.STATUS, node, "", b"online" if online else b"offline", retained=True)


def state(word: str, value: float | None = None, of: str = "station/pump1", **more: Any) -> Message:
    """A report of an actuator; `control` may be among the further members."""
    node, _, identity = of.partition("/")
    return message(Kind.STATE, node, identity, {"state": word, "value": value} | more, retained=True)


def ack(command: Command, word: str, detail: str = "") -> Message:
    members = {"id": command.id, "status": word, "detail": detail}
    return message(Kind.ACK, command.node, command.actuator, members)


def published(command: Command, attempt: int = 1) -> DispatchReport:
    return DispatchReport(command.id, "published", f"attempt {attempt}")


def failed(command: Command) -> DispatchReport:
    return DispatchReport(command.id, "failed", "no acknowledgement")


class Memory:
    """What a store would remember of turns: dumb on purpose, by the contract of `Remembered`."""

    def __init__(self) -> None:
        self.epoch = 0
        self._commands: dict[str, CommandRecord] = {}
        self._alarms: dict[Any, Any] = {}
        self._actuators: dict[str, ActuatorMemory] = {}
        self._plans: dict[str, PlanMemory] = {}
        self._groups: dict[str, GroupMemory] = {}
        self._delays: dict[str, DelayMemory] = {}
        self._clocks: dict[str, ClockMemory] = {}
        self._interlocks: dict[str, InterlockMemory] = {}
        self._readings: dict[tuple[str, str, int, int | None], StoredReading] = {}
        self._deliveries: dict[int, Any] = {}
        self._sequences: dict[tuple[str, str], Any] = {}

    @property
    def readings(self) -> list[StoredReading]:
        """Every reading stored, each once, in the order of observation."""
        return sorted(self._readings.values(), key=lambda r: (r.node, r.sensor, r.observed_at, r.seq or 0))

    @property
    def commands(self) -> list[CommandRecord]:
        return list(self._commands.values())

    def write(self, turn: Turn) -> None:
        """Take a turn as a store takes it: copied, keyed, the later over the earlier."""
        for r in [*turn.readings, *turn.settled]:
            key = (r.sensor.node, r.sensor.id, r.observed_at, r.seq)
            stored = StoredReading(
                r.sensor.node, r.sensor.id, r.value, r.observed_at, r.received_at, r.seq, r.flag, r.tests
            )
            if key not in self._readings or r in turn.settled:
                self._readings[key] = stored
        self._deliveries |= {delivery.packet: delivery for delivery in turn.deliveries}
        self._commands |= {command.id: CommandRecord(command) for command in turn.commands}
        for event in turn.command_events:
            record = self._commands[event.command_id]
            record.state, record.attempts = event.state, event.attempts
            record.closed_at = None if event.state in OPEN_STATES else event.at
        self._alarms |= {alarm.key: alarm for alarm in turn.alarms}
        self._actuators |= {memory.actuator: deepcopy(memory) for memory in turn.actuators}
        self._plans |= {memory.plan: replace(memory) for memory in turn.plans}
        self._groups |= {memory.group: deepcopy(memory) for memory in turn.groups}
        self._delays |= {memory.alarm: replace(memory) for memory in turn.delays}
        self._clocks |= {memory.node: replace(memory) for memory in turn.clocks}
        self._interlocks |= {memory.interlock: deepcopy(memory) for memory in turn.interlocks}
        self._sequences |= {memory[:2]: memory for memory in turn.sequences}

    def remembered(self) -> Remembered:
        """What the next run is told."""
        self.epoch += 1
        last = {(r.node, r.sensor): [] for r in self.readings}
        for r in self.readings:
            last[r.node, r.sensor].append(r)
        return Remembered(
            self.epoch,
            [deepcopy(record) for record in self._commands.values() if record.open],
            [alarm for alarm in self._alarms.values() if alarm.active or not alarm.acknowledged],
            [deepcopy(memory) for memory in self._actuators.values()],
            [replace(memory) for memory in self._plans.values()],
            [r for readings in last.values() for r in readings[-3:]],
            list(self._deliveries.values()),
            [memory for memory in self._sequences.values() if memory.seen],
            [replace(memory) for memory in self._delays.values()],
            [replace(memory) for memory in self._clocks.values()],
            [deepcopy(memory) for memory in self._interlocks.values()],
            [deepcopy(memory) for memory in self._groups.values()],
        )


class Bench:
    """An agent's knowledge under a manual clock, and the memory of all its turns."""

    def __init__(self, site: Plant | None = None, mode: Mode = "auto", start: Moment = START) -> None:
        self.site = site or plant()
        self.mode: Mode = mode
        self.now = start
        self.memory = Memory()
        self.inputs: list[tuple[Moment, Inbox]] = []
        self.turns: list[Turn] = []
        self.restart()

    def restart(self, after: float = 0.0, *, now: Moment | None = None) -> None:
        """Begin anew with only what the memory holds; the monotonic clock begins anew as well, unless `now` is told."""
        fresh = Moment(self.now.at + round(after * MICROSECONDS), 100.0 * (self.memory.epoch + 1))
        self.now = now or fresh
        remembered = self.memory.remembered()
        self.knowledge = Knowledge(self.site, self.site.policy, remembered, self.now, agent="gateway-1", mode=self.mode)

    def turn(
        self,
        *messages: Message,
        after: float = 0.0,
        policy: Policy | Revision | None = None,
        plant: Plant | None = None,
        **events: Iterable[Event],
    ) -> Turn:
        """Let `after` seconds pass and run one turn; `events` have names for the reader alone."""
        self.now = later(after, self.now)
        inbox = Inbox(list(messages), list(chain.from_iterable(events.values())))
        if policy is not None:
            inbox.events.append(PolicyChange(whole(policy, self.site) if isinstance(policy, Policy) else policy))
        if plant is not None:
            inbox.events.append(PlantChange(plant))
        turn = run_turn(self.knowledge, inbox, self.now)
        self.memory.write(turn)
        self.inputs.append((self.now, inbox))
        self.turns.append(turn)
        return turn

    def level(self, value: float, after: float = 0.0, of: str = "tank1/level") -> Turn:
        """Let time pass, then take one reading observed now."""
        return self.turn(reading(value, later(after, self.now), of=of), after=after)

    def wait(self, seconds: float, step: float = 1.0) -> list[Turn]:
        """Let time pass in steps without any message."""
        turns = []
        while seconds > 0:
            turns.append(self.turn(after=min(step, seconds)))
            seconds -= step
        return turns

    @property
    def commands(self) -> list[Command]:
        """Every command of every turn, in order."""
        return [command for turn in self.turns for command in turn.commands]

    def verdicts(self) -> list[tuple[str, str]]:
        """(action, verdict) of every decision."""
        return [(decision.action, decision.verdict) for turn in self.turns for decision in turn.decisions]

    def raised(self) -> list[str]:
        """The journal: `tank1/level:low raised`, in order."""
        return [f"{event.key} {event.event}" for turn in self.turns for event in turn.alarm_events]


def whole(policy: Policy, plant: Plant) -> Revision:
    """A policy as one turn puts it in force."""
    limits = by_sensor(policy.thresholds)
    return Revision(
        {sensor.name: limits.get(sensor.name, ()) for sensor in plant.sensors},
        policy.plans,
        provisions=policy.provisions,
    )


def facts(turn: Turn) -> dict[str, Any]:
    """A turn as plain comparable values."""
    return asdict(turn)
