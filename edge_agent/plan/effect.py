"""Whether what runs has an effect: a level that stands still while its pump fills may be frozen, or drift."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.agenda import NEVER
from edge_agent.plan.kinds.registry import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge_agent.model.plant import Plan, Sensor, Threshold

#: A measure that a plan is to change must have moved, either way, within this time of running.
EFFECT_SECONDS = 1800.0


class Comparison(NamedTuple):
    """What a sensor shows that a plan is to move: its last good reading, and the least movement that counts.

    `name` is that of the sensor, or of the alarm of the limit it is compared with.
    """

    name: str
    sensor: Sensor
    value: float
    least: float

    @classmethod
    def against(cls, sensor: Sensor, threshold: Threshold, value: float) -> Comparison:
        """Compare with a limit: a tenth of the deadband counts, a thousandth of the limit where there is none."""
        return cls(threshold.alarm, sensor, value, threshold.deadband / 10 or abs(threshold.limit) / 1000)


@dataclass(slots=True)
class _Run:
    """One actuator that does what a plan asks: what its measures showed when one last moved, and when that was."""

    plan: str
    since: float
    shown: dict[str, float] = field(default_factory=dict)

    def take(self, measures: Iterable[Comparison], seconds: float) -> None:
        for one in measures:
            shown = self.shown.setdefault(one.name, one.value)
            if abs(one.value - shown) >= one.least:
                self.shown[one.name], self.since = one.value, seconds


class Effects:
    """Watches the actuators that do something other than their fail-safe action for a plan.

    Weakness: it tells no frozen sensor from a demand as large as the inflow, and says so; a drift faster or slower
    than the inflow hides none of it. What goes in and out of a tank would have to be measured for more.
    """

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self.idle: dict[str, str] = {}  # why, by actuator, what runs seems to have no effect; as of the last look
        self._looked_seconds, self._due_seconds = 0.0, NEVER
        self._is_running = False

    def hear(self) -> None:
        """Note that a measure may have moved: it is looked at with the next second."""
        if self._is_running:
            self._due_seconds = min(self._due_seconds, self._looked_seconds // 1.0 + 1.0)

    def next_seconds(self) -> float:
        """Return the monotonic time at which to look again; infinite where nothing runs, or nothing has moved."""
        return self._due_seconds

    def look(
        self,
        running: Iterable[tuple[str, Plan]],
        measure: Callable[[str, float | None], Comparison | None],
        seconds: float,
    ) -> None:
        """Find out what runs without an effect. `measure` finds what is moved."""
        found, kept = {}, {}
        self._is_running = False
        for actuator, plan in running:
            self._is_running = True
            measures = [one for moved in kind_of(plan).moved if (one := measure(*moved)) is not None]
            if not measures:
                continue
            run = self._runs.get(actuator)
            if run is None or run.plan != plan.id:
                run = _Run(plan.id, seconds)
            kept[actuator] = run
            run.take(measures, seconds)
            if seconds >= run.since + EFFECT_SECONDS:
                found[actuator] = _sentence(actuator, plan, measures)
        times = (run.since + EFFECT_SECONDS for run in kept.values())
        self._due_seconds = min((at for at in times if at > seconds), default=NEVER)
        self._runs, self.idle, self._looked_seconds = kept, found, seconds


def _sentence(actuator: str, plan: Plan, measures: list[Comparison]) -> str:
    still = " and ".join(f"{one.sensor.name} stands still" for one in measures)
    lacking = [one.sensor.name for one in measures if "flat_line" not in one.sensor.quality]
    minutes = f"{EFFECT_SECONDS / 60:.0f} min"
    doubt = f"; {', '.join(lacking)} has no flat_line test that would find it frozen" if lacking else ""
    return f"{actuator} has run for {plan.id} for {minutes} and {still}: frozen, drifting, or no flow?{doubt}"
