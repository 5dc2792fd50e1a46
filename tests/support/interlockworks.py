"""Interlocks in one line each, and a pump station with a suction pressure, a flow and two valves, under a bench."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from support.plants import Bench, ack, later, plan, plant, published, pump, reading, sensor, state

from edge_agent.model.inbox import Operation
from edge_agent.model.plant import Policy, Provision
from edge_agent.plan.provisions.registry import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.commands import Command
    from edge_agent.model.inbox import Message
    from edge_agent.model.plant import Actuator, Plan, Threshold
    from edge_agent.model.remembered import InterlockView
    from edge_agent.model.turn import Turn

PUMP1, PUMP2 = "station/pump1", "station/pump2"
VALVE_A, VALVE_B = "zone/valve_a", "zone/valve_b"
SUCTION, LEVEL, FLOW = "station/suction", "tank1/level", "station/flow"
WORDS = {"start": "running", "stop": "stopped", "open": "open", "close": "closed"}
#: What a plan that always applies looks at.
LOW = f"{LEVEL} < 2"


def interlock(identity: str, **given: Any) -> Provision:
    """An interlock with the keys of the plant file."""
    return Provision("interlock", identity, canonical("interlock", json.dumps(given)))


def dry(condition: str = f"{SUCTION} < 0.3", **more: Any) -> Provision:
    """A trip that stops the first pump where its suction pressure is low."""
    return interlock("dry", trip=condition, **({"stop": [PUMP1]} | more))


def starts(actuator: str = PUMP1, action: str = "start", **more: Any) -> Plan:
    """A plan that asks for something while the level is low."""
    return plan(f"run_{actuator.partition('/')[2]}", LOW, (actuator, action), **more)


def equipment(**more: Any) -> list[Actuator]:
    quick = {"min_on_seconds": 0.0, "min_off_seconds": 0.0, "max_starts_per_hour": None} | more
    valves = {"kind": "valve", "fail_safe": "close"}
    return [
        pump(PUMP1, **quick),
        pump(PUMP2, **quick),
        pump(VALVE_A, **valves, **quick),
        pump(VALVE_B, **valves, **quick),
    ]


class Station(Bench):
    """A station whose equipment does what it is told, unless it is `deaf`. `runs` is what runs, or is open."""

    def __init__(
        self,
        provisions: Iterable[Provision],
        plans: Iterable[Plan] = (starts(),),
        actuators: Iterable[Actuator] | None = None,
        sensors: Mapping[str, Any] | None = None,
        thresholds: Iterable[Threshold] = (),
        **more: Any,
    ) -> None:
        tests = sensors or {}
        kinds = {LEVEL: ("level", "m"), SUCTION: ("pressure", "bar"), FLOW: ("flow", "m3/h")}
        those = [sensor(name, *kind, **tests.get(name, {})) for name, kind in kinds.items()]
        site = plant(those, equipment() if actuators is None else actuators, thresholds, plans)
        self.runs: set[str] = set()
        self.deaf = False
        self.given: list[str] = []
        super().__init__(replace(site, policy=replace(site.policy, provisions=tuple(provisions))), **more)

    def come(self, *messages: Message, after: float = 1.0, **more: Any) -> list[str]:
        """Let time pass and something come; return the commands that were given, in words."""
        return self._obeyed(self.turn(*messages, after=after, **more))

    def hears(self, after: float = 1.0, **values: float) -> list[str]:
        """Let good readings come: of the level, the suction pressure, the flow."""
        return self.come(*self.readings(after, **values), after=after)

    def readings(self, after: float = 1.0, **values: float) -> list[Message]:
        names = {"level": LEVEL, "suction": SUCTION, "flow": FLOW}
        return [reading(value, later(after, self.now), of=names[name]) for name, value in values.items()]

    def passes(self, seconds: float, step: float = 1.0) -> list[str]:
        """Let time pass without a word."""
        return [word for turn in self.wait(seconds, step) for word in self._obeyed(turn)]

    def running(self) -> None:
        """Let the first pump be started by its plan, for good reasons."""
        self.come(*(state(WORDS[word], of=of) for of, word in self._at_rest()))
        assert self.hears(level=1.0, suction=1.0, flow=9.0) == [f"{PUMP1} start"]
        assert PUMP1 in self.runs

    def _at_rest(self) -> list[tuple[str, str]]:
        return [(each.name, each.fail_safe) for each in self.site.actuators]

    def reports(self, of: str = PUMP1, word: str = "stopped", **more: Any) -> list[str]:
        return self.come(state(word, of=of, **more))

    def reset(self, target: str = "dry", word: Any = "reset") -> list[str]:
        return self.come(operations=[Operation(word, target, "ada", "looked at it")])

    def edit(self, *provisions: Provision, plans: Iterable[Plan] | None = None) -> list[str]:
        policy = self.site.policy
        changed = Policy(policy.thresholds, policy.plans if plans is None else tuple(plans), provisions)
        self.site = replace(self.site, policy=changed)
        return self.come(policy=changed)

    def restarts(self, after: float = 10.0) -> None:
        self.restart(after)
        self.deaf = False

    def _obeyed(self, turn: Turn) -> list[str]:
        said = []
        for command in turn.commands:
            word = f"{command.node}/{command.actuator} {command.action}"
            said.append(word)
            self.given.append(word)
            if not self.deaf:
                said += self._obey(f"{command.node}/{command.actuator}", command)
        return said

    def _obey(self, name: str, command: Command) -> list[str]:
        on = command.action in {"start", "open"}
        (self.runs.add if on else self.runs.discard)(name)
        told = ack(command, "done"), state(WORDS[command.action], of=name)
        return self._obeyed(self.turn(*told, dispatches=[published(command)]))

    @property
    def dry(self) -> InterlockView:
        """How the trip is."""
        return self.view("dry")

    def view(self, identity: str) -> InterlockView:
        return {each.interlock: each for each in self.knowledge.snapshot(self.now).interlocks}[identity]

    @property
    def alarms(self) -> dict[str, str]:
        """The active alarms of actuators, with their reasons."""
        active = self.knowledge.analyzer.register.active
        return {name: alarm.reason for name, alarm in active.items() if alarm.key.threshold in _OF_INTERLOCKS}

    def said(self, verdict: str) -> list[str]:
        """The reasons, or what is against it, of all decisions of one kind."""
        found = [decision for turn in self.turns for decision in turn.decisions if decision.verdict == verdict]
        return [
            "; ".join(check.detail for check in decision.checks if not check.passed) or decision.reason
            for decision in found
        ]


_OF_INTERLOCKS = {"tripped", "no_evidence", "no_effect", "locked_out"}
