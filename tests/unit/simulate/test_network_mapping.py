from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.model.plant import Actuator, Node, Plant, Sensor
from edge_agent.simulate.hydraulics import Hydraulics
from edge_agent.simulate.mapping import Probe, check_mapping, parse_mapping
from edge_agent.simulate.network import Element

if TYPE_CHECKING:
    from pathlib import Path

PLANT = Plant(
    "here",
    {
        "tower": Node("tower", {"level": Sensor("tower", "level", "level", "m")}),
        "station": Node(
            "station",
            {"power": Sensor("station", "power", "power", "kW")},
            {
                "pump": Actuator("station", "pump", "pump", "stop"),
                "valve": Actuator("station", "valve", "valve", "open"),
            },
        ),
    },
)
GOOD: dict[str, Any] = {
    "network": "Net1.inp",
    "sensors": {
        "tower/level": {"element": "tank:2", "property": "level"},
        "station/power": {"element": "pump:9", "property": "power"},
    },
    "actuators": {"station/pump": {"element": "pump:9"}, "station/valve": {"element": "pipe:110"}},
}


def told(section: dict[str, Any], net1: Path) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationError) as caught, Hydraulics(net1) as water:
        check_mapping(parse_mapping(section, "plant.toml"), PLANT, water.network, "plant.toml")
    assert all(problem.file == "plant.toml" and problem.expected for problem in caught.value.problems)
    return [(problem.key, problem.wrong) for problem in caught.value.problems]


def test_a_good_section_is_read_and_fits(net1: Path) -> None:
    mapping = parse_mapping(GOOD, "plant.toml")
    assert mapping.sensors["tower/level"] == Probe(Element("tank", "2"), "level")
    assert mapping.actuators["station/valve"] == Element("pipe", "110")
    assert mapping.network == "Net1.inp"
    with Hydraulics(net1) as water:
        check_mapping(mapping, PLANT, water.network, "plant.toml")


def test_every_mistake_of_form_is_told(net1: Path) -> None:
    section = {
        "netwrok": "a.inp",
        "network": 3,
        "sensors": {"a/b": {"element": 4}, "c/d": {"element": "tank:2", "property": "level", "x": 1}, "e/f": "tank:2"},
    }
    assert sorted(key for key, _ in told(section, net1)) == [
        "simulation.network",
        "simulation.netwrok",
        'simulation.sensors."a/b".element',
        'simulation.sensors."a/b".property',
        'simulation.sensors."c/d".x',
        'simulation.sensors."e/f"',
    ]


def test_every_mistake_of_meaning_is_told(net1: Path) -> None:
    section = {
        "sensors": {
            "a/b": {"element": "tnak:2", "property": "level"},
            "c/d": {"element": "tank:2", "property": "power"},
        },
        "actuators": {"e/f": {"element": "tank:2"}},
    }
    assert told(section, net1) == [
        ('simulation.sensors."a/b".element', "'tnak:2' is not an element"),
        ('simulation.sensors."c/d".property', "'power' cannot be measured at tank:2"),
        ('simulation.actuators."e/f".element', "'tank:2' is nothing that can be moved"),
    ]


def test_what_plant_and_network_lack_is_told(net1: Path) -> None:
    section = {
        "sensors": {
            "tower/level": {"element": "tank:T9", "property": "pressure"},
            "tower/flow": {"element": "pump:9", "property": "flow"},
        },
        "actuators": {"station/pump": {"element": "pipe:110"}, "station/fan": {"element": "pump:P"}},
    }
    assert told(section, net1) == [
        ('simulation.sensors."tower/level".element', "the network has no tank T9"),
        ('simulation.actuators."station/fan".element', "the network has no pump P"),
        ('simulation.sensors."tower/level".property', "pressure is no level in m"),
        ('simulation.sensors."tower/flow"', "the plant hears no such sensor"),
        ('simulation.actuators."station/pump".element', "a pump cannot be pipe 110"),
        ('simulation.actuators."station/fan"', "the plant has no such actuator"),
    ]
