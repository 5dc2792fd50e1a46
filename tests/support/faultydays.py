"""Days of C-Town on which one level sensor is wrong: what came of the tanks, which alarm named it and when."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from support.lockstep import START, LockStep

from edge_agent.known import Knowledge
from edge_agent.model.alarms import AlarmEventKind
from edge_agent.model.remembered import Remembered
from edge_agent.model.time import MICROSECONDS, Moment
from edge_agent.settings.plantfile import plant_from
from edge_agent.simulate.faults import Fault, Faults
from edge_agent.simulate.hydraulics import Hydraulics
from edge_agent.simulate.mapping import parse_mapping
from edge_agent.simulate.plant import PlantSimulation
from edge_agent.simulate.scaffold import scaffold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.alarms import AlarmEvent
    from edge_agent.settings.plantfile import PlantFile

CTOWN = Path(__file__).parents[1] / "data" / "C-Town.inp"
TANKS = ("T1", "T2", "T3", "T4", "T5", "T6", "T7")
FAULTS = ("silent", "frozen", "drifts up", "drifts down", "full scale")
BEGIN_SECONDS, DAY_SECONDS, STEP_SECONDS = 2 * 3600, 24 * 3600, 60
#: Of the height of a tank: nearer to its ends it counts as empty, or as full.
_END = 0.01


class FaultyDay(NamedTuple):
    """One day: the first alarm that named the sensor, how long after the fault began, and how its tank fared.

    `empty`, `full`: when, in seconds after the fault began, some tank stood at its end and does not without the fault.
    """

    tank: str
    fault: str
    alarm: str
    after_seconds: float
    empty: tuple[int, ...]
    full: tuple[int, ...]
    over_brim: float


class _Truth(NamedTuple):
    empty: dict[str, set[int]]
    full: dict[str, set[int]]
    highest: dict[str, float]


@cache
def plant_file() -> PlantFile:
    return plant_from(tomllib.loads(scaffold(CTOWN, "ctown")), Path("plant.toml"))


def _fault(tank: str, fault: str) -> Fault:
    sensor = f"tank-{tank.lower()}/level"
    if fault == "full scale":  # a tenth above the brim, where the span of a transmitter ends
        with Hydraulics(CTOWN) as water:
            limits = water.network.tanks[tank]
        return Fault(sensor, "show", limits.highest + 0.1 * (limits.highest - limits.lowest), BEGIN_SECONDS)
    kind, amount = {
        "silent": ("silence", 0.0),
        "frozen": ("freeze", 0.0),
        "drifts up": ("drift", 0.3 / 3600),
        "drifts down": ("drift", -0.3 / 3600),
    }[fault]
    return Fault(sensor, kind, amount, BEGIN_SECONDS)


def _day(faults: Iterable[Fault]) -> tuple[_Truth, list[AlarmEvent]]:
    file, events = plant_file(), []
    truth = _Truth({tank: set() for tank in TANKS}, {tank: set() for tank in TANKS}, dict.fromkeys(TANKS, 0.0))
    with Hydraulics(CTOWN, step_seconds=STEP_SECONDS) as water:
        mapping = parse_mapping(file.simulation, "plant.toml")
        simulation = PlantSimulation(water, mapping, file.plant, Faults(list(faults)))
        start = Moment(START, 0.0)
        knowledge = Knowledge(file.plant, file.plant.policy, Remembered(), start, agent="faulty", mode="auto")
        lockstep = LockStep(simulation, knowledge)
        for at in lockstep.run(DAY_SECONDS, STEP_SECONDS):
            events += [event for turn in lockstep.turns for event in turn.alarm_events if event.annunciated]
            lockstep.turns.clear()
            for tank, limits in water.network.tanks.items():
                level, end = water.level(tank), _END * (limits.highest - limits.lowest)
                truth.empty[tank] |= {at} if level <= limits.lowest + end else set()
                truth.full[tank] |= {at} if level >= limits.highest - end else set()
                truth.highest[tank] = max(truth.highest[tank], level - limits.highest)
    return truth, events


@cache
def sound_day() -> _Truth:
    """A day without a fault."""
    return _day(())[0]


def faulty_day(tank: str, fault: str) -> FaultyDay:
    """Let one sensor be wrong from two hours after midnight until the end of the day."""
    truth, events = _day([_fault(tank, fault)])
    sensor, begin = f"tank-{tank.lower()}/level", START + BEGIN_SECONDS * MICROSECONDS
    named = [
        event
        for event in events
        if event.event is AlarmEventKind.RAISED and event.at >= begin and _names(event, sensor)
    ]
    first = min(named, key=lambda event: event.at, default=None)
    sound = sound_day()
    return FaultyDay(
        tank,
        fault,
        "" if first is None else str(first.key),
        0.0 if first is None else (first.at - begin) / MICROSECONDS,
        _since_begin(truth.empty, sound.empty),
        _since_begin(truth.full, sound.full),
        max(truth.highest.values()),
    )


def _since_begin(found: dict[str, set[int]], sound: dict[str, set[int]]) -> tuple[int, ...]:
    """Return when some tank stood at its end where it does not on a sound day, in seconds after the fault began."""
    times = set().union(*(found[tank] - sound[tank] for tank in TANKS))
    return tuple(sorted(at - BEGIN_SECONDS for at in times if at >= BEGIN_SECONDS))


def _names(event: AlarmEvent, sensor: str) -> bool:
    """Whether an alarm is of the sensor, or speaks of it; one of its limits speaks of the water."""
    if str(event.key).startswith(f"{sensor}:"):
        return event.key.threshold in {"stale", "bad_quality"}
    return sensor in event.reason


def table(days: Iterable[FaultyDay]) -> str:
    """Write the days as a table for the documents."""
    heads = ("tank", "its level sensor", "named by", "after", "a tank stood empty", "a tank stood full")
    rows = [f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |"]
    for day in days:
        after = f"{day.after_seconds / 60:.0f} min" if day.alarm else ""
        alarm = f"`{day.alarm}`" if day.alarm else "nothing"
        cells = (day.tank, day.fault, alarm, after, _stood(day.empty), _stood(day.full))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _stood(times: tuple[int, ...]) -> str:
    if not times:
        return "never"
    return f"{len(times) * STEP_SECONDS / 60:.0f} min, first after {times[0] / 3600:.1f} h"
