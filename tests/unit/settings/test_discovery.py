"""What came by on a broker becomes a plant file: devices by their profiles, values by their names."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.foreigners import foreign_plant, heard
from support.plants import Bench

from edge_agent.dialects.pointer import find, steps
from edge_agent.settings.discovery import MOST_TOPICS, Discovery
from edge_agent.settings.places import leaves

EXAMPLES = Path(__file__).parents[2] / "data/profiles"
DEVICES = {"tasmota": {"tasmota_3D5E26"}, "shelly_gen2": {"shellypro1pm-a8032ab1c2d3"}}


def discovered(*messages):
    made = Discovery("water/")
    for topic, payload in messages:
        made.hear(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return made


@pytest.mark.parametrize("profile", DEVICES)
def test_the_profile_is_guessed_by_the_messages_of_its_maker(profile):
    example = tomllib.loads((EXAMPLES / f"{profile}.toml").read_text("utf-8"))
    made = discovered(*((each["topic"], each["payload"].encode()) for each in example["messages"]))
    guessed = {found.device for found in made.devices() if found.profile == profile}
    assert guessed >= DEVICES[profile]


def test_what_is_printed_is_a_plant_file_that_reads_what_came_by():
    sensor = {"Time": "2026-11-22T11:00:00", "DS18B20": {"Id": "0113", "Temperature": 12.5}, "ENERGY": {"Power": 1480}}
    messages = [
        ("tele/tasmota_1/LWT", b"Online"),
        ("tele/tasmota_1/SENSOR", sensor),
        ("shellyplus1-a8/online", b"true"),
        ("shellyplus1-a8/status/switch:0", {"id": 0, "output": False, "apower": 3.5, "temperature": {"tC": 40.5}}),
        ("plc/frame", {"points": [{"name": "L1", "level": 3.25}, {"name": "L2", "level": 1.5}]}),
        ("meter/7/flow", b"12.5"),
        ("water/riverside/tank1/telemetry/level", b"3.0"),
    ]
    made = discovered(*messages)
    site = foreign_plant(made.toml())
    turn = Bench(site).turn(*(heard(topic, payload) for topic, payload in messages[:-1]), after=1)
    assert {reading.sensor.name: reading.value for reading in turn.readings} == {
        "tasmota_1/temperature": 12.5, "tasmota_1/power": 1480.0, "shellyplus1-a8/apower": 3.5,
        "shellyplus1-a8/tc": 40.5, "plc_frame/level": 3.25, "plc_frame/level_2": 1.5, "meter_7_flow/flow": 12.5,
    }  # fmt: skip
    assert turn.dead_letters == []
    assert "riverside" not in made.toml()


def test_equipment_is_only_suggested():
    text = discovered(("tele/t/LWT", b"Online"), ("tele/t/STATE", {"POWER": "ON"})).toml()
    assert foreign_plant(text).actuators == ()
    uncommented = text.replace("# [", "[").replace("# kind", "kind").replace("# fail_safe", "fail_safe")
    [relay] = foreign_plant(uncommented).actuators
    assert relay.wiring.topic == "cmnd/t/Backlog0"


def test_numbers_of_no_known_name_are_told_beside():
    text = discovered(("x/y", {"strange": 5})).toml()
    assert text == '\n# also said: "x/y#/strange" is 5\n'


def test_nothing_is_a_sentence_too():
    assert discovered(("x/y", b"hello")).toml() == "# Nothing came by that has a value.\n"


def test_what_is_remembered_has_a_bound():
    made = Discovery("water/")
    assert [made.hear(f"t/{number}", b"1") for number in range(MOST_TOPICS + 5)].count(True) == MOST_TOPICS
    assert made.missed == 5
    assert not made.hear("t/1", b"x" * 100_000)
    assert len(made.heard["t/1"]) < 20_000


@given(st.dictionaries(st.text(min_size=1, max_size=12), st.binary(max_size=30), max_size=4))
def test_whatever_comes_by_it_is_toml(messages):
    tomllib.loads(discovered(*messages.items()).toml())


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(_json)
def test_every_number_of_any_payload_is_found_where_it_is_said_to_be(document):
    payload = json.dumps(document).encode()
    for pointer, value in leaves(payload, 100):
        if pointer.count("/") <= 12 and "[" not in pointer:
            assert json.dumps(find(json.loads(payload), steps(pointer))) == value
