"""Forms of commands: what is filled in cannot break out of its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.foreigners import foreign_plant
from support.plants import START

from edge_agent.dialects.commanding import written
from edge_agent.dialects.forms import EXAMPLES, GIVEN
from edge_agent.dialects.plaintext import PlainText
from edge_agent.dialects.pointerjson import PointerJson
from edge_agent.model.commands import Command
from edge_agent.model.sources import Wiring
from edge_agent.model.time import MICROSECONDS

FORM = (
    '{"id":{counter},"src":"x-{agent}-{node}","why":"{reason}","d":{device},"n":{value},'
    '"p":[{percent},{lease_seconds+100}]}'
)
HOSTILE = st.text() | st.sampled_from(
    ['","on":true,"x":"', "\\", '\\"', "}", "{counter}", "\n", "\0", "\u2028", "'; DROP"]
)


def command(action="start", value=None, **more):
    members = {"lease_seconds": 900.7, "reason": "low", "plan": "fill", **more}
    return Command(
        id="0199c3a2-7b1e-7c5a-9d52-0f3b2a1c4d5e", site="riverside", node="well", actuator="pump1", action=action,
        value=value,
        issued_at=START.at, expires_at=START.at + 30 * MICROSECONDS, epoch=7, counter=1042, **members,
    )  # fmt: skip


@given(HOSTILE, HOSTILE, HOSTILE, st.none() | st.floats(0, 1))
def test_whatever_the_values_json_has_exactly_the_members_of_its_form(agent, reason, device, value):
    values = {**EXAMPLES, "agent": agent, "reason": reason, "device": device, "value": value, "lease_seconds": 900}
    found = json.loads(PointerJson().write(FORM, values))
    assert list(found) == ["id", "src", "why", "d", "n", "p"]
    assert (found["src"], found["why"], found["d"]) == (f"x-{agent}-well", reason, device)
    assert (found["id"], found["n"], found["p"]) == (1042, value, [80, 1000])


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ('{"on":{onn}}', "has a place {onn} that nobody knows"),
        ('{"on":true', "is not JSON when it is filled in"),
        ('{"a":{agent+1}}', "adds 1 to {agent}, which is no number"),
        ("on", "is not JSON when it is filled in"),
    ],
)
def test_the_flaws_of_a_form_of_json_are_told(form, wrong):
    assert list(PointerJson().flaws(form)) == [wrong]


def test_braces_of_json_are_no_places():
    form = '{"params":{"id":{channel},"on":true,"toggle_after":{lease_seconds}}}'
    assert list(PointerJson().flaws(form)) == []
    assert (
        PointerJson().write(form, {"channel": 0, "lease_seconds": 5})
        == b'{"params":{"id":0,"on":true,"toggle_after":5}}'
    )


def test_a_sentence_does_not_stand_in_plain_text():
    assert next(PlainText().flaws("ON {reason}")).startswith("has a place {reason}")
    assert list(PlainText().flaws("ON {counter} {device}")) == []


def test_every_place_can_be_filled_in_from_a_command():
    form = json.dumps({name: f"{{{name}}}" for name in (*EXAMPLES, *GIVEN)})
    wiring = Wiring("c/D 1", (("start", form),), (), given=(("channel", 2), ("device", "D 1")))
    said = written(command(), wiring, "gateway-1")
    assert said.topic == "c/D 1"
    found = json.loads(said.payload)
    assert found.keys() == {*EXAMPLES, *GIVEN}
    assert found["lease_seconds"] == "900"  # never longer than it is
    assert (found["device"], found["channel"], found["value"]) == ("D 1", "2", "")


def test_the_same_command_gives_the_same_bytes():
    site = foreign_plant(
        '[nodes.w]\ndevice="d"\nprofile="shelly_gen2"\n[nodes.w.actuators.p]\nkind="pump"\nfail_safe="stop"'
    )
    wiring = site.nodes["w"].actuators["p"].wiring
    assert written(command(), wiring, "a") == written(command(), wiring, "a")
    assert written(command("set", 0.5), wiring, "a") is None
