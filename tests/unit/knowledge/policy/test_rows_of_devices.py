"""Rows of devices that were written by hand, or by a newer program: refused, never met in the middle of control."""

from __future__ import annotations

import json

import pytest
from support.foreigners import foreign_plant

from edge_agent.errors import PolicyRefusedError
from edge_agent.knowledge.policy.plant_rows import _actuator, _node, _row, _sensor

PLANT = foreign_plant(
    """
    [nodes.well]
    device = "D"
    profile = "tasmota"
    [nodes.well.sensors.level]
    quantity = "level"
    unit = "m"
    source = "#/a"
    [nodes.well.actuators.pump1]
    kind = "pump"
    fail_safe = "stop"
    """
)
NODE = PLANT.nodes["well"]
PARTS = {"node": (NODE, _node), "sensor": (PLANT.sensors[0], _sensor), "actuator": (PLANT.actuators[0], _actuator)}


def edited(what, **members):
    """The row of a part of which the JSON of its device says otherwise."""
    row = list(_row(PARTS[what][0]))
    place = {"node": 2, "sensor": 6, "actuator": 14}[what]
    content = json.loads(row[place])
    if isinstance(content, list):
        content[0] |= members
    else:
        content |= members
    row[place] = json.dumps(content)
    return tuple(row)


@pytest.mark.parametrize("what", PARTS)
def test_what_was_written_is_read(what):
    part, read = PARTS[what]
    found = read(_row(part))
    assert _row(found) == _row(part)


@pytest.mark.parametrize(
    ("what", "members"),
    [
        ("sensor", {"topic": "a/#"}), ("sensor", {"topic": ""}), ("sensor", {"topic": "x" * 2000}),
        ("sensor", {"codec": "xml"}), ("sensor", {"value": "a"}), ("sensor", {"ts": "t"}), ("sensor", {"seq": "/~"}),
        ("sensor", {"only_if": [["m", 1]]}), ("sensor", {"unit": "/~3"}), ("sensor", {"scale": "x"}),
        ("node", {"topic": "+"}), ("node", {"value": "x"}), ("node", {"means": 5}),
        ("actuator", {"topic": "$SYS/x"}), ("actuator", {"codec": "xml"}), ("actuator", {"forms": {}}),
        ("actuator", {"forms": [["start", "{power}"]]}), ("actuator", {"given": []}),
        ("actuator", {"state": [{"topic": "a/+"}]}), ("actuator", {"reply": {"topic": "r", "value": "id"}}),
        ("actuator", {"lease": "forever"}),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(what, members):
    with pytest.raises(PolicyRefusedError, match="makes no sense"):
        PARTS[what][1](edited(what, **members))
