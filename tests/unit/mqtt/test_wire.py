from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.alarms import Alarm, AlarmKey
from edge_agent.model.commands import Command
from edge_agent.model.readings import KEPT_PAYLOAD_BYTES, DeadLetter
from edge_agent.model.time import parse_rfc3339
from edge_agent.mqtt import wire

ISSUED = parse_rfc3339("2026-11-22T10:00:10.512Z")
START = Command(
    id="0199e0c1-0000-7000-8000-000000000001",
    site="riverside",
    node="station",
    actuator="pump1",
    action="start",
    value=None,
    issued_at=ISSUED,
    expires_at=ISSUED + 30_000_000,
    lease_seconds=900.0,
    epoch=7,
    counter=1042,
    plan="fill_tank1",
    reason="tank1/level (1.42 m) has been below low (1.50 m) for 10 s",
)
LOW = Alarm(
    key=AlarmKey("tank1", "level", "low"),
    priority="high",
    active=True,
    acknowledged=False,
    since=ISSUED,
    reason="1.42 m is below 1.50 m",
    value=1.42,
    limit=1.5,
    unit="m",
)


def test_a_command_is_written_as_the_interface_shows_it():
    assert wire.command(START) == (
        b'{"id":"0199e0c1-0000-7000-8000-000000000001","site":"riverside","node":"station","actuator":"pump1",'
        b'"action":"start","value":null,"issued_at":"2026-11-22T10:00:10.512Z",'
        b'"expires_at":"2026-11-22T10:00:40.512Z","lease_seconds":900,"epoch":7,"counter":1042,"plan":"fill_tank1",'
        b'"reason":"tank1/level (1.42 m) has been below low (1.50 m) for 10 s"}'
    )


def test_a_part_of_a_second_of_lease_is_kept():
    command = Command(**{name: getattr(START, name) for name in START.__slots__} | {"lease_seconds": 2.5})
    assert json.loads(wire.command(command))["lease_seconds"] == 2.5


def test_a_value_no_node_can_read_is_never_written():
    command = Command(**{name: getattr(START, name) for name in START.__slots__} | {"value": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        wire.command(command)


def test_the_agent_says_its_state_mode_and_version():
    assert (
        wire.agent_status("online", "auto", "0.1.0", 7)
        == b'{"state":"online","mode":"auto","version":"0.1.0","epoch":7}'
    )


def test_an_alarm_tells_its_state():
    assert json.loads(wire.alarm(LOW)) == {
        "node": "tank1",
        "sensor": "level",
        "threshold": "low",
        "alarm": "tank1/level:low",
        "state": "active",
        "acknowledged": False,
        "chattering": False,
        "shelved_until": None,
        "priority": "high",
        "value": 1.42,
        "limit": 1.5,
        "unit": "m",
        "since": "2026-11-22T10:00:10.512Z",
        "reason": "1.42 m is below 1.50 m",
    }


def test_a_nodes_own_alarm_has_no_sensor():
    offline = Alarm(AlarmKey("tank1", "", "offline"), "high", False, True, ISSUED, "online", shelved_until=ISSUED)
    told = json.loads(wire.alarm(offline))
    assert (told["sensor"], told["alarm"], told["state"]) == (None, "tank1:offline", "normal")
    assert told["shelved_until"] == "2026-11-22T10:00:10.512Z"


@given(st.binary(max_size=2000))
def test_every_payload_comes_out_of_its_dead_letter(payload):
    told = json.loads(wire.dead_letter(DeadLetter("no_json", "a/b", payload, ISSUED)))
    kept = payload[:KEPT_PAYLOAD_BYTES]
    if told.get("encoding") == "base64":
        assert base64.b64decode(told["payload"]) == kept
    else:
        assert kept.startswith(told["payload"].encode())
        assert len(kept) - len(told["payload"].encode()) <= 3


def test_text_that_the_cut_split_inside_a_character_stays_text():
    letter = DeadLetter("too_large", "a/b", ("x" * (KEPT_PAYLOAD_BYTES - 1) + "é").encode(), ISSUED)
    assert json.loads(wire.dead_letter(letter)) == {
        "reason": "too_large",
        "topic": "a/b",
        "payload": "x" * (KEPT_PAYLOAD_BYTES - 1),
    }


def test_a_short_payload_that_ends_inside_a_character_is_no_text():
    told = json.loads(wire.dead_letter(DeadLetter("no_json", "a/b", b"\xc3", ISSUED)))
    assert told == {"reason": "no_json", "topic": "a/b", "payload": "ww==", "encoding": "base64"}


@given(st.text(st.characters(), max_size=20))
def test_any_reason_can_be_written(reason):
    told = json.loads(wire.dead_letter(DeadLetter(reason + "\ud800", "a/b", b"1", ISSUED)))
    assert told["payload"] == "1"
