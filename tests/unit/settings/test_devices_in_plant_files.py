"""Devices in a plant file: profiles, short forms, and every mistake with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.foreigners import foreign_plant

from edge_agent.errors import ConfigurationError
from edge_agent.plan.risks import risks
from edge_agent.settings.plantfile import load_plant

if TYPE_CHECKING:
    from pathlib import Path

NODE = """
[nodes.well]
device = "D1"
profile = "tasmota"
[nodes.well.sensors.level]
quantity = "level"
unit = "m"
{source}
[nodes.well.actuators.pump1]
kind = "pump"
fail_safe = "stop"
{pump}
"""


def problems(source='source = "a#/b"', pump="", text=None):
    with pytest.raises(ConfigurationError) as error:
        foreign_plant(text or NODE.format(source=source, pump=pump))
    return [str(problem) for problem in error.value.problems]


SENSOR = "plant.toml: nodes.well.sensors.level"
PUMP = "plant.toml: nodes.well.actuators.pump1"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("", f"{SENSOR}.source: is missing: its node speaks a language of its own; expected where it says this"),
        ('source = "a/+/b"', f'{SENSOR}.source.topic: "a/+/b" is no topic of a device; expected a topic'),
        ('source = "a#b"', f'{SENSOR}.source.value: "b" does not begin with /; expected a JSON pointer'),
        ('source = "a#/{channel}"', f'{SENSOR}.source.value: "/{{channel}}" needs a channel'),
        ('source = { topic = "a", ts = "x" }', f'{SENSOR}.source.ts: "x" does not begin with /'),
        ('source = { topic = "a", ts_format = "iso" }', f'{SENSOR}.source.ts_format: "iso" is not allowed; expected'),
        ('source = { topic = "a", ts_format = "local:Mars" }', f'{SENSOR}.source.ts_format: "Mars" is no time zone'),
        ('source = { topic = "a", unit = "bar" }', f'{SENSOR}.source.unit: "bar" is not a unit of level'),
        ('source = { topic = "a", codec = "xml" }', f'{SENSOR}.source.codec: "xml" is not allowed; expected'),
        ('source = { topic = "a", words = { ON = "x" } }', f'{SENSOR}.source.words.ON: "x" is text; expected a number'),
        ('source = { topic = "a", missing = [[]] }', f"{SENSOR}.source.missing[0]: a list of 0 is not"),
        ('source = { topic = "a", tz = 1 }', f"{SENSOR}.source.tz: is not a known key; expected one of topic"),
        ('source = { topic = "a", only_if = { x = 1 } }', f'{SENSOR}.source.only_if.x: "x" does not begin with /'),
        ('source = { topic = "a", quality = { path = "q", good = [1] } }', f'{SENSOR}.source.quality.path: "q"'),
        ("source = 5", f"{SENSOR}.source: 5 is a whole number; expected a place"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_source_is_named_with_its_place(source, told):
    assert any(problem.startswith(told) for problem in problems(source)), problems(source)


@pytest.mark.parametrize(
    ("pump", "told"),
    [
        ("lease_seconds = 5", f"{PUMP}.lease_seconds: 5 is not within what the timer"),
        ('command = { start = "ON {x}" }', f"{PUMP}.command.start: has a place {{x}} that nobody knows"),
        ('command = { start = "ON" }', f"{PUMP}.command.start: does not tell the device its lease; expected a place"),
        ('command = { start = "{lease_seconds} {device}" }', f"{PUMP}.command.start: needs a device; expected device"),
        ('command = { open = "ON" }', f"{PUMP}.command.open: is no action of a pump; expected one of start, stop, set"),
        ("state = { running = [] }", f"{PUMP}.state.running: is missing"),
        ('state = { open = ["x"] }', f"{PUMP}.state.open: is no state of a pump"),
        ('ack = { topic = "a/#", id = "/id" }', f'{PUMP}.ack.topic: "a/#" is no topic of a device'),
        ('ack = { topic = "a", id = "id" }', f'{PUMP}.ack.id: "id" does not begin with /'),
        ('ack = "reply"', f'{PUMP}.ack: "reply" is text; expected "state", or a table'),
        ('lease = "ours"', f'{PUMP}.lease: "ours" is not allowed; expected one of "device", "none"'),
    ],
)  # fmt: skip
def test_a_mistake_in_an_actuator_is_named_with_its_place(pump, told):
    node = NODE.replace('device = "D1"', "") if "needs a device" in told else NODE
    found = problems(text=node.format(source='source = "a#/b"', pump=pump))
    assert any(problem.startswith(told) for problem in found), found


def test_what_is_said_of_a_language_means_nothing_to_a_node_of_ours():
    text = """
    [nodes.a.sensors.b]
    quantity = "level"
    unit = "m"
    scale = 2
    [nodes.a.actuators.c]
    kind = "pump"
    fail_safe = "stop"
    lease = "device"
    """
    assert problems(text=text) == [
        "plant.toml: nodes.a.actuators.c.lease: says nothing without command; expected command as well, or neither",
        "plant.toml: nodes.a.sensors.b.scale: says nothing without source; expected source as well, or neither",
    ]


def test_a_topic_is_read_in_one_dialect():
    text = """
    [nodes.a.sensors.b]
    quantity = "level"
    unit = "m"
    source = "t#/x"
    [nodes.a.sensors.c]
    quantity = "level"
    unit = "m"
    source = "t"
    """
    [told] = problems(text=text)
    assert told == (
        'plant.toml: nodes.a.sensors.c.source.topic: "t" is read as json elsewhere, and as text here; '
        "expected one codec for a topic"
    )


def test_an_unknown_profile_is_named_with_those_that_there_are():
    [told] = problems(text='[nodes.a]\nprofile = "tasmotta"')
    assert told == (
        'plant.toml: nodes.a.profile: there is no profile "tasmotta"; '
        "expected one of shelly_gen2, tasmota; did you mean tasmota?, or a path that ends in .toml"
    )


def test_a_plan_asks_for_nothing_that_has_no_form():
    plan = """
    [plans.run]
    when = ["well:offline"]
    do = [{ actuator = "well/pump1", action = "set", value = 0.5 }]
    """
    [told] = problems(text=NODE.format(source='source = "a#/b"', pump="") + plan)
    assert told == (
        "plant.toml: plans.run.do[0].action: the command of well/pump1 has no form for set; "
        "expected an action that its device is told"
    )


@pytest.mark.parametrize(
    ("pump", "told"),
    [
        ("", []),
        ('lease = "none"', ["nobody would end what was begun: the agent only advises"]),
        ('lease = "none"\nallow_without_lease = true', ["nobody ends what was begun"]),
    ],
)
def test_equipment_without_a_lease_is_a_risk(pump, told):
    plant = foreign_plant(NODE.format(source='source = "a#/b"', pump=pump))
    assert [risk.wrong for risk in risks(plant) if risk.path[-1] == "lease"] == told


OWN = """
[status]
topic = "x/{device}/up"
online = [1]
offline = [0]
[sensors]
topic = "x/{device}/data"
ts = "/t"
ts_format = "unix"
"""


def test_a_profile_of_ones_own_lies_beside_the_plant_file(tmp_path: Path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/meter.toml").write_text(OWN, "utf-8")
    node = """
    [nodes.m]
    device = "7"
    profile = "own/meter.toml"
    [nodes.m.sensors.flow]
    quantity = "flow"
    unit = "m3/h"
    source = "#/flow"
    [nodes.m.sensors.volume]
    quantity = "volume"
    unit = "m3"
    source = { value = "/total", ts = "/total_at" }
    """
    flow, volume = foreign_plant(node, tmp_path / "plant.toml").nodes["m"].sensors.values()
    assert (flow.source.topic, flow.source.value, flow.source.ts, flow.source.ts_format) == (
        "x/7/data",
        "/flow",
        "/t",
        "unix",
    )
    assert (volume.source.topic, volume.source.ts) == ("x/7/data", "/total_at")


def test_a_mistake_in_a_profile_is_named_in_the_profile(tmp_path: Path):
    (tmp_path / "meter.toml").write_text(OWN.replace('"unix"', '"stardate"'), "utf-8")
    plant = tmp_path / "plant.toml"
    plant.write_text(
        '[site]\nid = "a"\n[nodes.m]\ndevice = "7"\nprofile = "meter.toml"\n'
        '[nodes.m.sensors.flow]\nquantity = "flow"\nunit = "m3/h"\nsource = "#/flow"\n',
        "utf-8",
    )
    with pytest.raises(ConfigurationError) as error:
        load_plant(plant)
    [problem] = error.value.problems
    assert (problem.file, problem.key) == (str(tmp_path / "meter.toml"), "sensors.ts_format")


@pytest.mark.parametrize(
    ("text", "told"), [("[status", "is not valid TOML"), ("[sensor]", "is not a known key"), (None, "cannot be read")]
)
def test_a_profile_that_cannot_be_read_is_named(tmp_path: Path, text, told):
    if text is not None:
        (tmp_path / "p.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigurationError) as error:
        foreign_plant('[nodes.a]\nprofile = "p.toml"', tmp_path / "plant.toml")
    assert told in str(error.value)
    assert "nodes.a.profile" in str(error.value)
