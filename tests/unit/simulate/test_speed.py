"""`simulate --speed`: the water hurries, the nodes do not."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from edge_agent.model.plant import Node, Plant, Sensor
from edge_agent.model.time import MICROSECONDS, Moment, rfc3339
from edge_agent.simulate.hydraulics import Hydraulics
from edge_agent.simulate.mapping import parse_mapping
from edge_agent.simulate.plant import PlantSimulation

START = 1_767_225_600 * MICROSECONDS


def test_the_water_runs_faster_than_the_clock_of_the_nodes():
    plant = Plant("s", {"tank2": Node("tank2", {"level": Sensor("tank2", "level", "level", "ft", 10.0)})})
    mapping = parse_mapping({"sensors": {"tank2/level": {"element": "tank:2", "property": "level"}}}, "net1")
    with Hydraulics(Path(str(files("wntr") / "library" / "networks" / "Net1.inp"))) as hydraulics:
        simulation = PlantSimulation(hydraulics, mapping, plant, speed=60)
        simulation.step(Moment(START, 5.0))
        now = Moment(START + 10 * MICROSECONDS, 15.0)
        told = [json.loads(each.payload) for each in simulation.step(now) if each.route.kind == "telemetry"]
        assert hydraulics.seconds == 600
    assert [reading["ts"] for reading in told] == [rfc3339(now.at)]
