"""A station of pumps in groups and sequences whose equipment does what it is told, unless a test says otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.plants import Bench, ack, plant, published, pump, sensor, state, status

from edge_agent.model.inbox import Operation
from edge_agent.model.plant import Actuator, Plan, Plant, Policy, Provision, Step
from edge_agent.plan.kinds.registry import canonical as canonical_plan
from edge_agent.plan.provisions.registry import canonical
from edge_agent.plan.targets import RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.commands import Command
    from edge_agent.model.turn import Turn

LEVEL = "tank/level"
QUICK: dict[str, Any] = {"min_on_seconds": 0.0, "min_off_seconds": 0.0, "max_starts_per_hour": 0}


def group(name: str, members: Iterable[str], **more: Any) -> Provision:
    """A group; keywords are its keys."""
    return Provision("group", name, canonical("group", json.dumps({"members": list(members), **more})))


def sequence(name: str, on: Iterable[Mapping[str, Any]], off: Iterable[Mapping[str, Any]], **more: Any) -> Provision:
    """A sequence; steps as they stand in a plant file."""
    told = {"on": list(on), "off": list(off), **more}
    return Provision("sequence", name, canonical("sequence", json.dumps(told)))


def runs(identity: str, when: str, number: int, of: str = "s1", until: Iterable[str] = (), **more: Any) -> Plan:
    """A plan that asks a group for a number while a condition holds, or until another does."""
    parameters = canonical_plan("condition", json.dumps({"until": list(until)}))
    return Plan(identity, (when,), (Step(f"group {of}", RUN, float(number)),), parameters=parameters, **more)


def stages(*limits: tuple[float, float, str], identity: str = "fill", direction: str = "fill", **more: Any) -> Plan:
    """A plan by the level; each of `limits` is (on, off, use)."""
    told = [{"on": on, "off": off, "use": use} for on, off, use in limits]
    parameters = json.dumps({"measure": LEVEL, "direction": direction, "stages": told})
    return Plan(identity, (), (), kind="stages", parameters=canonical_plan("stages", parameters), **more)


def works(pumps: Iterable[str] | Iterable[Actuator], provisions: Iterable[Provision], *plans: Plan) -> Plant:
    """A plant of pumps without protections but those of their declarations."""
    each = [one if isinstance(one, Actuator) else pump(one, **QUICK) for one in pumps]
    made = plant([sensor(LEVEL)], each, [], plans)
    policy = Policy((), tuple(sorted(plans, key=lambda one: one.id)), tuple(provisions))
    return Plant(made.site, made.nodes, policy)


class Station(Bench):
    """Pumps that do what they are told: each command is acknowledged and reported in a turn of its own.

    Those in `dead` do not answer, those in `broken` answer that they failed; `told` are all commands, in words.
    """

    def __init__(self, site: Plant, *, connected: bool = True) -> None:
        super().__init__(site)
        self.dead: set[str] = set()
        self.broken: set[str] = set()
        self.does: dict[str, bool] = {}
        self.told: list[str] = []
        self.most = 0  # so many ran at once
        self.silent = False  # whether equipment acknowledges only, and reports nothing
        if connected:
            self.connect()

    def connect(self) -> None:
        """Let every node say that it is there, and every actuator what it does."""
        self.turn(*(status(True, node) for node in self.site.nodes))
        self.turn(*(self._report(each.name) for each in self.site.actuators if each.name not in self.dead))

    def _report(self, name: str) -> Any:
        found = self.site.actuator(name)
        words = ("open", "closed") if found is not None and found.kind == "valve" else ("running", "stopped")
        return state(words[0] if self.does.get(name, False) else words[1], of=name)

    @property
    def running(self) -> list[str]:
        """What runs."""
        return sorted(name for name, does in self.does.items() if does)

    def shows(self, value: float, after: float = 10.0) -> list[str]:
        """Let a reading come; return the commands that it led to, in words."""
        return self.obey(self.level(value, after, LEVEL))

    def passes(self, seconds: float, step: float = 10.0, shows: float | None = None) -> list[str]:
        """Let time pass, with readings where `shows` says which; return the commands, in words."""
        found = []
        while seconds > 0:
            after = min(step, seconds)
            turn = self.turn(after=after) if shows is None else self.level(shows, after, LEVEL)
            found += self.obey(turn)
            seconds -= step
        return found

    def obey(self, turn: Turn) -> list[str]:
        """Let equipment do what a turn commands, and all that follows at once; return the commands, in words."""
        found, turns = [], [turn]
        for _ in range(50):
            if not turns:
                break
            for command in turns.pop(0).commands:
                found.append(f"{command.target} {command.action}")
                turns += self._carry_out(command)
            if not turns and self.knowledge.planner.next_seconds() <= self.now.seconds:
                turns.append(self.turn())
        self.told += found
        return found

    def _carry_out(self, command: Command) -> list[Turn]:
        name = command.target
        turns = [self.turn(dispatch=[published(command)])]
        if name in self.dead:
            return turns
        if name in self.broken and command.action != "stop":
            return [*turns, self.turn(ack(command, "failed", "overload"))]
        self.does[name] = command.action in {"start", "open"} or (command.action == "set" and bool(command.value))
        self.most = max(self.most, sum(self.does.values()))
        reports = [] if self.silent else [self._report(name)]
        return [*turns, self.turn(ack(command, "done"), *reports)]

    def hand(self, name: str, *, on: bool, control: str = "local") -> list[str]:
        """Let a person operate an actuator at its panel."""
        self.does[name] = on
        self.most = max(self.most, sum(self.does.values()))
        return self.obey(self.turn(state("running" if on else "stopped", of=name, control=control)))

    def reset(self, target: str) -> list[str]:
        """Let a person reset something."""
        return self.obey(self.turn(operations=[Operation("reset", target, "ann", "looked at it")]))

    def reasons(self, name: str) -> list[str]:
        """The reasons of all commands of an actuator, in order."""
        return [command.reason for command in self.commands if command.target == name]
