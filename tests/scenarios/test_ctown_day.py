"""C-Town for a day: seven tanks, eleven pumps and a valve, the agent in the place of the file's level controls.

Where every sensor is heard, the rule of evidence must cost nothing: no switch more or less, no watt-second.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.lockstep import START, LockStep

from edge_agent.known import Knowledge
from edge_agent.model.plant import Actuator, Node, Plan, Plant, Policy, Sensor, Step, Threshold
from edge_agent.model.remembered import Remembered
from edge_agent.model.time import Moment
from edge_agent.simulate.hydraulics import Hydraulics, native
from edge_agent.simulate.mapping import parse_mapping
from edge_agent.simulate.plant import PlantSimulation

if TYPE_CHECKING:
    from edge_agent.simulate.network import DayRecord

CTOWN = Path(__file__).parents[1] / "data" / "C-Town.inp"
DAY_SECONDS = 24 * 3600
STEP_SECONDS = 60
#: T5 is to close at the brim, 4.5 m. EPANET acts at a limit, a threshold above it, where no level ever is.
FULL = {"T5": 4.49}
#: Longer than the day: the rule of evidence never has anything to say.
OUT_OF_THE_WAY = 1e9

_CONTROL = re.compile(r"LINK\s+(\w+)\s+(OPEN|CLOSED)\s+IF\s+NODE\s+(\w+)\s+(BELOW|ABOVE)\s+([\d.]+)")
#: Of a tank's limits, from the lowest: two that open and two that close, or one of each.
_NAMES = {4: ("low_low", "low", "high", "high_high"), 2: ("low", "high")}


@dataclass(frozen=True)
class Control:
    link: str
    opens: bool
    tank: str
    limit: float

    @property
    def station(self) -> str:
        return f"{self.link.lower()}/drive"


def controls() -> list[Control]:
    """The lines of the file's [CONTROLS] that are not commented out."""
    section = CTOWN.read_text().partition("[CONTROLS]")[2].partition("[RULES]")[0]
    found = [_CONTROL.match(line.strip()) for line in section.splitlines()]
    return [Control(m[1], m[2] == "OPEN", m[3], min(float(m[5]), FULL.get(m[3], 99.0))) for m in found if m]


def limits() -> dict[tuple[str, float], str]:
    """The name of each limit by tank and height."""
    heights: dict[str, set[float]] = {}
    for control in controls():
        heights.setdefault(control.tank, set()).add(control.limit)
    return {
        (tank, height): name
        for tank, own in heights.items()
        for height, name in zip(sorted(own), _NAMES[len(own)], strict=True)
    }


def switch_point(tank: str, name: str, height: float) -> Threshold:
    return Threshold(tank.lower(), "level", name, height, annunciated=False)


def ctown(**evidence: float) -> Plant:
    names = limits()
    tanks = sorted({tank for tank, _ in names})
    links = sorted({control.link for control in controls()})
    nodes = {
        tank.lower(): Node(tank.lower(), {"level": Sensor(tank.lower(), "level", "level", "m", float(STEP_SECONDS))})
        for tank in tanks
    }
    for link in links:
        kind, safe = ("pump", "stop") if link.startswith("PU") else ("valve", "close")
        drive = Actuator(link.lower(), "drive", kind, safe, power_return_seconds=(0.0, 0.0))
        nodes[link.lower()] = Node(link.lower(), actuators={"drive": drive})
    return Plant(
        "ctown",
        nodes,
        Policy(
            tuple(switch_point(tank, name, height) for (tank, height), name in names.items()),
            tuple(_plan(control, names, evidence) for control in controls()),
        ),
    )


def _plan(control: Control, names: dict[tuple[str, float], str], evidence: dict[str, float]) -> Plan:
    words = {("PU", True): "start", ("PU", False): "stop", ("V2", True): "open", ("V2", False): "close"}
    action = words[control.link[:2], control.opens]
    when = f"{control.tank.lower()}/level:{names[control.tank, control.limit]}"
    return Plan(f"{action}_{control.link.lower()}", (when,), (Step(control.station, action),), **evidence)


def mapping() -> dict[str, dict[str, dict[str, str]]]:
    kinds = {control.link: "pump" if control.link.startswith("PU") else "valve" for control in controls()}
    tanks = {control.tank for control in controls()}
    return {
        "sensors": {f"{tank.lower()}/level": {"element": f"tank:{tank}", "property": "level"} for tank in tanks},
        "actuators": {f"{link.lower()}/drive": {"element": f"{kind}:{link}"} for link, kind in kinds.items()},
    }


def run_day(plant: Plant) -> tuple[DayRecord, LockStep]:
    with Hydraulics(CTOWN, step_seconds=STEP_SECONDS) as hydraulics:
        simulation = PlantSimulation(hydraulics, parse_mapping(mapping(), "ctown"), plant)
        knowledge = Knowledge(plant, plant.policy, Remembered(), Moment(START, 0.0), agent="lock-step", mode="auto")
        lockstep = LockStep(simulation, knowledge)
        for _ in lockstep.run(DAY_SECONDS, STEP_SECONDS):
            pass
        return simulation.day(), lockstep


@pytest.fixture(scope="module")
def with_evidence():
    return run_day(ctown())


@pytest.fixture(scope="module")
def without_rule():
    return run_day(ctown(evidence_seconds=OUT_OF_THE_WAY))


def test_every_control_of_the_file_is_a_plan():
    plans = ctown().policy.plans
    assert len(plans) == len(controls()) == 20
    assert len({plan.id for plan in plans}) == 20


def test_the_rule_of_evidence_switches_no_pump_otherwise(with_evidence, without_rule):
    assert with_evidence[0].switches == without_rule[0].switches
    assert len(with_evidence[0].switches) >= 10


def test_the_rule_of_evidence_costs_no_energy(with_evidence, without_rule):
    assert with_evidence[0].energy_kwh == without_rule[0].energy_kwh
    assert sum(with_evidence[0].energy_kwh.values()) > 1000


def test_the_tanks_are_kept_as_the_controls_of_the_file_keep_them(with_evidence):
    day, own = with_evidence[0], native(CTOWN, 24)
    assert sum(day.energy_kwh.values()) == pytest.approx(sum(own.energy_kwh.values()), rel=0.02)
    for tank in ("T1", "T3", "T4", "T5", "T7"):
        assert day.lowest[tank] == pytest.approx(own.lowest[tank], abs=0.25)
        assert day.highest[tank] == pytest.approx(own.highest[tank], abs=0.25)


def test_no_alarm_is_raised_all_day(with_evidence):
    events = [event for turn in with_evidence[1].turns for event in turn.alarm_events]
    assert {event.key.threshold for event in events} == {"high_high", "high", "low"}
    assert not any(event.annunciated for event in events)
