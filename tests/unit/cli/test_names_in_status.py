"""The tables of `status` show names for people where there are any, and no empty column where there are none."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from edge_agent.cli.look import _show

SENSOR = {"node": "tank1", "sensor": "level", "value": 3.2, "unit": "m", "flag": "good", "judged_flag": "good"}
FOUND = {"agent": "gateway-1", "site": "riverside", "mode": "auto", "epoch": 7, "at": "now", "clock": {}, "alarms": []}


def shown(name):
    found = FOUND | {
        "sensors": [SENSOR | {"name": name}],
        "actuators": [{"node": "station", "actuator": "pump1", "name": name}],
        "nodes": [{"node": "tank1", "online": True, "name": name}],
    }
    console = Console(file=io.StringIO(), width=200)
    _show(console, found)
    return console.file.getvalue()


def test_a_name_stands_in_each_table():
    assert shown("Tank on the hill").count("Tank on the hill") == 3


@pytest.mark.parametrize("name", [None, ""])
def test_without_names_there_is_no_column_for_them(name):
    assert " name " not in shown(name)


def test_no_terminal_obeys_a_name():
    assert "\x1b[31m" not in shown("red \x1b[31m name")
