"""`edge-agent schema`: what editors complete keys by, for both files."""

from __future__ import annotations

import json

import pytest

from edge_agent.cli.main import main


def printed(capsys, file):
    assert main(["schema", file]) == 0
    return json.loads(capsys.readouterr().out)


def key(schema, *path):
    """Follow keys through the tables of a schema, whether they stand for one name or for any."""
    here = schema
    for name in path:
        table = next((one for one in here.get("anyOf", [here]) if one.get("type") != "null"), here)
        table = schema["$defs"][table["$ref"].rpartition("/")[2]] if "$ref" in table else table
        here = table["properties"][name] if "properties" in table else next(iter(table["patternProperties"].values()))
    return here


def test_the_schema_of_the_settings_has_every_section_with_limits_and_meanings(capsys):
    schema = printed(capsys, "settings")
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"agent", "mqtt", "store", "postgres", "redis", "http"} <= set(schema["properties"])
    port = key(schema, "mqtt", "port")
    assert (port["minimum"], port["maximum"], port["default"]) == (1, 65535, 1883)
    assert key(schema, "postgres", "dsn_file")["description"].startswith("File to read the dsn from")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("site", "id"), "description"),
        (("nodes", "NODE", "sensors", "SENSOR", "quality", "spike", "fail"), "description"),
        (("nodes", "NODE", "actuators", "ACTUATOR", "lease_seconds"), "description"),
    ],
)
def test_the_schema_of_the_plant_file_describes_its_keys(capsys, path, said):
    assert key(printed(capsys, "plant"), *path)[said]


def test_each_kind_of_plan_is_told_apart(capsys):
    plans = key(printed(capsys, "plant"), "plans", "PLAN")
    assert {"condition", "stages", "timetable"} <= set(plans["discriminator"]["mapping"])
