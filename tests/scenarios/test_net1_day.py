"""EPANET's own example network for a day: the agent in the place of its controls.

Net1 is operated by two simple controls: pump 9 opens when tank 2 falls below 110 ft and closes above 140 ft. Taken out
and written as thresholds and plans, the agent has to switch when EPANET would have.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from support.lockstep import START, LockStep
from support.stageworks import conditions, stages

from edge_agent.known import Knowledge
from edge_agent.model.plant import Actuator, Node, Plan, Plant, Policy, Sensor, Step, Threshold
from edge_agent.model.remembered import Remembered
from edge_agent.model.time import Moment
from edge_agent.simulate.hydraulics import Hydraulics, native
from edge_agent.simulate.mapping import parse_mapping
from edge_agent.simulate.plant import PlantSimulation

NET1 = Path(str(files("wntr") / "library" / "networks" / "Net1.inp"))
DAY_SECONDS = 24 * 3600
STEP_SECONDS = 60

PLANT = Plant(
    "net1",
    {
        "tank2": Node("tank2", {"level": Sensor("tank2", "level", "level", "ft", float(STEP_SECONDS))}),
        "station": Node("station", actuators={"pump9": Actuator("station", "pump9", "pump", "stop")}),
    },
    Policy(
        (Threshold("tank2", "level", "high", 140.0), Threshold("tank2", "level", "low", 110.0)),
        (
            Plan("fill", ("tank2/level:low",), (Step("station/pump9", "start"),)),
            Plan("stop", ("tank2/level:high",), (Step("station/pump9", "stop"),)),
        ),
    ),
)
MAPPING = {
    "sensors": {"tank2/level": {"element": "tank:2", "property": "level"}},
    "actuators": {"station/pump9": {"element": "pump:9"}},
}


def run_day(plant: Plant) -> tuple[list[tuple[int, bool]], float, float, float, LockStep]:
    with Hydraulics(NET1, step_seconds=STEP_SECONDS) as hydraulics:
        simulation = PlantSimulation(hydraulics, parse_mapping(MAPPING, "net1"), plant)
        knowledge = Knowledge(plant, plant.policy, Remembered(), Moment(START, 0.0), agent="lock-step", mode="auto")
        lockstep = LockStep(simulation, knowledge)
        # The pump runs when the day begins, as the network's file says: a node that is in charge keeps it so.
        levels, switches, running = [], [], hydraulics.running("9")
        for at in lockstep.run(DAY_SECONDS, STEP_SECONDS):
            levels.append(simulation.value("tank2/level"))
            if hydraulics.running("9") is not running:
                running = not running
                switches.append((at, running))
        energy = sum(simulation.day().energy_kwh.values())
    return switches, min(levels), max(levels), energy, lockstep


#: The same controls in every kind of plan.
PLANS = {
    "by thresholds": PLANT.policy.plans,
    "by stages": (stages((110.0, 140.0, "station/pump9"), identity="fill", measure="tank2/level"),),
    "by conditions": (
        conditions("fill", "tank2/level < 110", (("station/pump9", "start"),), until=["tank2/level > 140"]),
        conditions("stop", "tank2/level > 140", (("station/pump9", "stop"),)),
    ),
}


@pytest.fixture(scope="module", params=PLANS)
def day(request: pytest.FixtureRequest) -> tuple[list[tuple[int, bool]], float, float, float, LockStep]:
    return run_day(replace(PLANT, policy=replace(PLANT.policy, plans=PLANS[request.param])))


def test_the_pump_is_switched_when_epanet_would_have(day):
    switches, *_ = day
    own = [(switch.seconds, switch.running) for switch in native(NET1, 24).switches]
    assert [running for _, running in switches] == [running for _, running in own] == [False, True]
    for (at, _), (expected, _) in zip(switches, own, strict=True):
        assert abs(at - expected) <= 300
    assert abs(switches[0][0] - 45_417) <= 300
    assert abs(switches[1][0] - 82_019) <= 300


def test_the_tank_stays_within_its_limits(day):
    _, lowest, highest, *_ = day
    assert lowest >= 109.5
    assert highest <= 140.5


def test_the_energy_is_that_of_epanet(day):
    *_, energy, _ = day
    assert energy == pytest.approx(1332, rel=0.01)


def test_every_command_is_carried_out_and_the_lease_is_kept(day):
    turns = day[-1].turns
    outcomes = [event.state for turn in turns for event in turn.command_events if event.state == "done"]
    commands = [command for turn in turns for command in turn.commands]
    assert len(outcomes) == len(commands) >= 2
    assert [command.action for command in commands[:1]] == ["stop"]


def test_the_rule_of_evidence_costs_no_switch_and_no_energy(day):
    unruled = tuple(replace(plan, evidence_seconds=1e9) for plan in PLANT.policy.plans)
    switches, _, _, energy, _ = run_day(replace(PLANT, policy=Policy(PLANT.policy.thresholds, unruled)))
    assert switches == day[0]
    assert energy == day[3]
