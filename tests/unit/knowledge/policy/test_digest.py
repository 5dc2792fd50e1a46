from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from types import MappingProxyType

import pytest

from edge_agent.knowledge.policy.digest import digest, plain
from edge_agent.model.plant import Actuator, Node, Plan, Plant, Policy, Sensor, Step, Threshold
from edge_agent.model.quality import Quality
from edge_agent.monitor.tests.gross_range import GrossRange

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


@pytest.mark.parametrize(
    "plant",
    [PLANT, replace(PLANT, policy=Policy()), replace(PLANT, site="hillside", nodes={}), Plant("s", {"a": Node("a")})],
)
def test_it_is_that_of_the_whole_as_json_so_that_stores_of_before_know_their_plant(plant: Plant) -> None:
    ordered = replace(plant, policy=Policy(tuple(sorted(plant.policy.thresholds, key=str)), plant.policy.plans))
    whole = json.dumps(plain(ordered), sort_keys=True, separators=(",", ":"))
    assert digest(plant) == hashlib.sha256(whole.encode()).hexdigest()
