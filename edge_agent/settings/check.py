"""Looks both files over and says everything that is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.errors import ConfigurationError
from edge_agent.model.risks import risks
from edge_agent.settings.agent import load_settings
from edge_agent.settings.plantfile import find_plant, load_plant_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from edge_agent.errors import Problem


def warnings(plant: Path | None) -> list[str]:
    """Return what is risky in a sound plant file, a sentence each; empty where it is not sound."""
    try:
        file = load_plant_file(find_plant(plant))
    except ConfigurationError:
        return []
    return [f"{file.path}: {risk}" for risk in dict.fromkeys(risks(file.plant))]


def check(config: Path | None, plant: Path | None, environ: Mapping[str, str]) -> list[Problem]:
    """Find every problem of the settings, then of the plant file; empty where both are sound."""
    problems: list[Problem] = []
    try:
        load_settings(config, environ)
    except ConfigurationError as error:
        problems += error.problems
    try:
        load_plant_file(find_plant(plant))
    except ConfigurationError as error:
        problems += error.problems
    return problems
