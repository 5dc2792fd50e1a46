"""The plans of a plant file: the tables of their kinds, and what is wrong with one as it is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from edge_agent.analyze.measures.registry import MEASURES, meant
from edge_agent.model.figures import finite
from edge_agent.model.plant import (
    ACTUATOR_ALARMS,
    BAD_QUALITY,
    CONDITION,
    OFFLINE,
    STALE,
    VALUE,
    Fallback,
    Plan,
    Provision,
)
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.plan.kinds.registry import KINDS, OWN_COLUMNS, canonical
from edge_agent.plan.provisions import registry as provisions
from edge_agent.plan.provisions.tanks import below_brims
from edge_agent.plan.scene import Known
from edge_agent.plan.steps import step_of
from edge_agent.settings.findings import Finding
from edge_agent.settings.tomlfile import table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from edge_agent.settings.findings import KeyPath
    from edge_agent.settings.tables import Table

_MEASURES = [measure.name for measure in MEASURES]


def declared(raw: dict[str, Any]) -> Known:
    """Collect the names a plant file declares, sound or not, so that one mistake is told once."""
    alarms: dict[str, str] = {}
    sensors: dict[str, Any] = {}
    actuators: dict[str, Any] = {}
    ranges: dict[str, tuple[float, float]] = {}
    units: dict[str, Any] = {}
    for node, content in table(raw.get("nodes")).items():
        alarms[f"{node}:{OFFLINE}"] = ""
        for sensor, declaration in table(table(content).get("sensors")).items():
            sensors[f"{node}/{sensor}"] = table(declaration).get("quantity")
            units[f"{node}/{sensor}"] = table(declaration).get("unit")
            ranges[f"{node}/{sensor}"] = _range(table(table(declaration).get("quality")).get(GrossRange.name))
            alarms |= _alarms(f"{node}/{sensor}", table(table(declaration).get("thresholds")))
        for actuator, declaration in table(table(content).get("actuators")).items():
            actuators[f"{node}/{actuator}"] = table(declaration).get("kind")
            alarms |= {f"{node}/{actuator}:{name}": "" for name in ACTUATOR_ALARMS}
    named = {kind.table: table(raw.get(kind.table)) for kind in provisions.PROVISIONS}
    return Known(alarms, sensors, actuators, below_brims(ranges, named), units, named)


def _range(gross_range: object) -> tuple[float, float]:
    """Return between which values good readings lie, as far as it is written rightly."""
    lowest, highest = float("-inf"), float("inf")
    for limits in table(gross_range).values():
        numbers = [finite(limit) for limit in limits] if isinstance(limits, list) else []
        if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
            lowest, highest = max(lowest, numbers[0]), min(highest, numbers[1])
    return lowest, highest


def _alarms(sensor: str, thresholds: dict[str, Any]) -> dict[str, str]:
    """Return the alarms of a sensor with their measures, as far as these are written as text."""
    found: dict[str, Any] = {name: meant(table(content)) for name, content in thresholds.items()}
    measures: dict[str, str] = {name: measure if measure in _MEASURES else VALUE for name, measure in found.items()}
    measures |= {STALE: "", BAD_QUALITY: ""}
    return {f"{sensor}:{name}": measure for name, measure in measures.items()}


def plan_findings(path: KeyPath, plan: dict[str, Any], known: Known) -> Iterator[Finding]:
    """Find what one plan refers to in vain or asks wrongly; a kind that there is not, the schema names."""
    for kind in KINDS:
        if kind.name == plan.get("kind", CONDITION):
            for conflict in kind.conflicts(plan, known):
                yield Finding((*path, *conflict.path), conflict.wrong, conflict.expected)


def plan_of(plan: str, given: Table, timezone: str) -> Plan:
    """Build a plan from the table of its kind; `timezone` is for one that goes by civil time and does not say whose."""
    members = dict(given)
    name = members["kind"]
    common = {key: members[key] for key in Plan.__dataclass_fields__ if key in members and key not in OWN_COLUMNS}
    fallbacks = tuple(Fallback(**dict(step)) for step in members["without_evidence"])
    steps = tuple(step_of(step.model_dump(exclude_none=True)) for step in members.get("do", ()))
    told = _told(given, timezone, set(common) | set(OWN_COLUMNS))
    return Plan(
        id=plan,
        when=members.get("when", ()),
        do=steps,
        unless=members.get("unless", ()),
        **common | {"without_evidence": fallbacks, "parameters": canonical(name, told)},
    )


def provision_findings(raw: dict[str, Any], known: Known) -> Iterator[Finding]:
    """Find what the provisions of a plant file refer to in vain or ask wrongly."""
    for kind in provisions.PROVISIONS:
        for name, content in table(raw.get(kind.table)).items():
            for conflict in kind.conflicts(table(content), known):
                yield Finding((kind.table, name, *conflict.path), conflict.wrong, conflict.expected)


def provisions_of(file: Table, timezone: str) -> Iterator[Provision]:
    """Build the provisions of a plant file, sorted by kind and name; `timezone` as for plans."""
    for kind in sorted(provisions.PROVISIONS, key=lambda kind: kind.name):
        for name, content in sorted(getattr(file, kind.table).items()):
            yield Provision(kind.name, name, provisions.canonical(kind.name, _told(content, timezone)))


def _told(given: Table, timezone: str, elsewhere: Collection[str] = ()) -> str:
    """Return what a table says, as JSON, without what stands elsewhere."""
    told = given.model_dump(mode="json", exclude_none=True, exclude={*elsewhere, "accept"})
    if "timezone" in told and "timezone" not in given.model_fields_set:
        told["timezone"] = timezone
    return json.dumps(told)
