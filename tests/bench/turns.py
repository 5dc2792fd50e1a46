"""What a turn costs as the plant grows, in this process and without any I/O: the pure core alone."""

from __future__ import annotations

import gc
import time
import tomllib
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.plantfile import Size, plant
from bench.table import Row

from edge_agent.known import Knowledge
from edge_agent.model.inbox import Inbox, Kind, Message, PolicyChange, Receipt, Route
from edge_agent.model.plant import Policy
from edge_agent.model.remembered import Remembered
from edge_agent.model.revision import revisions
from edge_agent.model.time import MICROSECONDS, Moment, rfc3339
from edge_agent.settings.plantfile import plant_from
from edge_agent.turn import run_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.setting import Setting

TOPIC = "A turn over one message, the core alone"
_START = Moment(1_800_000_000 * MICROSECONDS, 1000.0)
#: Actuators and plans; what a turn with the last may take of one with the first.
_STATIONS, _MOST_TIMES = (1, 100, 1000), 1.3
_ALARMS, _MOST_US_MORE, _MOST_MS = 10_000, 2.0, 3.0
_LARGE = Size(1000, 10)
_PUMP = """
[nodes.pumps.actuators.pump{number}]
kind = "pump"
fail_safe = "stop"
[plans.fill{number}]
when = ["load{node}/s{sensor}:low"]
do = [{{ actuator = "pumps/pump{number}", action = "start" }}]
"""


class Core:
    """The core of an agent with a plant, given one message after the other."""

    def __init__(self, size: Size, more: str = "") -> None:
        found = plant_from(tomllib.loads(plant("turns", size, more)), Path("plant.toml")).plant
        self._size, self._number, self._now = size, 0, _START
        self.knowledge = Knowledge(found, found.policy, Remembered(epoch=1), self._now, agent="gateway-1", mode="auto")

    def turn(self, value: float, messages: int = 1) -> float:
        """Run a turn over the next messages; return the seconds that it took."""
        return self._run(Inbox([self._message(value) for _ in range(messages)]))

    def change(self, limit: float, name: str = "high_high") -> float:
        """Put another limit of the first sensor in force; return the seconds that the turn took."""
        policy = self.knowledge.plant.policy
        (old,) = [each for each in policy.thresholds if each.alarm == f"load0/s0:{name}"]
        changed = [replace(each, limit=limit) if each is old else each for each in policy.thresholds]
        (revision,) = revisions(policy, Policy(tuple(changed), policy.plans))  # found off the loop in the agent
        return self._run(Inbox(events=[PolicyChange(revision)]))

    def _message(self, value: float) -> Message:
        seq, place = divmod(self._number, self._size.all_sensors)
        node, sensor = divmod(place, self._size.sensors)
        self._number += 1
        route = Route(Kind.TELEMETRY, f"load{node}", f"s{sensor}")
        text = f'{{"value":{value},"unit":"bar","ts":"{rfc3339(self._now.at)}","seq":{seq}}}'
        topic = f"water/turns/load{node}/telemetry/s{sensor}"
        return Message(route, topic, text.encode(), Receipt(1, self._number % 65_535 + 1))

    def _run(self, inbox: Inbox) -> float:
        self._now = Moment(self._now.at + MICROSECONDS // 100, self._now.seconds + 0.01)
        start = time.perf_counter()
        run_turn(self.knowledge, inbox, self._now)
        return time.perf_counter() - start


def measure(setting: Setting) -> None:
    """Add the cost by actuators, by standing alarms, and of one changed limit."""
    turns = setting.count(full=2000, quick=500)
    _add_stations(setting, turns)
    quiet, alarmed = Core(_LARGE), Core(_LARGE)
    for _ in range(3):  # a spike test settles a reading when there is another on each side of it
        quiet.turn(5.0, _LARGE.all_sensors)
        alarmed.turn(11.0, _LARGE.all_sensors)
    standing = sum(alarm.active for alarm in alarmed.knowledge.analyzer.register.alarms)
    assert standing == _ALARMS, f"{standing} alarms stand"
    costs = _costs({"quiet": partial(quiet.turn, 5.0), "alarmed": partial(alarmed.turn, 11.0)}, turns, setting.rounds)
    more = [one - other for one, other in zip(costs["alarmed"], costs["quiet"], strict=True)]
    add = setting.report.add
    add(Row(TOPIC, "10,000 sensors, no alarm", costs["quiet"], "µs a turn"))
    add(Row(TOPIC, "10,000 sensors, 10,000 standing alarms: more", more, "µs a turn", most=_MOST_US_MORE))
    limits = [quiet.change(12.01 + number / 100) * 1e3 for number in range(max(5, setting.rounds))]
    add(Row(TOPIC, "one limit among 40,000 adopted", limits, "ms", most=_MOST_MS, note="the turn that adopts it"))


def _add_stations(setting: Setting, turns: int) -> None:
    cores = {}
    for count in _STATIONS:
        pumps = "".join(_PUMP.format(number=n, node=n // 10 % 10, sensor=n % 10) for n in range(count))
        cores[count] = Core(Size(), pumps)
        cores[count].turn(5.0, Size().all_sensors)
    costs = _costs({str(n): partial(core.turn, 5.0) for n, core in cores.items()}, turns, setting.rounds)
    for count in _STATIONS:
        what = "1 actuator and plan" if count == 1 else f"{count:,} actuators and plans"
        setting.report.add(Row(TOPIC, what, costs[str(count)], "µs a turn"))
    ratio = [one / other for one, other in zip(costs["1000"], costs["1"], strict=True)]
    setting.report.add(
        Row(TOPIC, "1,000 actuators and plans ÷ 1", ratio, "ratio", most=_MOST_TIMES, note="of each round")
    )


def _costs(subjects: dict[str, Callable[[], float]], turns: int, rounds: int) -> dict[str, list[float]]:
    """Run the subjects in turns; return the median turn of each round, in µs."""
    found: dict[str, list[float]] = {name: [] for name in subjects}
    gc.collect()
    gc.freeze()  # as the agent does when all is there
    for subject in subjects.values():
        for _ in range(turns // 10):
            subject()
    for _ in range(rounds):
        for name, subject in subjects.items():
            found[name].append(median(subject() for _ in range(turns)) * 1e6)
    return found
