from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from loguru import logger
from support.clocks import ManualClock

from edge_agent.errors import BrokerUnavailableError, PublishRefusedError, StoreError
from edge_agent.execute.identity import command_id
from edge_agent.known import Knowledge
from edge_agent.model.alarms import Alarm, AlarmKey
from edge_agent.model.commands import Command
from edge_agent.model.inbox import DispatchReport, Kind, Message, Receipt, Route
from edge_agent.model.plant import Actuator, Node, Plan, Plant, Policy, Sensor, Step, Threshold
from edge_agent.model.remembered import Remembered
from edge_agent.model.time import MICROSECONDS
from edge_agent.runtime.announcer import Announcer
from edge_agent.runtime.commit import GroupCommit
from edge_agent.runtime.context import LoopContext
from edge_agent.runtime.dispatcher import Dispatcher
from edge_agent.runtime.inbox import BoundedInbox
from edge_agent.runtime.loop import Loop
from edge_agent.runtime.waiting import CommitRules
from edge_agent.runtime.writing import Writing


class FakeOutlet:
    """Keeps what is said; says no while `away` or `refusing`; confirms only while `confirming` is set."""

    def __init__(self, events):
        self.events = events
        self.away = self.refusing = False
        self.tried = 0
        self.confirming = asyncio.Event()
        self.confirming.set()
        self.commands, self.remaining, self.alarms, self.letters, self.statuses = [], [], [], [], []

    async def _say(self, kind, kept, what):
        self.tried += 1
        if self.away:
            raise BrokerUnavailableError("the broker is away")
        if self.refusing:
            raise PublishRefusedError("the broker refused it")
        self.events.append(f"publish {kind}")
        await asyncio.sleep(0)  # as no confirmation comes at once
        await self.confirming.wait()
        if self.away:
            raise BrokerUnavailableError("the broker went away")
        kept.append(what)

    async def command(self, command, remaining_seconds):
        self.remaining.append(remaining_seconds)
        await self._say("command", self.commands, command)

    async def alarm(self, alarm):
        await self._say("alarm", self.alarms, alarm)

    async def dead_letter(self, letter):
        await self._say("dead letter", self.letters, letter)

    async def status(self, state):
        await self._say(f"status {state}", self.statuses, state)


class FakeInlet:
    """Notes that it is held back, and what may be acknowledged."""

    def __init__(self, events):
        self.events = events
        self.paused = False
        self.pauses = 0
        self.acknowledged = []

    def pause(self):
        self.paused = True
        self.pauses += 1

    def resume(self):
        self.paused = False

    def acknowledge(self, receipts):
        found = list(receipts)
        self.acknowledged += found
        if found:
            self.events.append("acknowledge")


class FakeJournal:
    """Keeps turns in memory; cannot write while `broken`, and nothing that came in while `full`; waits for `hangs`."""

    def __init__(self, events):
        self.events = events
        self.broken = self.full = False
        self.renewed = self.hangs = None
        self.tried = 0
        self.writes = []

    @property
    def turns(self):
        return [turn for write in self.writes for turn in write]

    async def write(self, turns):
        self.tried += 1
        if self.hangs is not None:
            await self.hangs.wait()
        if self.broken or (self.full and any(turn.readings for turn in turns)):
            raise StoreError("the disk is full")
        self.events.append("store")
        self.writes.append(list(turns))
        renewed, self.renewed = self.renewed, None
        return SimpleNamespace(duplicates=0, renewed=renewed)


class FakeObserver:
    """Keeps what it sees."""

    def __init__(self):
        self.turns, self.stages, self.reactions, self.duplicates, self.missing = [], [], [], 0, 0

    def turn(self, turn):
        self.turns.append(turn)

    def stage(self, name, seconds):
        self.stages.append((name, seconds))

    def reaction(self, seconds):
        self.reactions.append(seconds)

    def written(self, duplicates):
        self.duplicates += duplicates

    def missed(self, messages):
        self.missing += messages


class ReportBox:
    """Keeps what the dispatcher reports."""

    def __init__(self):
        self.dispatches, self.breakers = [], []

    def report(self, report):
        (self.dispatches if isinstance(report, DispatchReport) else self.breakers).append(report)

    @property
    def states(self):
        return [report.state for report in self.dispatches]


class _OverError(Exception):
    pass


def _over():
    raise _OverError


@asynccontextmanager
async def cut_off_group():
    try:
        async with asyncio.TaskGroup() as group:
            yield group
            _over()
    except* _OverError:
        pass


@pytest.fixture
def task_group():
    """A task group that cuts off what still runs at its end."""
    return cut_off_group


@pytest.fixture
def events():
    return []


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def hasty_clock():
    """Plant time that runs so fast that every timeout is the shortest there is."""
    return ManualClock(speed=1000.0)


