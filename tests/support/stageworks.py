"""Plans of all kinds for tests, each in one line, and a bench with a level."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from support.plants import Bench, plant, pump, sensor, state

from edge_agent.model.plant import Plan, Step
from edge_agent.plan.kinds.registry import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

LEVEL, PUMP1, PUMP2 = "tank1/level", "station/pump1", "station/pump2"


def stages(
    *those: tuple[float, float, str], identity: str = "fill", direction: str = "fill", measure: str = LEVEL, **more: Any
) -> Plan:
    """A plan by stages; each of `those` is (on, off, use)."""
    told = {
        "measure": measure,
        "direction": direction,
        "stages": [dict(zip(("on", "off", "use"), one, strict=True)) for one in those],
    }
    return Plan(identity, (), (), kind="stages", parameters=canonical("stages", json.dumps(told)), **more)


def timetable(
    *between: str,
    do: Iterable[tuple[str, str]] = ((PUMP1, "start"),),
    days: Iterable[str] = ("mon-sun",),
    unsure: str | None = None,
    timezone: str = "UTC",
    **more: Any,
) -> Plan:
    """A plan by civil time."""
    told: dict[str, Any] = {"between": between, "days": list(days), "timezone": timezone}
    told |= {} if unsure is None else {"if_clock_unsure": unsure}
    steps = tuple(Step(*step) for step in do)
    parameters = canonical("timetable", json.dumps(told))
    return Plan(more.pop("identity", "lake"), (), steps, kind="timetable", parameters=parameters, **more)


def conditions(
    identity: str,
    when: Iterable[str] | str,
    do: Iterable[tuple[str, str]] = ((PUMP1, "start"),),
    *,
    until: Iterable[str] = (),
    **more: Any,
) -> Plan:
    """A plan by conditions."""
    whens = (when,) if isinstance(when, str) else tuple(when)
    parameters = canonical("condition", json.dumps({"until": list(until)}))
    return Plan(identity, whens, tuple(Step(*step) for step in do), parameters=parameters, **more)


class Tank(Bench):
    """A tank with a level, and a station whose equipment does what it is told."""

    def __init__(self, *plans: Plan, sensors: Iterable[Any] | None = None, **more: Any) -> None:
        equipment = [pump(name, min_on_seconds=0.0, min_off_seconds=0.0, **more) for name in (PUMP1, PUMP2)]
        super().__init__(plant(sensors or [sensor(LEVEL)], equipment, [], plans))
        self.runs: set[str] = set()

    def shows(self, value: float, after: float = 10.0, of: str = LEVEL) -> list[str]:
        """Let a reading come, and the equipment do what it is told; return the commands of that, in words."""
        return self._obeyed(self.level(value, after, of))

    def passes(self, seconds: float, step: float = 10.0) -> list[str]:
        """Let time pass without readings."""
        return [word for turn in self.wait(seconds, step) for word in self._obeyed(turn)]

    def _obeyed(self, turn: Any) -> list[str]:
        found = []
        for command in turn.commands:
            name = f"{command.node}/{command.actuator}"
            on = command.action in {"start", "open"}
            (self.runs.add if on else self.runs.discard)(name)
            found.append(f"{name} {command.action}")
            self.turn(state("running" if on else "stopped", of=name))
        return found
