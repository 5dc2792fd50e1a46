"""A station to which anything may happen, by the second, and what must be so all the same.

What is true stands here: what equipment does and by whose word, what was said and what came through. Every command is
judged by that, with nothing but the contract and the plant file; `BrokenPromiseError` says which promise it breaks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from support.anysite import (
    ACTUATORS,
    EVIDENCE,
    GROUP,
    GUARDED,
    INTERVAL,
    LEASE,
    LEAST,
    LEVEL,
    ON,
    STARTS,
    SUCTION,
    TTL,
    VALVES,
    site,
)
from support.plants import Bench, ack, failed, later, published, reading, state, status

from edge_agent.model.inbox import Operation
from edge_agent.model.plant import Policy
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.commands import Command
    from edge_agent.model.inbox import Message
    from edge_agent.model.plant import Plan, Provision
    from edge_agent.model.turn import Turn


class BrokenPromiseError(AssertionError):
    """A command, or something that stands, breaks a promise."""


@dataclass
class Machine:
    """One piece of equipment with its node, by the contract; `manner` is what is wrong with the way to it."""

    name: str
    on: bool = False
    by_agent: bool = False  # it does what it does by a command, and that was told
    told: bool = True
    local: bool = False
    online: bool = True
    manner: str = "obeys"
    lease_until: float | None = None
    epoch: int = 0
    executed: dict[str, int] = field(default_factory=dict)
    switched: list[tuple[float, bool]] = field(default_factory=list)  # by commands alone

    @property
    def node(self) -> str:
        return self.name.partition("/")[0]

    def report(self) -> Message:
        words = ("open", "closed") if self.name in VALVES else ("running", "stopped")
        return state(words[0 if self.on else 1], of=self.name, control="local" if self.local else "remote")


class Anything(Bench):
    """The agent and its station. `at` counts true seconds, whatever clocks say."""

    def __init__(self) -> None:
        self.machines = {name: Machine(name) for name in ACTUATORS}
        self.at = 0.0
        self.values: dict[str, float] = {LEVEL: 3.0, SUCTION: 1.0}
        self.silent: set[str] = set()
        self.heard: dict[str, float] = {}  # when each was good last, since the agent's start
        self.waiting: list[tuple[float, int, str, Command]] = []
        self.counters: dict[int, int] = {}
        self.ids: set[str] = set()
        self._order = count()
        super().__init__(site())
        self._begin()

    # What may happen ----------------------------------------------------------------------------------------------

    def passes(self, seconds: int) -> None:
        """Let time pass by the second."""
        for _ in range(seconds):
            self._step(1.0)

    def restart_agent(self, down: int, *, sure: bool = True) -> None:
        """Kill the agent; equipment goes on without it."""
        for _ in range(down):
            self.at += 1
            self._tick()
        self.waiting = [each for each in self.waiting if each[2] == "execute"]
        self.restart(down)
        self.now = self.now._replace(sure=sure)
        self._begin()

    def hand(self, name: str, *, on: bool, local: bool) -> None:
        """Let somebody switch equipment at its panel."""
        machine = self.machines[name]
        machine.on, machine.local, machine.by_agent, machine.lease_until = on, local, False, None
        self._say(machine)

    def link(self, node: str, *, online: bool) -> None:
        """Let a node go, or come back with all that it has to tell."""
        for machine in (each for each in self.machines.values() if each.node == node):
            machine.online = online
        told = [each.report() for each in self.machines.values() if each.node == node and online]
        for each in self.machines.values():
            each.told = each.told or (online and each.node == node)
        self._run(status(online, node), *told)

    def power_cut(self, node: str) -> None:
        """Let a node boot anew: everything of it is off, and it knows no lease."""
        for machine in (each for each in self.machines.values() if each.node == node):
            machine.on, machine.by_agent, machine.lease_until = False, False, None
        self.link(node, online=False)
        self.link(node, online=True)

    def edit(self, plans: Iterable[Plan], provisions: Iterable[Provision]) -> None:
        """Put other plans and provisions in force."""
        policy = Policy((), tuple(sorted(plans, key=lambda each: each.id)), tuple(provisions))
        self.site = replace(self.site, policy=policy)
        self._run(policy=policy)

    def operate(self, word: Any, target: str) -> None:
        self._run(operations=[Operation(word, target, "ada", "looked at it")])

    def set_clock(self, seconds: float, *, sure: bool) -> None:
        """Set the wall clock of the agent, and of all nodes with it."""
        self.now = self.now._replace(at=self.now.at + round(seconds * MICROSECONDS), sure=sure)
        self._run()

    # How it goes on -----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.heard.clear()
        for machine in self.machines.values():
            machine.told = machine.told or machine.online
        nodes = dict.fromkeys((each.node, each.online) for each in self.machines.values())
        self._run(
            *(status(online, node) for node, online in nodes),
            *(each.report() for each in self.machines.values() if each.online),
        )

    def _step(self, seconds: float) -> None:
        self.at += seconds
        told = self._tick()
        if round(self.at) % INTERVAL == 0:
            told += self._readings(seconds)
        gone = [each for each in self.waiting if each[0] <= self.at]
        self.waiting = [each for each in self.waiting if each[0] > self.at]
        reports = []
        for _, _, what, command in sorted(gone, key=lambda each: each[:2]):
            if what == "execute":
                told += self._execute(self.machines[command.target], command)
            else:
                reports.append(failed(command))
        self._run(*told, after=seconds, reports=reports)

    def _readings(self, passing: float) -> list[Message]:
        now = later(passing, self.now)
        names = [name for name in self.values if name not in self.silent]
        for name in names:
            if name == SUCTION or 0.2 <= self.values[name] <= 5.8:
                self.heard[name] = self.at
        return [reading(self.values[name], now, of=name) for name in names]

    def _tick(self) -> list[Message]:
        """Let leases run out."""
        told = []
        for machine in self.machines.values():
            if machine.lease_until is not None and machine.lease_until <= self.at:
                machine.on, machine.by_agent, machine.lease_until, machine.told = False, False, None, machine.online
                told += [machine.report()] if machine.online else []
        return told

    def _say(self, machine: Machine) -> None:
        machine.told = machine.online
        if machine.online:
            self._run(machine.report())

    def _run(self, *messages: Message, **more: Any) -> None:
        """Run a turn, and all that its commands bring about at once."""
        turn = self.turn(*messages, **more)
        for _ in range(60):
            self._judge_what_stands(turn)
            for command in turn.commands:
                self._judge(command)
            told, reports = self._deliver(turn)
            if not turn.commands and self.knowledge.planner.next_seconds() > self.now.seconds:
                return
            turn = self.turn(*told, reports=reports)
        raise BrokenPromiseError("it never comes to rest")

    def _deliver(self, turn: Turn) -> tuple[list[Message], list[Any]]:
        told, reports = [], []
        for command in turn.commands:
            machine = self.machines[command.target]
            manner = machine.manner if machine.online else "deaf"
            if manner == "lost":
                reports.append(failed(command))
                continue
            reports.append(published(command))
            if manner in {"obeys", "twice"}:
                told += self._execute(machine, command)
                told += self._execute(machine, command) if manner == "twice" else []
            elif manner == "rejects":
                told.append(ack(command, "rejected", "it cannot"))
            elif manner == "late":
                self.waiting.append((self.at + 4, next(self._order), "execute", command))
            elif manner == "too late":
                self.waiting.append((self.at + TTL + 3, next(self._order), "execute", command))
            elif manner == "mute":
                self._execute(machine, command)
                machine.told = False
            if manner in {"mute", "deaf", "too late"}:
                self.waiting.append((self.at + 5, next(self._order), "give up", command))
        return told, reports

    def _execute(self, machine: Machine, command: Command) -> list[Message]:
        """Carry out a command by the contract; return what comes of it."""
        if machine.executed.get(command.id) or command.epoch < machine.epoch or self.now.at >= command.expires_at:
            return []
        machine.epoch = max(machine.epoch, command.epoch)
        if machine.local:
            return [ack(command, "rejected", "local")]
        machine.executed[command.id] = 1
        on = command.action in ON
        if on is not machine.on:
            machine.switched.append((self.at, on))
        machine.on, machine.by_agent, machine.told = on, True, True
        machine.lease_until = self.at + LEASE if on else None
        return [ack(command, "done"), machine.report()] if machine.online else []

    # What must be so ----------------------------------------------------------------------------------------------

    def _judge(self, command: Command) -> None:
        machine = self.machines[command.target]
        said = f"{command.target} {command.action} ({command.reason})"
        if command.id in self.ids or command.epoch != self.memory.epoch:
            raise BrokenPromiseError(f"{said}: an id twice, or another epoch")
        self.ids.add(command.id)
        if command.counter <= self.counters.get(command.epoch, 0):
            raise BrokenPromiseError(f"{said}: its counter does not grow")
        self.counters[command.epoch] = command.counter
        if command.expires_at - command.issued_at != TTL * MICROSECONDS:
            raise BrokenPromiseError(f"{said}: expires at another time")
        if command.action in ON:
            self._judge_beginning(machine, said)
            self._judge_evidence(command, said)
        elif command.target == GUARDED:
            self._judge_end(machine, said)

    def _judge_beginning(self, machine: Machine, said: str) -> None:
        if machine.local and machine.told:
            raise BrokenPromiseError(f"{said}: it is in local")
        if not machine.online:
            raise BrokenPromiseError(f"{said}: its node is offline")
        stops = self.knowledge.planner.interlocks.stops
        if machine.name in stops:
            raise BrokenPromiseError(f"{said}: an interlock stops it")
        declared = {each.id for each in self.site.policy.provisions}
        if machine.on:
            return  # a lease is renewed
        if "valves" in declared and machine.name in VALVES:
            (other,) = (self.machines[name] for name in VALVES if name != machine.name)
            if other.on:
                raise BrokenPromiseError(f"{said}: the other valve is open")
        if machine.name in GROUP and any(self.machines[name].on and self.machines[name].told for name in GROUP):
            raise BrokenPromiseError(f"{said}: one of the group runs already")
        if machine.name == GUARDED:
            self._judge_start(machine, said, permit="ready" in declared)

    def _judge_start(self, machine: Machine, said: str, *, permit: bool) -> None:
        stops = [at for at, on in machine.switched if not on]
        if stops and self.at - stops[-1] < LEAST - 1 and machine.told:
            raise BrokenPromiseError(f"{said}: it has rested for {self.at - stops[-1]} s")
        if sum(on and self.at - at < 3600 for at, on in machine.switched) >= STARTS:
            raise BrokenPromiseError(f"{said}: it has started {STARTS} times within the hour")
        if permit and not (self.values_heard(SUCTION) and self.last[SUCTION] > 0.5):
            raise BrokenPromiseError(f"{said}: without its permit")

    def _judge_end(self, machine: Machine, said: str) -> None:
        starts = [at for at, on in machine.switched if on]
        by_agent = machine.on and machine.by_agent and machine.told and starts
        if (
            by_agent
            and self.at - starts[-1] < LEAST - 1
            and machine.name not in self.knowledge.planner.interlocks.stops
        ):
            raise BrokenPromiseError(f"{said}: it has run for {self.at - starts[-1]} s")

    def _judge_evidence(self, command: Command, said: str) -> None:
        if not self.values_heard(LEVEL):
            raise BrokenPromiseError(f"{said}: the level was good {self.heard.get(LEVEL)}, and it is {self.at}")
        if command.plan not in {each.id for each in self.site.policy.plans}:
            raise BrokenPromiseError(f"{said}: of no plan that is in force")

    def values_heard(self, name: str) -> bool:
        """Whether a sensor was good, since the agent's start, as lately as evidence counts."""
        return name in self.heard and self.at - self.heard[name] <= EVIDENCE + 1

    @property
    def last(self) -> dict[str, float]:
        """What each sensor has said last."""
        return {name: self.knowledge.gauge(name).good or 0.0 for name in self.values}

    def _judge_what_stands(self, turn: Turn) -> None:
        """Whatever runs by the agent's word is wanted, or something is under way, or it is told why not."""
        del turn
        alarmed = {f"{alarm.key.node}/{alarm.key.sensor}" for alarm in self.knowledge.analyzer.register.active.values()}
        for machine in self.machines.values():
            control = self.knowledge.executor.roster.plant[machine.name]
            if not (machine.on and machine.by_agent and machine.told and machine.online) or machine.local:
                continue
            wanted = control.desired is not None and not control.safe
            if not (wanted or control.record or control.held_back or machine.name in alarmed):
                raise BrokenPromiseError(f"{machine.name} runs and nobody says why: {control!r}")

    def settle(self) -> None:
        """Put all in order with a full tank: everything comes to rest."""
        for machine in self.machines.values():
            machine.manner, machine.local = "obeys", False
        for node in dict.fromkeys(each.node for each in self.machines.values()):
            self.link(node, online=True)
        self.silent.clear()
        self.values |= {LEVEL: 5.0, SUCTION: 1.0}
        for name in ACTUATORS:
            self.operate("release", name)
        self.passes(100)
        for name in (*ACTUATORS, "dry"):
            self.operate("reset", name)
        self.passes(100)
        running = [machine.name for machine in self.machines.values() if machine.on and machine.by_agent]
        if running:
            raise BrokenPromiseError(f"{running} run though the tank is full")
