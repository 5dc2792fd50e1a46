"""What is wrong with a group, a sequence, or with what asks for one, is named like any other mistake."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from edge_agent.errors import ConfigurationError
from edge_agent.plan.risks import endless
from edge_agent.settings.plantfile import plant_from

PLANT = """
[site]
id = "riverside"
[nodes.tank.sensors.level]
quantity = "level"
unit = "m"
[nodes.s1.actuators.pu1]
kind = "pump"
fail_safe = "stop"
[nodes.s1.actuators.pu2]
kind = "pump"
fail_safe = "stop"
[nodes.s1.actuators.valve]
kind = "valve"
fail_safe = "open"
"""
GROUP = '[groups.s1]\nmembers = ["s1/pu1", "s1/pu2"]\n'
LEGS = """
[sequences.boost]
on = [
  {{ actuator = "s1/valve", action = "close"{} }},
  {{ actuator = "s1/pu1", action = "start" }},
]
off = [
  {{ actuator = "s1/pu1", action = "stop", until = "s1/pu1 is stopped" }},
  {{ actuator = "s1/valve", action = "open" }},
]
"""
PROOF = ', until = "s1/valve is closed"'
SEQUENCE = LEGS.format(PROOF)
STOP = '\n[plans.stop]\nwhen = ["tank/level > 4"]\ndo = [{}]\n'


def plan(do, stop='{ group = "s1", running = 0 }'):
    return f'[plans.go]\nwhen = ["tank/level < 1"]\ndo = [{do}]\n' + STOP.format(stop)


def load(text):
    return plant_from(tomllib.loads(PLANT + text), Path("plant.toml")).plant


def wrong(text):
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    return str(caught.value)


@pytest.mark.parametrize(("do", "step"), [
    ('{ group = "s1", running = 2 }', ("group s1", "run", 2.0)),
    ('{ use = "group s1" }', ("group s1", "run", 1.0)),
    ('{ use = "group s1", running = 2 }', ("group s1", "run", 2.0)),
])  # fmt: skip
def test_a_step_may_ask_a_group_for_a_number(do, step):
    [go] = [one for one in load(GROUP + plan(do)).policy.plans if one.id == "go"]
    assert (go.do[0].actuator, go.do[0].action, go.do[0].value) == step


@pytest.mark.parametrize(
    ("do", "action"), [('{ use = "sequence boost" }', "on"), ('{ use = "sequence boost", action = "off" }', "off")]
)
def test_a_step_may_switch_a_sequence(do, action):
    found = load(SEQUENCE + plan(do, '{ use = "sequence boost", action = "off" }')).policy.plans
    assert [one.do[0].action for one in found if one.id == "go"] == [action]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GROUP + plan('{ group = "s2", running = 1 }'), "plans.go.do[0].group: there is no group s2; expected s1"),
        (GROUP + plan('{ group = "s1", running = 3 }'), "plans.go.do[0].running: 3 of group s1 cannot run"),
        (
            GROUP + "at_most = 1\n" + plan('{ group = "s1", running = 2 }'),
            "plans.go.do[0].running: 2 of group s1 cannot run",
        ),
        (GROUP + plan('{ group = "s1" }'), "plans.go.do[0].running: is missing"),
        (GROUP + plan("{ running = 1 }"), "plans.go.do[0].actuator: is missing"),
        (
            GROUP + plan('{ group = "s1", running = 1, actuator = "s1/pu1", action = "start" }'),
            "actuator and group are given",
        ),
        (GROUP + plan('{ use = "s1/pu1" }'), 'plans.go.do[0].use: "s1/pu1" is no group or sequence'),
        (GROUP + plan('{ actuator = "s1/pu1", action = "start", running = 1 }'), "running: is given for an actuator"),
        (GROUP + plan('{ use = "sequence boost" }'), "plans.go.do[0].use: there is no sequence boost"),
        ('[groups.s1]\nmembers = ["s1/pu9"]\n', 'groups.s1.members[0]: "s1/pu9" is no actuator of this plant'),
        ('[groups.s1]\nmembers = ["s1/pu1", "s1/pu1"]\n', 'groups.s1.members[1]: "s1/pu1" comes twice'),
        (GROUP + "at_most = 3\n", "groups.s1.at_most: 3 is more than it has members"),
        (GROUP + '[groups.s2]\nmembers = ["s1/pu1"]\n', 'groups.s1.members[0]: "s1/pu1" is in the groups s1 and s2'),
        (GROUP + SEQUENCE, 'groups.s1.members[0]: "s1/pu1" is switched by sequence boost'),
        (LEGS.format(""), "sequences.boost.on[0].until: is missing"),
        (
            LEGS.format(', until = "s1/valve is shut"'),
            'boost.on[0].until: "s1/valve is shut": "shut" is not understood',
        ),
        (SEQUENCE.replace('"start"', '"run"'), 'sequences.boost.on[1].action: "run" is no action of a pump'),
        (SEQUENCE + SEQUENCE.replace("boost", "other"), '"s1/valve" is in the sequences boost and other'),
    ],
)
def test_a_mistake_is_named(text, told):
    assert told in wrong(text)


def test_a_sequence_may_be_a_member_and_stages_may_use_both():
    text = GROUP.replace("s1/pu1", "sequence boost") + SEQUENCE
    fill = '[plans.fill]\nkind = "stages"\nmeasure = "tank/level"\ndirection = "fill"\n'
    load(text + fill + 'stages = [{ on = 3, off = 4, use = "group s1" }, { on = 2, off = 3.5, use = "group s1" }]\n')
    told = wrong(text + fill + "stages = [" + '{ on = 3, off = 4, use = "group s1" },' * 3 + "]\n")
    assert "2 of group s1 may run at once" in told


def test_what_nothing_ends_is_found_in_a_group_too():
    begun = load(GROUP + plan('{ group = "s1", running = 1 }').partition("[plans.stop]")[0])
    assert {found.wrong.partition(":")[0] for found in endless(begun)} == {
        "nothing ends what it asks of s1/pu1",
        "nothing ends what it asks of s1/pu2",
    }
    assert list(endless(load(GROUP + plan('{ group = "s1", running = 1 }')))) == []