@pytest.fixture
def outlet(events):
    return FakeOutlet(events)


@pytest.fixture
def inlet(events):
    return FakeInlet(events)


@pytest.fixture
def journal(events):
    return FakeJournal(events)


@pytest.fixture
def observer():
    return FakeObserver()


@pytest.fixture
def errors():
    """The sentences that are logged as errors."""
    sentences = []
    sink = logger.add(lambda message: sentences.append(message.record["message"]), level="ERROR")
    yield sentences
    logger.remove(sink)


@pytest.fixture
def reports():
    return ReportBox()


@pytest.fixture
def low():
    return Threshold("tank1", "level", "low", 1.5, deadband=0.2, priority="high")


@pytest.fixture
def plant(low):
    """A tank with a level that may be low, and a station whose pump a plan starts then."""
    level = Sensor("tank1", "level", "level", "m", interval_seconds=10.0)
    pumps = {
        name: Actuator("station", name, "pump", "stop", ack_timeout_seconds=1.0, command_ttl_seconds=30.0)
        for name in ("pump1", "pump2")
    }
    plan = Plan("fill_tank1", ("tank1/level:low",), (Step("station/pump1", "start"),))
    nodes = {"tank1": Node("tank1", {"level": level}), "station": Node("station", {}, pumps)}
    full = Plan("stop_filling", ("tank1/level:high",), (Step("station/pump1", "stop"),))
    high = Threshold("tank1", "level", "high", 5.2)
    return Plant("riverside", nodes, Policy((high, low), (plan, full)))


@pytest.fixture
def make_knowledge(plant, clock):
    def make(mode="auto", now=None):
        return Knowledge(plant, plant.policy, Remembered(epoch=7), now or clock.now(), agent="gateway-1", mode=mode)

    return make


@pytest.fixture
def level_message():
    def make(value, packet=1):
        route = Route(Kind.TELEMETRY, "tank1", "level")
        return Message(route, "water/riverside/tank1/telemetry/level", f"{value}".encode(), Receipt(1, packet))

    return make


@pytest.fixture
def ack_message():
    def make(command, status="accepted", packet=100):
        payload = f'{{"id": "{command.id}", "status": "{status}"}}'.encode()
        route = Route(Kind.ACK, command.node, command.actuator)
        return Message(route, f"water/riverside/{command.node}/ack/{command.actuator}", payload, Receipt(1, packet))

    return make


@pytest.fixture
def make_command(clock):
    def make(counter=1, actuator="pump1", at=None, ttl_seconds=30.0, action="start"):
        at = clock.now().at if at is None else at
        identity = command_id("riverside", "gateway-1", 7, counter, at)
        expires_at = at + round(ttl_seconds * MICROSECONDS)
        return Command(
            identity, "riverside", "station", actuator, action, None, at, expires_at, 900.0, 7, counter,
            "fill_tank1", "the level is low",
        )  # fmt: skip

    return make


@pytest.fixture
def make_alarm(clock):
    def make(sensor="level", *, active=True, reason="below low", priority="high"):
        key = AlarmKey("tank1", sensor, "low")
        return Alarm(key, priority, active, acknowledged=False, since=clock.now().at, reason=reason)

    return make


@pytest.fixture
def make_dispatcher(plant, inlet, outlet, reports, observer):
    def make(group, clock):
        context = LoopContext(inbox=reports, inlet=inlet, clock=clock, observer=observer, group=group)
        return Dispatcher(context, outlet, plant.actuators)

    return make


@pytest.fixture
def make_loop(plant, clock, inlet, outlet, journal, observer, make_knowledge):
    """Make a loop with real dispatcher and announcer; `loop.parts` holds what a test may want to touch."""

    def make(group, *, commit_seconds=60.0, most_unacknowledged=1000, mode="auto", recorder=None, high_water=1000):
        inbox = BoundedInbox(high_water, clock.steady)
        inbox.inlet = inlet
        announcer = Announcer(outlet)
        context = LoopContext(inbox=inbox, inlet=inlet, clock=clock, observer=observer, group=group)
        dispatcher = Dispatcher(context, outlet, plant.actuators)
        knowledge = make_knowledge(mode)
        writing = Writing(context, knowledge, journal)
        rules = CommitRules(commit_seconds, most_unacknowledged)
        commits = GroupCommit(context, writing=writing, announcer=announcer, dispatcher=dispatcher, rules=rules)
        loop = Loop(context, knowledge, commits, recorder=recorder, equipped=dispatcher.equip)
        return SimpleNamespace(loop=loop, inbox=inbox, announcer=announcer, dispatcher=dispatcher, commits=commits)

    return make
