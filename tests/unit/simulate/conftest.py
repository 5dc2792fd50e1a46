"""A node on a bench, Net1, and the site of the demo."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.noderig import Rig, library, make_rig

from edge_agent.settings.plantfile import PlantFile, load_plant_file

CONFIG = Path(__file__).parents[3] / "config"


@pytest.fixture
def rig() -> Rig:
    return make_rig()


@pytest.fixture
def net1() -> Path:
    return library("Net1")


@pytest.fixture(scope="session")
def riverside() -> PlantFile:
    return load_plant_file(CONFIG / "plant.toml")
