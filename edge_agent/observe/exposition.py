"""What the plant shows, as Prometheus text (format 0.0.4): sensors, limits, alarms, actuators, plans, the mode.

A collector of prometheus_client would hand over 110,000 samples at 10,000 sensors with four limits each, and its
renderer takes a quarter of a second of the loop for every 30,000; written straight as text the same scrape takes about
50 ms. Even that is more than a turn should wait: it is written in pieces of two milliseconds, and turns run in between.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.execute.equipment import reported_on, turns_on
from edge_agent.model.alarms import AlarmKey
from edge_agent.model.plant import PRIORITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from edge_agent.model.alarms import Alarm
    from edge_agent.model.commands import Mode
    from edge_agent.model.plant import Threshold
    from edge_agent.model.remembered import ActuatorView, InterlockView, NodeView, PlanView, SensorView
    from edge_agent.ports.observing import PlantViews

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

_FLAG = "QARTOD flag of the newest judged reading: 1 good to 4 fail, 9 missing."
_MODE_NUMBERS: dict[Mode, int] = {"auto": 0, "advisory": 1, "manual": 2}


class _SensorSeries(NamedTuple):
    """The series of one sensor, written out up to where the number goes."""

    value: str
    flag: str
    age: str


class PlantExposition:
    """Renders what a source shows; keeps the written labels of each sensor from scrape to scrape.

    `alarm_names` are those of all thresholds for people that it has seen in force.
    """

    def __init__(self) -> None:
        self.alarm_names: set[str] = set()
        self._series: dict[tuple[str, str, str], _SensorSeries] = {}

    def pieces(self, source: PlantViews) -> Iterator[str]:
        """Write every family that has a source, each with its HELP and TYPE, empty ones too, piece by piece."""
        outline = source.outline()
        yield "".join(
            (
                *_priorities(outline.alarms),
                *_actuators(outline.actuators),
                *_breakers(outline.actuators, outline.nodes),
                *_plans(outline.plans),
                *_interlocks(outline.interlocks),
                _head("edge_agent_mode", "Mode of control: 0 auto, 1 advisory, 2 manual."),
                f"edge_agent_mode {_MODE_NUMBERS[outline.mode]}\n",
                _head("edge_agent_clock_sure", "1 while the wall clock is known to be right, else 0."),
                f"edge_agent_clock_sure {int(outline.clock_sure)}\n",
            )
        )
        yield from self._sensors(source.sensors())
        yield _head(
            "edge_agent_threshold_limit", "The limit of a threshold, in the unit of its sensor; of switch points too."
        )
        for some in source.thresholds():
            self.alarm_names.update([threshold.name for threshold in some if threshold.annunciated])
            yield "".join(map(_limit, some))
        yield from _alarms(source, outline.alarms)

    def _sensors(self, sensors: Iterable[Iterable[SensorView]]) -> Iterator[str]:
        """Write the values while looking, and then what was seen of flags and ages: a family stands together."""
        flags = [_head("edge_agent_sensor_flag", _FLAG)]
        ages = [_head("edge_agent_sensor_age_seconds", "Time since the newest reading of a sensor was observed.")]
        yield _head("edge_agent_sensor_value", "Newest value of a sensor, in its unit.")
        kept: dict[tuple[str, str, str], _SensorSeries] = {}
        for views in sensors:
            seen = [(self._labels(view, kept), view) for view in views]
            flags.append("".join([f"{series.flag}{int(view.judged_flag)}\n" for series, view in seen]))
            ages.append(
                "".join(
                    [f"{series.age}{view.age_seconds!r}\n" for series, view in seen if view.age_seconds is not None]
                )
            )
            yield "".join([f"{series.value}{view.value!r}\n" for series, view in seen if view.value is not None])
        self._series = kept  # what is no longer part of the plant is forgotten
        yield from flags
        yield from ages

    def _labels(self, view: SensorView, kept: dict[tuple[str, str, str], _SensorSeries]) -> _SensorSeries:
        key = (view.node, view.sensor, view.unit)
        series = kept[key] = self._series.get(key) or _labelled(view)
        return series


def _labelled(view: SensorView) -> _SensorSeries:
    place = f'node="{_escaped(view.node)}",sensor="{_escaped(view.sensor)}"'
    return _SensorSeries(
        f'edge_agent_sensor_value{{{place},unit="{_escaped(view.unit)}"}} ',
        f"edge_agent_sensor_flag{{{place}}} ",
        f"edge_agent_sensor_age_seconds{{{place}}} ",
    )


def _priorities(alarms: Iterable[Alarm]) -> Iterable[str]:
    active = Counter(alarm.priority for alarm in alarms if alarm.active)
    yield _head("edge_agent_alarms_active", "Active alarms, acknowledged and shelved ones included.")
    for priority in PRIORITIES:
        yield f'edge_agent_alarms_active{{priority="{priority}"}} {active[priority]}\n'


def _limit(threshold: Threshold) -> str:
    place = _place(threshold.node, threshold.sensor, threshold.name)
    return f"edge_agent_threshold_limit{{{place}}} {threshold.limit!r}\n"


def _alarms(source: PlantViews, alarms: Iterable[Alarm]) -> Iterator[str]:
    """Write the alarm of each threshold, and then the others that stand: those of nodes, actuators, the agent."""
    standing = {alarm.key: alarm for alarm in alarms}
    yield _head("edge_agent_alarm_active", "1 while an alarm is active, else 0.")
    for some in source.thresholds():
        yield "".join([_of_threshold(threshold, standing) for threshold in some if threshold.annunciated])
    yield "".join(_alarm(*key, alarm.priority, is_active=alarm.active) for key, alarm in standing.items())


def _of_threshold(threshold: Threshold, standing: dict[AlarmKey, Alarm]) -> str:
    alarm = standing.pop(AlarmKey(threshold.node, threshold.sensor, threshold.name), None)
    is_active = alarm is not None and alarm.active
    return _alarm(threshold.node, threshold.sensor, threshold.name, threshold.priority, is_active=is_active)


def _alarm(node: str, sensor: str, threshold: str, priority: str, *, is_active: bool) -> str:
    place = _place(node, sensor, threshold)
    return f'edge_agent_alarm_active{{{place},priority="{priority}"}} {int(is_active)}\n'


def _place(node: str, sensor: str, threshold: str) -> str:
    return f'node="{node}",sensor="{sensor}",threshold="{threshold}"'  # ids: nothing in them needs to be escaped


def _actuators(actuators: Collection[ActuatorView]) -> Iterator[str]:
    for name, kind, meaning, number in _OF_ACTUATOR:
        yield _head(f"edge_agent_actuator_{name}", meaning, kind)
        for view in actuators:
            found = number(view)
            if found is not None:
                place = f'node="{_escaped(view.node)}",actuator="{_escaped(view.actuator)}"'
                yield f"edge_agent_actuator_{name}{{{place}}} {found!r}\n"


def _state(view: ActuatorView) -> int | None:
    on = None if view.state is None else reported_on(view.state)
    return None if on is None else int(on)  # a word of the node's own is neither


def _desired(view: ActuatorView) -> int | None:
    return None if view.desired is None else int(turns_on(view.desired, view.desired_value))


_OF_ACTUATOR: tuple[tuple[str, str, str, Callable[[ActuatorView], float | None]], ...] = (
    ("state", "gauge", "What the equipment reports: 1 running or open, 0 stopped or closed.", _state),
    ("desired", "gauge", "What is requested of the equipment: 1 to run or be open, 0 to stop or close.", _desired),
    (
        "available",
        "gauge",
        "1 while nothing but a protection keeps it from being commanded.",
        lambda v: int(v.available),
    ),
    ("starts_total", "counter", "Starts that the equipment has reported.", lambda v: v.starts),
    ("run_seconds_total", "counter", "How long the equipment has reported to run or be open.", lambda v: v.run_seconds),
)


def _plans(plans: Iterable[PlanView]) -> Iterator[str]:
    yield _head("edge_agent_plan_applies", "1 while a plan applies, else 0.")
    for view in plans:
        yield f'edge_agent_plan_applies{{plan="{_escaped(view.plan)}"}} {int(view.applies)}\n'


def _interlocks(interlocks: Iterable[InterlockView]) -> Iterator[str]:
    yield _head("edge_agent_interlock_tripped", "1 while an interlock has tripped and was not reset, else 0.")
    for view in interlocks:
        number = int(view.state == "tripped")
        yield f'edge_agent_interlock_tripped{{interlock="{_escaped(view.interlock)}"}} {number}\n'


def _breakers(actuators: Iterable[ActuatorView], nodes: Iterable[NodeView]) -> Iterable[str]:
    commanded = {view.node for view in actuators}
    yield _head("edge_agent_breaker_open", "1 while the breaker of a node with actuators is open, else 0.")
    for view in nodes:
        if view.node in commanded:
            yield f'edge_agent_breaker_open{{node="{_escaped(view.node)}"}} {int(view.breaker == "open")}\n'


def _head(name: str, meaning: str, kind: str = "gauge") -> str:
    return f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"


def _escaped(label: str) -> str:
    # Nearly no label needs it: the first text of 10,000 sensors takes 38 ms instead of 49.
    if '"' in label or "\\" in label or "\n" in label:
        return label.translate(_ESCAPES)
    return label
