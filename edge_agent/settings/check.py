"""The check of both files: every problem in them, and what is risky."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.errors import ConfigurationError
from edge_agent.plan.risks import endless, risks
from edge_agent.settings.accepting import left
from edge_agent.settings.agent import load_settings
from edge_agent.settings.findings import Finding
from edge_agent.settings.inforce import in_force
from edge_agent.settings.lines import located
from edge_agent.settings.plantfile import find_plant, load_plant_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from edge_agent.errors import Problem
    from edge_agent.settings.plantfile import PlantFile


def check(config: Path | None, plant: Path | None, environ: Mapping[str, str]) -> list[Problem]:
    """Return every problem of the settings, then of the plant file; an empty list where both are sound."""
    return look_over(config, plant, environ)[0]


def look_over(
    config: Path | None,
    plant: Path | None,
    environ: Mapping[str, str],
    *,
    reads: Callable[[Path], bool] = lambda _: True,
) -> tuple[list[Problem], list[str]]:
    """Return every problem of the settings and the plant file, and what is risky in a sound plant file.

    `reads` as in `load_settings`.
    """
    problems: list[Problem] = []
    risky: list[str] = []
    try:
        load_settings(config, environ, reads=reads)
    except ConfigurationError as error:
        problems += error.problems
    try:
        file = load_plant_file(find_plant(plant))
        problems += _endless(file)
        risky = warnings(file)
    except ConfigurationError as error:
        problems += error.problems
    return problems, risky


def explained(plant: Path | None) -> list[str]:
    """Return what of a sound plant file is in force and why, a line each."""
    path = find_plant(plant)
    return list(in_force(path, load_plant_file(path).plant))


def _endless(file: PlantFile) -> list[Problem]:
    """Return the requests that nothing ends: an error to whoever checks; the agent runs, and ends them early."""
    return located([Finding(*one).problem(str(file.path)) for one in endless(file.plant)], file.path)


def told_at_start(file: PlantFile) -> list[str]:
    """Return what the agent says of a plant file when it starts."""
    return [*map(str, _endless(file)), *warnings(file)]


def warnings(file: PlantFile) -> list[str]:
    """Return what is risky in a plant file and nobody has accepted, a sentence each, with the name to accept it by."""
    found = left(risks(file.plant), file.accepted)
    problems = located([Finding(*risk[1:]).problem(str(file.path)) for risk in found], file.path)
    return [f"{problem} [{risk.name}]" for problem, risk in zip(problems, found, strict=True)]
