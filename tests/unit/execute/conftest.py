from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
from support.plants import START, failed, later, plant, published, pump

from edge_agent.execute import recall
from edge_agent.execute.execution import Executor
from edge_agent.execute.facts import Executed, Facts, Sighted
from edge_agent.execute.troubles import troubles, watch
from edge_agent.model.commands import CommandRecord, Request
from edge_agent.model.inbox import BreakerReport, LinkReport, Operation
from edge_agent.model.remembered import Remembered

PUMP = "station/pump1"


class ReportedState(NamedTuple):
    actuator: str
    state: str
    value: float | None
    local: bool


class Ack(NamedTuple):
    command_id: str
    status: str
    detail: str
    actuator: str


class Desk:
    """An executor under a clock in seconds after START; keeps everything it decided."""

    def __init__(self, *actuators, mode="auto", remembered=None):
        self.now = START
        self.executor = Executor(
            plant(actuators=actuators or [pump()]), "gateway-1", mode, remembered or Remembered(epoch=7), START
        )
        self.all = Executed()
        self.refused = None  # the epoch that a node has named in refusing this one's
        self._given = []

    def act(self, **facts):
        """Run the second step of a turn on what is told; return what was decided."""
        executed = self.executor.act(Facts(**facts), self.now)
        self.all.commands += executed.commands
        self.all.events += executed.events
        self.all.decisions += executed.decisions
        self._given += executed.commands
        return executed

    def _commands(self):
        given, self._given = self._given, []
        return given

    def at(self, seconds):
        self.now = later(seconds)
        return self

    def request(self, action, value=None, of=PUMP, plan="fill", priority=50, *, trip=False):
        self.act(requests=[Request(of, action, value, plan, priority, "because", trip=trip)])
        return self._commands()

    def tick(self):
        """Return the commands given since the last look, and now."""
        self.act()
        return self._commands()

    def wait(self, until, step=1.0):
        """Let time pass up to `until` seconds after START; returns the commands given."""
        given, seconds = [], self.now.seconds - START.seconds
        while seconds < until:
            seconds = min(seconds + step, until)
            given += self.at(seconds).tick()
        return given

    def next(self, within=600.0):
        """Let time pass until a command is given."""
        end = self.seconds + within
        while self.seconds < end:
            given = self.at(self.seconds + 1).tick()
            if given:
                return given[0]
        raise AssertionError(f"no command within {within:g} s")

    @property
    def seconds(self):
        """Seconds since START."""
        return self.now.seconds - START.seconds

    @staticmethod
    def word(command, word, detail=""):
        """Return what a node says of a command."""
        return Ack(command.id, word, detail, command.target)

    def ack(self, command, word, detail=""):
        executed = self.act(acknowledgements=[self.word(command, word, detail)])
        self.refused = executed.refused_epoch or self.refused
        return [str(event.state) for event in executed.events if event.command_id == command.id]

    def deliver(self, report):
        executed = self.act(dispatches=[report])
        return [
            (str(event.state), event.attempts) for event in executed.events if event.command_id == report.command_id
        ]

    def publish(self, command):
        return self.deliver(published(command))

    def fail(self, command):
        return self.deliver(failed(command))

    def state(self, word, value=None, of=PUMP, *, local=False):
        executed = self.act(states=[ReportedState(of, word, value, local)])
        return [(str(event.state), event.detail) for event in executed.events]

    def online(self, online=True, node="station"):
        self.executor.observe(Sighted(statuses=[(node, online)]), self.now)

    def breaker(self, state, node="station"):
        self.act(breakers=[BreakerReport(node, state)])

    def done(self, action, at=None, word=None):
        """Request, publish, acknowledge and report in one go."""
        if at is not None:
            self.at(at)
        [command] = self.request(action)
        self.publish(command)
        self.ack(command, "done")
        self.state(word or {"start": "running", "stop": "stopped"}[action])
        return command

    def link(self, connected):
        self.act(links=[LinkReport(connected)])

    def operate(self, operation, target=PUMP):
        """Let a person ask; return whether that changed anything."""
        before = self._in_hand()
        self.executor.observe(Sighted(operations=[Operation(operation, target, "ada", "because")]), self.now)
        return self._in_hand() != before

    def _in_hand(self):
        return self.control.panel.hand, self.control.lock_out.failures

    def overhear(self, command_id):
        """Let the node say that it has done a command."""
        self.act(acknowledgements=[Ack(command_id, "done", "", PUMP)])

    @property
    def troubles(self):
        """The names of the conditions of the first actuator, by priority of their own."""
        watch(self.control, self.now.seconds)
        return {name: priority for name, priority, _ in troubles(self.control, self.now.seconds)}

    @property
    def states(self):
        return [str(event.state) for event in self.all.events]

    @property
    def verdicts(self):
        return [(decision.action, decision.verdict) for decision in self.all.decisions]

    @property
    def control(self):
        return self.executor.roster.plant[PUMP]

    def memory(self) -> Remembered:
        """What the next run would be told now."""
        records = [control.record for control in self.executor.roster.plant.values() if control.record]
        memories = [recall.memory(control, self.now) for control in self.executor.roster.plant.values()]
        return Remembered(
            self.executor.epoch + 1,
            [CommandRecord(r.command, r.state, r.attempts) for r in records],
            actuators=[replace(memory, starts=list(memory.starts)) for memory in memories],
        )


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def make_desk():
    return Desk
