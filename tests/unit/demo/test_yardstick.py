from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.container.plant import network_of, open_simulation
from edge_agent.demo.yardstick import Yardstick, yardstick
from edge_agent.errors import ConfigurationError
from edge_agent.settings.plantfile import PlantFile, load_plant_file, plant_from
from edge_agent.settings.tomlfile import read_toml
from edge_agent.simulate.hydraulics import native

PLANT = Path(__file__).parents[3] / "config" / "plant.toml"


@pytest.fixture(scope="module")
def file() -> PlantFile:
    return load_plant_file(PLANT)


@pytest.fixture(scope="module")
def found(file: PlantFile) -> Yardstick:
    with open_simulation(file, None) as simulation:
        return yardstick(file, simulation.hydraulics.network)


def test_tanks_and_pumps_are_known_by_their_names_in_the_plant(found: Yardstick) -> None:
    assert list(found.taps) == ["tank1/level"]
    assert found.pumps == {"station/pump1": "P1", "station/pump2": "P2"}
    assert found.spans() == {"tank1/level": (pytest.approx(0.2), pytest.approx(4.8))}


def test_a_day_beside_itself_has_no_difference(file: PlantFile, found: Yardstick) -> None:
    day = native(network_of(file), 24)
    (tank,) = found.tanks(day, day)
    assert tank.agent == tank.native
    assert tank.limits == (1.8, 4.4)
    assert tank.agent.lowest == pytest.approx(day.lowest["T1"])
    for pump in found.compared_pumps(day, day):
        assert (pump.starts, pump.energy_kwh, pump.cost) == (
            pump.native_starts,
            pump.native_energy_kwh,
            pump.native_cost,
        )
    assert found.starts(day) == {"station/pump1": day.starts["P1"], "station/pump2": day.starts["P2"]}


def test_levels_are_compared_in_the_unit_of_the_sensor(file: PlantFile) -> None:
    raw = read_toml(PLANT)
    raw["nodes"]["tank1"]["sensors"]["level"] = {"quantity": "level", "unit": "cm"}
    raw["plans"] = {}
    in_cm = plant_from(raw, file.path)
    with open_simulation(in_cm, None) as simulation:
        assert yardstick(in_cm, simulation.hydraulics.network).spans()["tank1/level"] == pytest.approx((20, 480))


def test_a_plant_file_without_network_says_so(file: PlantFile) -> None:
    raw = read_toml(PLANT)
    raw["simulation"] = {}
    with pytest.raises(ConfigurationError, match=r"simulation\.network"):
        network_of(plant_from(raw, file.path))
