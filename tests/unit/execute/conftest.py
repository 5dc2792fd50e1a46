from __future__ import annotations

from dataclasses import replace

import pytest
from support.plants import START, failed, later, plant, published, pump

from edge_agent.execute.execution import Executed, Executor
from edge_agent.execute.troubles import troubles, watch
from edge_agent.model.commands import CommandRecord, Wish
from edge_agent.model.inbox import BreakerReport, Operation
from edge_agent.model.remembered import Remembered

PUMP = "station/pump1"


class Desk:
    """An executor under a clock in seconds after START; keeps everything it decided."""

    def __init__(self, *actuators, mode="auto", remembered=None):
        self.now = START
        self.executor = Executor(
            plant(actuators=actuators or [pump()]), "gateway-1", mode, remembered or Remembered(epoch=7), START
        )
        self.all = Executed()

    def _merge(self, executed):
        self.all.commands += executed.commands
        self.all.events += executed.events
        self.all.decisions += executed.decisions
        return executed

    def at(self, seconds):
        self.now = later(seconds)
        return self

    def wish(self, action, value=None, of=PUMP, plan="fill", priority=50, *, trip=False):
        executed = Executed()
        self.executor.wish([Wish(of, action, value, plan, priority, "because", trip=trip)], executed, self.now)
        self.executor.reconcile(executed, self.now)
        return self._merge(executed).commands

    def tick(self):
        executed = Executed()
        self.executor.reconcile(executed, self.now)
        self.executor.conditions(self.now)
        return self._merge(executed).commands

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

    def ack(self, command, word, detail=""):
        executed = Executed()
        self.executor.acknowledge(command.id, word, detail, executed, self.now)
        return [str(event.state) for event in self._merge(executed).events]

    def deliver(self, report):
        executed = Executed()
        self.executor.delivered(report, executed, self.now)
        return [(str(event.state), event.attempts) for event in self._merge(executed).events]

    def publish(self, command):
        return self.deliver(published(command))

    def fail(self, command):
        return self.deliver(failed(command))

    def state(self, word, value=None, of=PUMP, *, local=False):
        executed = Executed()
        self.executor.report(of, word, value, executed, self.now, local=local)
        return [(str(event.state), event.detail) for event in self._merge(executed).events]

    def online(self, online=True, node="station"):
        self.executor.node_status(node, online, self.now)

    def breaker(self, state, node="station"):
        self.executor.breaker(BreakerReport(node, state), self.now)

    def done(self, action, at=None, word=None):
        """Wish, publish, acknowledge and report in one go."""
        if at is not None:
            self.at(at)
        [command] = self.wish(action)
        self.publish(command)
        self.ack(command, "done")
        self.state(word or {"start": "running", "stop": "stopped"}[action])
        return command

    def link(self, connected):
        self.executor.link(self.now, connected=connected)

    def operate(self, operation, target=PUMP):
        return self.executor.operate(Operation(operation, target, "ada", "because"), self.now)

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
        return self.executor.controls[PUMP]

    def memory(self) -> Remembered:
        """What the next run would be told now."""
        records = [control.record for control in self.executor.controls.values() if control.record]
        memories = [control.memory(self.now) for control in self.executor.controls.values()]
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
