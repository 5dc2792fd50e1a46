from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from edge_agent.model.plant import CLASSIC_NAMES
from edge_agent.model.units import QUANTITIES
from edge_agent.settings import actuatortable, devicetables, schema
from edge_agent.settings.agent import Settings, load_settings
from edge_agent.settings.environment import every_setting
from edge_agent.settings.findings import Place, phrase
from edge_agent.settings.plantfile import plant_from

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "config" / "agent.toml"
SETTINGS = (ROOT / "docs" / "settings.md").read_text("utf-8")
PLANT_FILE = (ROOT / "docs" / "plant-file.md").read_text("utf-8")
TABLES = {
    "": schema.PlantTable,
    "[site]": schema.SiteTable,
    "[nodes.NODE]": schema.NodeTable,
    "[nodes.NODE.sensors.SENSOR]": schema.SensorTable,
    "[nodes.NODE.sensors.SENSOR.quality]": schema.QualityTable,
    **schema.QUALITY_TABLES,
    "[nodes.NODE.sensors.SENSOR.thresholds.NAME]": schema.ThresholdTable,
    "[nodes.NODE.actuators.ACTUATOR]": schema.ActuatorTable,
    "proof of effect": actuatortable.ExpectTable,
    "[nodes.NODE.status]": devicetables.StatusTable,
    "place": devicetables.PlaceTable,
    "[nodes.NODE.sensors.SENSOR.source]": devicetables.SourceTable,
    "quality code": devicetables.QualityCodeTable,
    "[nodes.NODE.actuators.ACTUATOR.command]": devicetables.CommandTable,
    "[nodes.NODE.actuators.ACTUATOR.state]": devicetables.StateTable,
    "[nodes.NODE.actuators.ACTUATOR.ack]": devicetables.AckTable,
    "[plans.PLAN]": schema.PlanTable,
    **{f"plan of kind {name}": table for name, table in schema.PLAN_TABLES.items()},
    **{f"provision {name}": table for name, table in schema.PROVISION_TABLES.items()},
    **{f"part {part.__name__}": table for part, table in schema.PART_TABLES.items()},
    "fallback": schema.FallbackTable,
}


def rows(text):
    return [line for line in text.splitlines() if line.startswith("| `")]


def default_of(field):
    if field.is_required():
        return "required"
    structured = BaseModel | dict | tuple
    if field.default is None or isinstance(field.default, structured):
        return ""
    return f"`{json.dumps(field.default, default=str)}`"


def setting_rows():
    return [
        f"| `{setting.key}` | {setting.wanted} | {default_of(setting.field)} | `{setting.variable}` "
        f"| {setting.field.description} |"
        for setting in every_setting(Settings)
    ]


def plant_rows(table):
    return [
        f"| `{key}` | {phrase(Place(field.annotation, field))} | {default_of(field)} | {field.description} |"
        for key, field in table.model_fields.items()
        if table not in schema.PLAN_TABLES.values() or key not in schema.PlanTable.model_fields
    ]


def keys_in(text):
    """Find every key of a reference file, those too that are only there as a comment."""
    section, keys = "", []
    for line in text.splitlines():
        header = re.fullmatch(r"(?:# )?\[([a-z.]+)\]", line)
        key = re.match(r"(?:# )?([a-z_]+) = ", line)
        if header:
            section = header[1]
        elif key:
            keys.append(f"{section}.{key[1]}")
    return keys


def test_the_table_of_settings_is_that_of_the_code():
    assert rows(SETTINGS) == setting_rows()


def test_every_setting_stands_once_in_the_reference_file():
    assert keys_in(REFERENCE.read_text("utf-8")) == [setting.key for setting in every_setting(Settings)]


def test_the_reference_file_loads_and_holds_the_defaults():
    assert load_settings(REFERENCE, {}) == Settings()


def test_what_is_commented_out_in_the_reference_file_is_toml_too():
    text = re.sub(r"(?m)^# (?=\[[a-z.]+\]$|[a-z_]+ = )", "", REFERENCE.read_text("utf-8"))

    assert set(tomllib.loads(text)["mqtt"]) == set(Settings.model_fields["mqtt"].annotation.model_fields)


def test_every_setting_is_described():
    assert all(setting.field.description for setting in every_setting(Settings))


@pytest.mark.parametrize(("place", "table"), TABLES.items())
def test_every_key_of_the_plant_file_is_documented_as_the_code_has_it(place, table):
    assert "\n".join(plant_rows(table)) in PLANT_FILE
    assert not place.startswith("[") or f"### `{place}`" in PLANT_FILE


def test_no_table_of_the_schema_is_left_out():
    tables = {
        part
        for room in (schema, devicetables, actuatortable)
        for part in vars(room).values()
        if isinstance(part, type) and issubclass(part, schema.Table)
    }

    for others in (schema.QUALITY_TABLES, schema.PLAN_TABLES, schema.PROVISION_TABLES, schema.PART_TABLES):
        tables.update(others.values())

    assert tables - {schema.Table, schema._LimitMembers, schema.PlantKeys} == set(TABLES.values())


def test_the_keys_in_the_document_are_keys_of_the_schema():
    known = {row for table in TABLES.values() for row in plant_rows(table)}
    known |= {f"| `{name}` | {', '.join(f'`{unit}`' for unit in units)} |" for name, units in QUANTITIES.items()}

    assert [row for row in rows(PLANT_FILE) if row not in known and not row.startswith("| `node")] == []


def test_every_quantity_stands_in_the_document_with_its_units():
    for name, units in QUANTITIES.items():
        assert f"| `{name}` | {', '.join(f'`{unit}`' for unit in units)} |" in PLANT_FILE


def test_the_example_in_the_document_loads():
    example = re.search(r"```toml\n(.*?)```", PLANT_FILE, re.DOTALL)[1]

    plant = plant_from(tomllib.loads(example), Path("docs/plant-file.md")).plant

    assert [plan.id for plan in plant.policy.plans] == ["fill_tank1", "protect_pump1", "tank1_is_full"]


def test_each_example_of_a_plan_loads_and_nothing_is_wrong_with_it():
    blocks = re.findall(r"```toml\n(.*?)```", PLANT_FILE, re.DOTALL)
    plant = tomllib.loads(blocks[0])
    station = plant["nodes"]["station"]["actuators"]
    station["pump2"] = station["pump1"]
    station["bypass"] = {"kind": "valve", "fail_safe": "open"}
    examples = [tomllib.loads(block) for block in blocks[1:] if "[plans." in block]
    kinds = {plan.get("kind", "condition") for tables in examples for plan in tables["plans"].values()}
    assert kinds == set(schema.PLAN_TABLES)
    for tables in examples:
        whole = plant | tables | {"plans": plant["plans"] | tables["plans"]}
        found = plant_from(whole, Path("docs/plant-file.md")).plant
        assert set(tables["plans"]) <= {plan.id for plan in found.policy.plans}


def test_the_alarms_that_need_no_configuration_are_documented():
    for alarm in ("`node/sensor:stale`", "`node/sensor:bad_quality`", "`node:offline`", *CLASSIC_NAMES):
        assert alarm in PLANT_FILE
