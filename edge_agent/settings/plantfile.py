"""Reads a plant file into the plant of the model."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from sys import intern
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from edge_agent.analyze.measures.registry import meant
from edge_agent.errors import ConfigurationError, Problem
from edge_agent.model.desired import Expectation
from edge_agent.model.plant import (
    Actuator,
    Node,
    Plant,
    Policy,
    Sensor,
    Threshold,
)
from edge_agent.monitor.tests.registry import quality
from edge_agent.plan.fitness import misfits
from edge_agent.settings.accepting import accepted
from edge_agent.settings.derived import derivation, derived_findings, with_intervals
from edge_agent.settings.devicefindings import device_findings
from edge_agent.settings.findings import Finding, findings
from edge_agent.settings.lines import with_lines
from edge_agent.settings.plans import plan_of, provisions_of
from edge_agent.settings.profiles import expanded
from edge_agent.settings.relations import relations
from edge_agent.settings.schema import MEASURE_MEMBERS, PlantTable
from edge_agent.settings.timing import protection, timing
from edge_agent.settings.tomlfile import FOLDERS, find, read_toml
from edge_agent.settings.wiring import reading_source, status_sources, wiring_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from edge_agent.model.plant import Side
    from edge_agent.model.quality import Quality
    from edge_agent.settings.actuatortable import ActuatorTable
    from edge_agent.settings.schema import NodeTable, PlantKeys, SensorTable

NAME = "plant.toml"


@dataclass(frozen=True, slots=True)
class PlantFile:
    """A plant file: the plant, the untouched `[simulation]` table, where it was read, and which risks are accepted."""

    plant: Plant
    simulation: dict[str, Any]
    path: Path
    site_name: str | None = None
    accepted: Mapping[tuple[str | int, ...], Mapping[str, str]] = field(default_factory=dict)


def find_plant(path: Path | None) -> Path:
    """Name the plant file to read: the given one, else `config/plant.toml`, else `/etc/edge-agent/plant.toml`.

    Raises ConfigurationError where none was given and none is there.
    """
    found = path or find(NAME)
    if found is None:
        looked = " or ".join(str(folder / NAME) for folder in FOLDERS)
        raise ConfigurationError([Problem(NAME, "file", "there is no plant file", f"one at {looked}, or --plant FILE")])
    return found


def load_plant(path: Path) -> Plant:
    """Read the plant of a plant file. Raises ConfigurationError with every problem."""
    return load_plant_file(path).plant


def load_plant_file(path: Path) -> PlantFile:
    """Read a plant file whole. Raises ConfigurationError with every problem."""
    # The tables of a large file are many times what is kept of them, and what is kept lies scattered among them, so
    # that none of their memory could be given back: 210 MB at 10,000 sensors. A copy made after them lies together: 80.
    parcel = pickle.dumps(_plant_of(path), pickle.HIGHEST_PROTOCOL)
    unpacked: PlantFile = pickle.loads(parcel)  # noqa: S301 - our own, made a moment ago
    return unpacked


def read_tables(path: Path) -> PlantKeys:
    """Read the tables of a sound plant file, with its profiles worked in: they know what was said and what was not."""
    return PlantTable.model_validate(expanded(read_toml(path), path).raw)


def _plant_of(path: Path) -> PlantFile:
    with with_lines(path):
        return plant_from(read_toml(path), path)


def plant_from(raw: dict[str, Any], path: Path) -> PlantFile:
    """Build a plant from a parsed file; `path` is for the errors. Raises ConfigurationError with every problem."""
    whole = expanded(raw, path)
    try:
        file = PlantTable.model_validate(whole.raw)
        wrong = []
    except ValidationError as error:
        wrong = findings(error, PlantTable)
    wrong += [*whole.findings, *relations(whole.raw), *device_findings(whole.raw), *derived_findings(whole.raw)]
    if wrong:
        raise ConfigurationError(sorted(whole.problem(finding, str(path)) for finding in wrong))
    plant = _plant(file)
    unfit = [Finding(*misfit).problem(str(path)) for misfit in misfits(plant, plant.policy)]
    if unfit:
        raise ConfigurationError(sorted(unfit))
    return PlantFile(plant, file.simulation, path, file.site.name, accepted(file))


def _plant(file: PlantKeys) -> Plant:
    alike: dict[Quality, Quality] = {}  # most sensors of a plant are put to the same tests
    given = {
        f"{node}/{name}"
        for node, table in file.nodes.items()
        for name, sensor in table.sensors.items()
        if "interval_seconds" in sensor.model_fields_set
    }
    return Plant(
        site=file.site.id,
        nodes=with_intervals({node: _node(node, table, alike) for node, table in file.nodes.items()}, given),
        policy=Policy(
            thresholds=tuple(sorted(_thresholds(file), key=lambda threshold: threshold.alarm)),
            plans=tuple(plan_of(plan, table, file.site.timezone) for plan, table in sorted(file.plans.items())),
            provisions=tuple(provisions_of(file, file.site.timezone)),
        ),
    )


def _node(node: str, table: NodeTable, alike: dict[Quality, Quality]) -> Node:
    sensors = (_sensor(node, intern(sensor), content, alike) for sensor, content in table.sensors.items())
    return Node(
        id=node,
        sensors={sensor.id: sensor for sensor in sensors},
        actuators={
            actuator: _actuator(node, actuator, content, table.device) for actuator, content in table.actuators.items()
        },
        timestamps=table.timestamps,
        status=status_sources(table.status),
        label=table.name,
    )


def _sensor(node: str, sensor: str, table: SensorTable, alike: dict[Quality, Quality]) -> Sensor:
    tests = quality(**dict(table.quality))
    return Sensor(
        node=node,
        id=sensor,
        quantity=intern(table.quantity),
        unit=intern(table.unit),
        interval_seconds=table.interval_seconds,
        quality=alike.setdefault(tests, tests),
        source=reading_source(table),
        derived=derivation(table),
        label=table.name,
    )


def _thresholds(file: PlantKeys) -> Iterator[Threshold]:
    for node, nodes in file.nodes.items():
        for sensor, sensors in nodes.sensors.items():
            for name, threshold in sensors.thresholds.items():
                yield _threshold(node, intern(sensor), intern(name), dict(threshold))


def _threshold(node: str, sensor: str, name: str, given: dict[str, Any]) -> Threshold:
    """Build a threshold; what its measure is told stands among its own keys."""
    measure = meant(given)
    del given["of"], given["accept"]
    told = {key: given.pop(key) for key in MEASURE_MEMBERS}
    parameters = tuple(sorted((key, value) for key, value in told.items() if value is not None))
    places: dict[Side | None, Any] = {
        None: given.pop("limit"),
        "above": given.pop("above"),
        "below": given.pop("below"),
    }
    side, limit = next((side, limit) for side, limit in places.items() if limit is not None)
    annunciated = given.pop("alarm")
    members = {"measure": measure, "parameters": parameters, "side": side, "annunciated": annunciated}
    return Threshold(node, sensor, name, limit, **given, **members)


def _actuator(node: str, actuator: str, table: ActuatorTable, device: str | None) -> Actuator:
    times = timing(table.lease_seconds, table.command_ttl_seconds, table.ack_timeout_seconds)
    kept = protection(table.kind, table.rated_kw)
    most = kept.starts_per_hour if table.max_starts_per_hour is None else table.max_starts_per_hour
    return Actuator(
        node=node,
        id=actuator,
        kind=table.kind,
        fail_safe=table.fail_safe,
        min_on_seconds=kept.least_on_seconds if table.min_on_seconds is None else table.min_on_seconds,
        min_off_seconds=kept.least_off_seconds if table.min_off_seconds is None else table.min_off_seconds,
        max_starts_per_hour=most or None,
        **times._asdict(),
        hand=table.hand,
        unexpected_retries=table.unexpected_retries,
        lock_out_after=table.lock_out_after,
        power_return_seconds=table.power_return_seconds,
        wiring=wiring_of(table, device),
        expect=None if table.expect is None else Expectation(**dict(table.expect)),
        rated_kw=table.rated_kw,
        ramp_seconds=table.ramp_seconds,
        label=table.name,
    )
