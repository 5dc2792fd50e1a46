"""The virtual relays do what their makers document, at their edges too."""

from __future__ import annotations

import json

import pytest

from edge_agent.simulate.relays import Shelly, Tasmota


def said(sayings):
    return [(saying.topic, saying.payload) for saying in sayings]


def test_a_tasmota_switches_and_tells_the_result():
    relay = Tasmota("t")
    assert said(relay.receive("cmnd/t/Power", b"ON", 0)) == [
        ("stat/t/RESULT", '{"POWER": "ON"}'),
        ("stat/t/POWER", "ON"),
    ]
    assert relay.outputs[0].on
    assert said(relay.receive("cmnd/t/Power", b"", 0))[1] == ("stat/t/POWER", "ON")  # asked, not told


@pytest.mark.parametrize(("told", "seconds"), [(b"110", 11.0), (b"111", 11.1), (b"112", 12.0), (b"1000", 900.0)])
def test_its_pulse_time_counts_tenths_and_then_seconds(told, seconds):
    relay = Tasmota("t")
    relay.receive("cmnd/t/PulseTime1", told, 0)
    relay.receive("cmnd/t/Power", b"1", 100)
    assert relay.tick(100 + seconds - 0.01) == []
    assert said(relay.tick(100 + seconds))[0] == ("stat/t/RESULT", '{"POWER": "OFF"}')


def test_power_on_starts_its_pulse_time_anew_and_off_ends_it():
    relay = Tasmota("t", relays=2)
    relay.receive("cmnd/t/Backlog0", b"PulseTime2 112; Power2 ON", 0)
    relay.receive("cmnd/t/Backlog0", b"PulseTime2 112; Power2 ON", 10)
    assert relay.tick(15) == []
    assert relay.outputs[1].switched == 1
    assert ("stat/t/RESULT", '{"POWER2": "OFF"}') in said(relay.tick(22))
    relay.receive("cmnd/t/Power2", b"ON", 30)
    relay.receive("cmnd/t/Power2", b"OFF", 31)
    assert relay.tick(99) == []


@pytest.mark.parametrize("payload", [b"Power9 ON", b"Reset 1", b"\xff", b""])
def test_what_a_tasmota_does_not_know_changes_nothing(payload):
    relay = Tasmota("t")
    assert said(relay.receive("cmnd/t/Backlog0", payload, 0)) == [("stat/t/RESULT", '{"Command":"Unknown"}')]
    assert not relay.outputs[0].on


def call(**params):
    return json.dumps({"id": 7, "src": "me", "method": "Switch.Set", "params": params}).encode()


def test_a_shelly_answers_and_tells_its_state_when_output_or_timer_change():
    relay = Shelly("s")
    answer, status = relay.receive("s/rpc", call(id=0, on=True, toggle_after=5), 100)
    assert (answer.topic, json.loads(answer.payload)["result"]) == ("me/rpc", {"was_on": False})
    assert json.loads(status.payload) == {
        "id": 0, "source": "MQTT", "output": True, "timer_started_at": 100, "timer_duration": 5,
    }  # fmt: skip
    assert len(relay.receive("s/rpc", call(id=0, on=True, toggle_after=5), 103)) == 2  # the timer began anew
    assert relay.tick(107.9) == []
    [flipped] = relay.tick(108)
    assert json.loads(flipped.payload)["output"] is False
    assert len(relay.receive("s/rpc", call(id=0, on=False), 109)) == 1  # nothing has changed


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"5", b'{"id":1}', call(id=3, on=True), call(id=0), call(id=0, on=1), call(on=True)],
)
def test_what_a_shelly_cannot_do_it_refuses(payload):
    relay = Shelly("s")
    assert all("error" in json.loads(saying.payload) for saying in relay.receive("s/rpc", payload, 0))
    assert not relay.outputs[0].on


@pytest.mark.parametrize("relay", [Shelly("s"), Tasmota("s")])
def test_a_reboot_leaves_it_off_and_one_that_is_stuck_stays_as_it_is(relay):
    output = relay.outputs[0]
    output.switch(on=True)
    assert len(relay.reboot()) == 2
    assert not output.on
    output.stuck = True
    output.switch(on=True)
    assert not output.on
