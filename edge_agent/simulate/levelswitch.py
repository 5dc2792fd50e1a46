"""From the level controls of a network to a first plant file: switch points, their plans, alarms beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_agent.simulate.network import LevelControl, TankLimits

#: Of the height of a tank: how far a level must come back for a switch point to be off again.
_DEADBAND = 0.001
#: A tank stands at its highest and lowest level to the last digit, and a threshold acts beyond: so far inside it lies.
_INSIDE = 0.002
#: The limits of alarms where no set point lies further out, and how much room they need beyond one.
_EMPTY, _FULL, _ROOM = 0.05, 0.95, 0.01
#: Set points of a pump that no level controls in the file.
FILL_ON, FILL_OFF = 0.2, 0.8

_WORDS = {"pump": ("start", "stop"), "valve": ("open", "close")}


class LevelSwitch(NamedTuple):
    """A switch point of a tank's level, and what is done by it with which actuators (`node/actuator`)."""

    name: str
    plan: str
    level: float
    above: bool
    action: str
    actuators: tuple[str, ...]
    value: float | None = None

    @property
    def fills(self) -> bool:
        """Whether it lets water in where the level is low."""
        return not self.above and self.action in {"start", "open"}


def asked(kind: str, setting: float) -> str | None:
    """Write what a setting of the file (1: open, 0: closed) asks of an actuator; None where no step can."""
    if setting in {0.0, 1.0}:
        return f'action = "{_WORDS[kind][0 if setting else 1]}"'
    return f'action = "set", value = {number(setting)}' if kind == "pump" and 0 < setting < 1 else None


def switch_of(control: LevelControl, limits: TankLimits | None, node: str, kind: str) -> LevelSwitch:
    """Return what a control of the file comes to, for the actuator `kind` of a node; `limits`: of its tank."""
    sets = control.opens and kind == "pump" and 0 < control.setting < 1
    action = "set" if sets else _WORDS[kind][0 if control.opens else 1]
    name = f"{node}_{'on' if control.opens else 'off'}"
    level = control.level if limits is None else _within(control.level, limits)
    value = control.setting if sets else None
    return LevelSwitch(name, f"{action}_{node}", level, control.above, action, (f"{node}/{kind}",), value)


def filling(tank: str, limits: TankLimits, pumps: Iterable[str]) -> tuple[LevelSwitch, LevelSwitch]:
    """Return the set points of pumps that fill a tank and that no level controls in the file."""
    actuators = tuple(pumps)
    on, off = (limits.lowest + share * (limits.highest - limits.lowest) for share in (FILL_ON, FILL_OFF))
    return (
        LevelSwitch("fill_on", f"fill_{tank}", on, above=False, action="start", actuators=actuators),
        LevelSwitch("fill_off", f"stop_{tank}", off, above=True, action="stop", actuators=actuators),
    )


def distinct(points: Iterable[LevelSwitch]) -> list[LevelSwitch]:
    """Return set points with numbers on those whose switch points or plans would be called the same."""
    found: list[LevelSwitch] = []
    for point in points:
        count, named = 1, point
        while any(named.name == one.name or named.plan == one.plan for one in found):
            count += 1
            named = point._replace(name=f"{point.name}-{count}", plan=f"{point.plan}-{count}")
        found.append(named)
    return found


def threshold_lines(limits: TankLimits, points: Sequence[LevelSwitch]) -> tuple[str, ...]:
    """Write the thresholds of a tank's level: alarms beyond all set points, where there is room, and switch points."""
    height = limits.highest - limits.lowest
    levels = [point.level for point in points]
    top = max([limits.lowest + _FULL * height, *((level + limits.highest) / 2 for level in levels)])
    bottom = min([limits.lowest + _EMPTY * height, *((level + limits.lowest) / 2 for level in levels)])
    lines = []
    for name, limit, room in (
        ("high_high", top, limits.highest - top if points else 0.0),  # what nothing here fills may stand at its brim
        ("low_low", bottom, bottom - limits.lowest),
    ):
        if room >= _ROOM * height:
            deadband = number(min(0.02 * height, room / 2))
            lines.append(f'{name} = {{ limit = {number(limit)}, deadband = {deadband}, priority = "critical" }}')
    return (*lines, *(_point_line(point, _DEADBAND * height) for point in points))


def pressure_lines(points: Iterable[LevelSwitch]) -> tuple[str, ...]:
    """Write the switch points of a pressure."""
    return tuple(_point_line(point, _DEADBAND * max(abs(point.level), 1.0)) for point in points)


def _point_line(point: LevelSwitch, deadband: float) -> str:
    side = "above" if point.above else "below"
    return f"{point.name} = {{ {side} = {number(point.level)}, deadband = {number(deadband)}, alarm = false }}"


def plan_text(sensor: str, point: LevelSwitch, fallback: str = "") -> str:
    """Write the plan of a switch point of a sensor (`node/sensor`), with what follows when that is silent."""
    value = "" if point.value is None else f", value = {number(point.value)}"
    action = f'action = "{point.action}"{value}'
    steps = ", ".join(f'{{ actuator = "{name}", {action} }}' for name in point.actuators)
    return f'[plans.{point.plan}]\nwhen = ["{sensor}:{point.name}"]\ndo = [{steps}]\npriority = 50\n{fallback}'


def number(value: float) -> str:
    """Write a number with four digits, as TOML writes floats."""
    text = f"{float(f'{value:.4g}'):.12f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def _within(level: float, limits: TankLimits) -> float:
    inside = _INSIDE * (limits.highest - limits.lowest)
    return min(max(level, limits.lowest + inside), limits.highest - inside)
