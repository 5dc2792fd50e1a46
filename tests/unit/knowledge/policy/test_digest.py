from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from edge_agent.knowledge.policy.digest import digest
from edge_agent.model.plant import Actuator, Node, Plan, Plant, Policy, Sensor, Step, Threshold
from edge_agent.model.quality import Quality
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.settings.plantfile import load_plant

if TYPE_CHECKING:
    from pathlib import Path

LEVEL = Sensor("tank1", "level", "level", "m", quality=Quality([GrossRange((0.0, 6.0))]))
FLOW = Sensor("tank1", "flow", "flow", "m3/h")
TANK = Node("tank1", {"level": LEVEL, "flow": FLOW})
STATION = Node("station", {}, {"pump1": Actuator("station", "pump1", "pump", "stop")})
LOW, HIGH = Threshold("tank1", "level", "low", 1.0), Threshold("tank1", "level", "high", 5.0)
PLANS = (Plan("a", ("tank1/level:low",), (Step("station/pump1", "start"),)), Plan("b", (), ()))
PLANT = Plant("riverside", {"tank1": TANK, "station": STATION}, Policy((LOW, HIGH), PLANS))


def test_the_order_in_the_file_does_not_matter() -> None:
    tank = replace(TANK, sensors=MappingProxyType({"flow": FLOW, "level": LEVEL}))
    other = Plant("riverside", {"station": STATION, "tank1": tank}, Policy((HIGH, LOW), PLANS[::-1]))
    assert digest(other) == digest(PLANT)


def test_a_whole_number_and_its_float_are_the_same() -> None:
    assert digest(replace(PLANT, policy=Policy((replace(LOW, limit=1), HIGH), PLANS))) == digest(PLANT)


def test_every_difference_in_content_shows() -> None:
    others = [
        replace(PLANT, site="hillside"),
        replace(PLANT, nodes={"tank1": TANK}),
        replace(PLANT, nodes={"tank1": replace(TANK, timestamps="unix"), "station": STATION}),
        replace(PLANT, nodes={"tank1": Node("tank1", {"level": LEVEL}), "station": STATION}),
        replace(PLANT, policy=Policy((replace(LOW, limit=1.01), HIGH), PLANS)),
        replace(PLANT, policy=Policy((LOW, HIGH), PLANS[:1])),
        replace(PLANT, policy=Policy((LOW, HIGH), (replace(PLANS[0], unless=("tank1/flow:low",)), PLANS[1]))),
    ]
    assert len({digest(plant) for plant in [PLANT, *others]}) == len(others) + 1


FILE = """
[site]
id = "riverside"

[nodes.tank1.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 10

[nodes.tank1.sensors.level.quality]
gross_range = { fail = [0.0, 6.0], suspect = [0.2, 5.8] }
freshness = { suspect_seconds = 30, fail_seconds = 60 }

[nodes.tank1.sensors.level.thresholds]
high = { limit = 5.2, deadband = 0.2, on_delay_seconds = 10, priority = "high" }
low = { limit = 1.5, deadband = 0.2, priority = "high" }

[nodes.tank1.sensors.pressure]
quantity = "pressure"
unit = "bar"

[nodes.station.actuators.pump1]
kind = "pump"
fail_safe = "stop"
lease_seconds = 900

[plans.fill]
when = ["tank1/level:low"]
do = [{ actuator = "station/pump1", action = "start" }]

[plans.full]
when = ["tank1/level:high"]
do = [{ actuator = "station/pump1", action = "stop" }]
"""


def test_stores_of_before_know_an_untouched_file_again(tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    path.write_text(FILE)
    # As version 0.1 noted it, which knew neither measures nor quality tests of later.
    assert digest(load_plant(path)) == "82e65d3657015627d434c0e8d8416780b4a29617c7f72c16534bb3d424154d05"


def test_a_measure_counts_where_one_is_given() -> None:
    rate = replace(LOW, measure="rate_per_hour")
    told = replace(rate, parameters=(("over_seconds", 600.0),))
    plants = [replace(PLANT, policy=Policy((low, HIGH), PLANS)) for low in (LOW, rate, told)]
    assert len({digest(plant) for plant in plants}) == 3
