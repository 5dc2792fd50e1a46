from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.settings.agent import load_settings
from edge_agent.settings.check import look_over
from edge_agent.settings.findings import dotted
from edge_agent.settings.lines import key_lines
from edge_agent.settings.plantfile import load_plant

ROOT = Path(__file__).parents[3]
SAMPLE = '''\
# a comment = 1
[site]            # 2
id = "a [b] = c"
note = """
key = "inside a string"
"""               # 6

[nodes."tank 1".sensors]
level = { limit = 1.5, "the unit" = 'm' }
head.unit = "m"   # 10

[[plans]]
when = [
  "a:b",          # 14
  "c:d", # ]
]
do = [
  { actuator = "x/y",
    action = "z" },
]
[[plans]]
when = []
[plans.more]
deep = 1          # 24
'''


def paths(value, path=()):
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in children:
        yield (*path, key)
        yield from paths(below, (*path, key))


def test_every_key_is_on_the_line_on_which_it_stands():
    lines = key_lines(SAMPLE.replace('y",\n    action', 'y", action'))
    assert {key: lines[key] for key in (
        "site", "site.id", "site.note", 'nodes."tank 1".sensors.level.limit', 'nodes."tank 1".sensors.level."the unit"',
        'nodes."tank 1".sensors.head.unit', "plans[0]", "plans[0].when[0]", "plans[0].when[1]", "plans[0].do[0].action",
        "plans[1].when", "plans[1].more.deep",
    )} == {
        "site": 2, "site.id": 3, "site.note": 4, 'nodes."tank 1".sensors.level.limit': 9,
        'nodes."tank 1".sensors.level."the unit"': 9, 'nodes."tank 1".sensors.head.unit': 10, "plans[0]": 12,
        "plans[0].when[0]": 14, "plans[0].when[1]": 15, "plans[0].do[0].action": 18, "plans[1].when": 21,
        "plans[1].more.deep": 23,
    }  # fmt: skip


@pytest.mark.parametrize("file", ["config/agent.toml", "config/plant.toml", "tests/unit/settings/riverside.toml"])
def test_no_value_of_a_real_file_is_without_a_line(file):
    text = (ROOT / file).read_text("utf-8")
    lines = key_lines(text)
    leaves = [path for path in paths(tomllib.loads(text)) if path]
    unknown = [dotted(path) for path in leaves if dotted(path) not in lines]
    # A table that only its children name stands nowhere.
    assert all(any(known.startswith(f"{name}.") for known in lines) for name in unknown)
    for path in leaves:
        if dotted(path) in lines and isinstance(path[-1], str):
            assert path[-1] in text.splitlines()[lines[dotted(path)] - 1]


NAMES = st.sampled_from(["a", "b-c", "d.e", 'f"g', "h#i", "ü", "[j]", "k=l"])
VALUES = st.recursive(
    st.integers() | st.booleans() | st.text(max_size=8, alphabet="ab'\"\\#=,]}[{ü\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def written(value):
    import json  # noqa: PLC0415 - JSON's strings are TOML's too

    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {written(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list):
        return "[ # [ a comment\n" + ",\n".join(written(below) for below in value) + "\n]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=3), max_size=3))
def test_the_keys_found_are_those_that_tomllib_finds(content):
    text = ""
    for table, pairs in content.items():
        text += f"[{written(table)}]\n" + "".join(
            f"{written(key)} = {written(value)}\n" for key, value in pairs.items()
        )
    assert tomllib.loads(text) == content
    assert set(key_lines(text)) == {dotted(path) for path in paths(content)}


def test_a_mistake_is_told_with_file_line_and_key(tmp_path, problems_of):
    config, plant = tmp_path / "agent.toml", tmp_path / "plant.toml"
    config.write_text("\ufeff[agent]\nid = 'a'\n\n[mqtt]\nport = 70000\nhots = 'b'\npassword = 'p'\n")
    plant.write_text((ROOT / "config/plant.toml").read_text().replace('unit = "m"', 'unit = "kg"', 1))
    line = next(number for number, text in enumerate(plant.read_text().splitlines(), 1) if 'unit = "kg"' in text)

    found = problems_of(load_settings, config, {})
    assert {key: problem.line for key, problem in found.items()} == {
        "mqtt.port": 5, "mqtt.hots": 6, "mqtt.password": 7,
    }  # fmt: skip
    assert str(found["mqtt.port"]).startswith(f"{config}: line 5: mqtt.port: 70000 is out of range; ")
    (wrong,) = problems_of(load_plant, plant).values()
    assert (wrong.line, wrong.key.rpartition(".")[2]) == (line, "unit")


def test_what_is_missing_is_told_at_the_table_that_lacks_it(tmp_path, problems_of):
    plant = tmp_path / "plant.toml"
    plant.write_text("[site]\nid = 'a'\n\n[nodes.n.sensors.s]\nquantity = 'level'\n")
    assert problems_of(load_plant, plant)["nodes.n.sensors.s.unit"].line == 4


def test_a_risk_has_its_line_too(tmp_path):
    plant = tmp_path / "plant.toml"
    plant.write_text("[site]\nid = 'a'\n[nodes.n.actuators.p]\nkind = 'pump'\nfail_safe = 'stop'\nmin_on_seconds = 0\n")
    problems, risky = look_over(None, plant, {"EDGE_AGENT_AGENT__ID": "a"})
    assert [problem for problem in problems if problem.file != "config/agent.toml"] == []
    assert risky[0].startswith(f"{plant}: line 6: nodes.n.actuators.p.min_on_seconds: 0 protects nothing")
