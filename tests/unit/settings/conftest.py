from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError


@pytest.fixture
def riverside_path():
    return Path(__file__).parent / "riverside.toml"


@pytest.fixture
def riverside(riverside_path):
    return tomllib.loads(riverside_path.read_text("utf-8"))


@pytest.fixture
def problems_of():
    """Call something that must raise ConfigurationError, and return its problems by key."""

    def call(load, *arguments):
        with pytest.raises(ConfigurationError) as caught:
            load(*arguments)
        return {problem.key: problem for problem in caught.value.problems}

    return call
