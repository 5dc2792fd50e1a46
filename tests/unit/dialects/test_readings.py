"""Readings of devices that write JSON or text as they please: what becomes of them, and what never does."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.foreigners import foreign_plant, heard, level_plant
from support.plants import START, Bench, later, told

from edge_agent.dialects.listening import listeners
from edge_agent.dialects.pointerjson import PointerJson
from edge_agent.model.readings import MAX_PAYLOAD_BYTES
from edge_agent.model.time import rfc3339

UP = "up/D1"


def replace_source(site, **members):
    """A plant whose one source says otherwise than any plant file could."""
    node = site.nodes["well"]
    level = replace(node.sensors["level"], source=replace(node.sensors["level"].source, **members))
    return replace(site, nodes={"well": replace(node, sensors={"level": level})})


def values(turn):
    return [(reading.sensor.name, reading.value) for reading in turn.readings]


def letters(turn):
    return [letter.reason for letter in turn.dead_letters]


def said(level, **more):
    return heard(UP, {"a": {"level": level, **more}})


@pytest.mark.parametrize(
    ("source", "sensor", "found", "value"),
    [
        ("", "", 3.25, 3.25),
        ("", "scale = 0.01\noffset = -0.2", 345, 3.25),
        ("", "", True, 1.0),
        ("text_numbers = true", "", " 3.25 ", 3.25),
        ("text_numbers = true", "", "+3.25e0", 3.25),
        ("words = { HIGH = 5, low = 1.5 }", "", "low", 1.5),
        ("words = { HIGH = 5 }", "scale = 2", "HIGH", 10.0),
        ('unit = "cm"', "", 325, 3.25),
        ('unit = "/a/unit"', "", 325, 3.25),
        ("missing = [9999.9999, 0]", "", 3.25, 3.25),
        ('quality = { path = "/a/q", good = [192, "ok"] }', "", 3.25, 3.25),
    ],
)
def test_a_value_is_read_as_its_source_says(source, sensor, found, value):
    bench = Bench(level_plant(source, sensor))
    turn = bench.turn(said(found, unit="cm", q=192), after=1)
    assert values(turn) == [("well/level", pytest.approx(value))]
    assert turn.counts.telemetry == 1
    assert letters(turn) == []


@pytest.mark.parametrize(
    ("source", "payload"),
    [
        ("", {"b": 1}), ("", {"a": {}}), ("", {"a": []}), ("", {"a": {"level": None}}), ("", []), ("", 5),
        ("missing = [9999.9999]", {"a": {"level": 9999.9999}}), ('missing = ["---"]', {"a": {"level": "---"}}),
        ('only_if = { "/method" = "Notify" }', {"a": {"level": 3}, "method": "Other"}),
        ('only_if = { "/method" = "Notify" }', {"a": {"level": 3}}),
    ],
)  # fmt: skip
def test_what_is_not_said_is_no_reading_and_no_mistake(source, payload):
    turn = Bench(level_plant(source)).turn(heard(UP, payload, packet=7), after=1)
    assert (values(turn), letters(turn)) == ([], [])
    assert len(turn.receipts) == 1  # and is acknowledged


@pytest.mark.parametrize(
    ("source", "members", "reason"),
    [
        ("", {"level": "3.25"}, "value_not_numeric"),
        ("", {"level": {}}, "value_not_numeric"),
        ("", {"level": [1]}, "value_not_numeric"),
        ("words = { ON = 1 }", {"level": "on"}, "value_not_numeric"),
        ("text_numbers = true", {"level": "3,25"}, "value_not_numeric"),
        ("text_numbers = true", {"level": "0x10"}, "value_not_numeric"),
        ("text_numbers = true", {"level": "nan"}, "value_not_numeric"),
        ("text_numbers = true", {"level": "1e999"}, "value_infinite"),
        ('unit = "/a/unit"', {"level": 3, "unit": "bar"}, "unit_mismatch"),
        ('unit = "/a/unit"', {"level": 3}, "unit_invalid"),
        ('quality = { path = "/a/q", good = [192] }', {"level": 3, "q": 0}, "quality_not_good"),
        ('quality = { path = "/a/q", good = [192] }', {"level": 3}, "quality_not_good"),
        ('quality = { path = "/a/q", good = [1] }', {"level": 3, "q": True}, "quality_not_good"),
        ('ts = "/a/t"', {"level": 3, "t": "2026-11-22T10:00:00"}, "timestamp_without_offset"),
        ('ts = "/a/t"', {"level": 3, "t": "20261122"}, "timestamp_invalid"),
        ('ts = "/a/t"', {"level": 3, "t": True}, "timestamp_invalid"),
        ('ts = "/a/t", ts_format = "unix"', {"level": 3, "t": 1e300}, "timestamp_invalid"),
        ('ts = "/a/t", ts_format = "unix"', {"level": 3, "t": 10**400}, "timestamp_invalid"),
        ('seq = "/a/n"', {"level": 3, "n": "7"}, "seq_invalid"),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_with_its_place(source, members, reason):
    turn = Bench(level_plant(source)).turn(heard(UP, {"a": members}), after=1)
    assert values(turn) == []
    [letter] = turn.dead_letters
    assert (letter.reason, letter.topic) == (reason, UP)
    assert json.loads(letter.payload)["sensor"] == "well/level"


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"1e999", b"1" + b"0" * 400])
def test_no_value_is_not_a_number(value):
    turn = Bench(level_plant()).turn(heard(UP, b'{"a":{"level":%s}}' % value), after=1)
    assert values(turn) == []
    assert letters(turn)[0] in {"value_nan", "value_infinite", "invalid_json"}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "invalid_json"), (b"{", "invalid_json"), (b"\xff", "invalid_json"), (b"[" * 300, "too_deep"),
        (b" " * MAX_PAYLOAD_BYTES + b"1", "payload_too_large"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_one_dead_letter(payload, reason):
    turn = Bench(level_plant()).turn(heard(UP, payload, packet=3), after=1)
    assert letters(turn) == [reason]
    assert len(turn.receipts) == 1


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("rfc3339", "2026-11-22T09:59:55Z"),
        ("rfc3339", "2026-11-22T10:59:55.000+01:00"),
        ("unix", START.at // 10**6 - 5),
        ("unix_ms", START.at // 1000 - 5000),
        ("local:Europe/Berlin", "2026-11-22T10:59:55"),
        ("local:Europe/Berlin", "2026-11-22 09:59:55Z"),
    ],
)
def test_a_time_is_read_in_the_form_of_its_device(form, told):
    bench = Bench(level_plant(f'ts = "/a/t", ts_format = "{form}"'))
    [reading] = bench.turn(said(3.0, t=told)).readings
    assert rfc3339(reading.observed_at) == "2026-11-22T09:59:55.000Z"
    assert reading.received_at == START.at


def test_of_an_hour_that_comes_twice_it_is_the_first():
    bench = Bench(level_plant('ts = "/a/t", ts_format = "local:Europe/Berlin"'))
    [reading] = bench.turn(said(3.0, t="2026-10-25T02:30:00")).readings
    assert rfc3339(reading.observed_at).startswith("2026-10-25T00:30:00")


def test_a_zone_that_this_machine_lacks_costs_readings_and_not_the_agent():
    bench = Bench(replace_source(level_plant('ts = "/a/t"'), ts_format="local:Mars/Olympus"))
    assert letters(bench.turn(said(3.0, t="2026-11-22T10:00:00"), after=1)) == ["timestamp_invalid"]


def test_without_a_time_that_of_receipt_counts_but_not_for_what_was_retained():
    bench = Bench(level_plant())
    assert [reading.observed_at for reading in bench.turn(said(3.0), after=1).readings] == [later(1).at]
    turn = bench.turn(heard(UP, {"a": {"level": 3.0}}, retained=True), after=1)
    assert (values(turn), letters(turn)) == ([], ["retained_without_timestamp"])


def test_retained_messages_are_skipped_where_the_source_says_so():
    turn = Bench(level_plant('retained = "skip"')).turn(heard(UP, {"a": {"level": 3.0}}, retained=True), after=1)
    assert (values(turn), letters(turn)) == ([], [])


def test_a_repetition_over_a_lost_acknowledgement_is_known_by_its_packet():
    bench = Bench(level_plant())
    bench.turn(heard(UP, {"a": {"level": 3.0}}, packet=9), after=1)
    turn = bench.turn(heard(UP, {"a": {"level": 3.0}}, packet=9, redelivered=True), after=1)
    assert (values(turn), turn.counts.duplicates) == ([], 1)


def test_a_number_tells_the_same_message_and_a_missing_one():
    bench = Bench(level_plant('seq = "/a/n", ts = "/a/t", ts_format = "unix"'))
    turns = [bench.turn(said(3.0, n=n, t=START.at / 1e6 + n), after=1) for n in (1, 2, 2, 5)]
    assert [len(turn.readings) for turn in turns] == [1, 1, 0, 1]
    assert sum(turn.counts.gaps for turn in turns + bench.wait(5)) == 2


MANY = """
[nodes.gate.sensors.level]
quantity = "level"
unit = "m"
source = "plc/frame#/tags/[n=L1]/v"
[nodes.gate.sensors.pressure]
quantity = "pressure"
unit = "bar"
source = "plc/frame#/tags/[n=P1]/v"
[nodes.pump.sensors.power]
quantity = "power"
unit = "kW"
source = { topic = "plc/frame", value = "/tags/[n=W1]/v", unit = "W" }
[nodes.pump.sensors.door]
quantity = "state"
unit = "1"
source = { topic = "plc/door", words = { OPEN = 1, SHUT = 0 } }
"""


def test_one_message_serves_the_sensors_of_many_nodes_and_a_bad_value_takes_no_other_along():
    bench = Bench(foreign_plant(MANY))
    frame = {"tags": [{"n": "L1", "v": 3.0}, {"n": "P1", "v": "bad"}, {"n": "W1", "v": 2500}, {"n": "X", "v": 1}]}
    turn = bench.turn(heard("plc/frame", frame), heard("plc/door", "OPEN"), heard("plc/door", "ajar"), after=1)
    assert values(turn) == [("gate/level", 3.0), ("pump/power", 2.5), ("pump/door", 1.0)]
    assert [json.loads(letter.payload)["sensor"] for letter in turn.dead_letters] == ["gate/pressure", "pump/door"]


class Counting(PointerJson):
    """JSON, counting how often it is parsed."""

    def __init__(self):
        self.parsed = 0

    def read(self, payload):
        self.parsed += 1
        return super().read(payload)


def test_a_payload_is_parsed_once_for_all_its_sensors():
    listener = listeners(foreign_plant(MANY))["plc/frame"]
    listener._dialect = counting = Counting()
    content = listener.read(b'{"tags":[{"n":"L1","v":3.0},{"n":"P1","v":1.0}]}', retained=False)
    assert (len(content.samples), counting.parsed) == (2, 1)


def test_a_node_of_another_language_does_not_speak_ours():
    bench = Bench(level_plant())
    turn = bench.turn(told({"value": 3.0}, "well/level"), after=1)
    assert (values(turn), letters(turn)) == ([], ["unknown_node"])


def test_a_topic_that_nobody_listens_to_is_unknown():
    assert letters(Bench(level_plant()).turn(heard("up/D2", {"a": {"level": 1}}), after=1)) == ["unknown_topic"]


def test_a_device_may_be_called_as_it_likes():
    site = foreign_plant(
        """
        [nodes.well]
        device = "a/b ~ü"
        [nodes.well.sensors.level]
        quantity = "level"
        unit = "m"
        source = "up/{device}#/{device}/{channel}"
        channel = "x/y"
        """
    )
    turn = Bench(site).turn(heard("up/a/b ~ü", {"a/b ~ü": {"x/y": 2.0}}), after=1)
    assert values(turn) == [("well/level", 2.0)]


STATUS = """
[nodes.well]
status = { topic = "d/online", online = [true], offline = [false] }
[nodes.well.sensors.level]
quantity = "level"
unit = "m"
source = "d/state#/level"
"""


def test_a_status_in_the_words_of_the_device_raises_offline_and_anything_newer_clears_it():
    bench = Bench(foreign_plant(STATUS))
    bench.turn(heard("d/online", "false", retained=True), after=1)
    assert bench.raised() == ["well:offline raised"]
    turn = bench.turn(heard("d/state", {"level": 1.0}), after=1)
    assert bench.raised()[-1] == "well:offline cleared"
    assert turn.counts.telemetry == 1
    assert letters(bench.turn(heard("d/online", "perhaps"), heard("d/online", "", retained=True), after=1)) == [
        "status_invalid"
    ]
    assert bench.turns[-1].counts.status == 2


def test_a_changed_plant_is_heard_from_its_turn_on_and_keeps_what_stays():
    bench = Bench(level_plant())
    bench.turn(said(3.0), after=1)
    other = foreign_plant(MANY)
    turn = bench.turn(heard("plc/frame", {"tags": [{"n": "L1", "v": 2.0}]}), said(3.0), plant=other, after=1)
    assert values(turn) == [("gate/level", 2.0)]
    assert letters(turn) == ["unknown_topic"]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abqt"), inner, max_size=3),
    max_leaves=10,
)
_SOURCES = ("", "text_numbers = true", 'quality = { path = "/q", good = [1] }', 'ts = "/t"', 'only_if = { "/b" = 1 }')


@given(st.sampled_from(_SOURCES), _json | st.binary(max_size=30))
def test_whatever_comes_nothing_raises_and_nothing_is_lost(source, payload):
    bench = Bench(level_plant(source))
    message = heard(
        UP, payload if isinstance(payload, bytes) else {"a": {"level": payload}, "q": payload, "t": payload}, packet=5
    )
    turn = bench.turn(message, after=1)
    assert len(turn.readings) + len(turn.dead_letters) <= 1
    assert turn.receipts == [message.receipt]
    assert all(reading.value == reading.value and abs(reading.value) < float("inf") for reading in turn.readings)


def timed(bench, level, *, after=10, **more):
    """A turn with a reading that says its time, as a device of another maker writes it."""
    now = later(after, bench.now)
    said_at = {key: more.pop(key) for key in ("redelivered", "retained") if key in more}
    return bench.turn(heard(UP, {"a": {"level": level, "t": rfc3339(now.at), **more}}, **said_at), after=after)


@pytest.mark.parametrize("more", [{"redelivered": True}, {"unit": "cm"}, {"unit": "m"}, {}])
def test_a_reading_with_its_time_is_taken_whatever_else_is_said_of_it(more):
    bench = Bench(level_plant('ts = "/a/t", unit = "/a/unit"'))
    for _ in range(3):
        timed(bench, 3.0, unit="m")
    turn = timed(bench, 325 if more.get("unit") == "cm" else 3.25, **{"unit": "m"} | more)
    assert values(turn) == [("well/level", pytest.approx(3.25))]
    assert [(reading.late, reading.settled) for reading in turn.readings] == [(False, True)]


def test_while_nobody_knows_the_time_a_device_is_judged_by_its_own_clock():
    """The agent's clock is an hour behind: what the device says is not of the future, once its pace is known."""
    bench = Bench(level_plant('ts = "/a/t"'))
    bench.now = bench.now._replace(sure=False)
    behind = 3600
    found = []
    for _ in range(6):
        stamp = rfc3339(later(10 + behind, bench.now).at)
        turn = bench.turn(heard(UP, {"a": {"level": 3.0, "t": stamp}}), after=10)
        found += [reading.late for reading in turn.readings]
    assert found == [True, True, False, False, False, False]


def test_a_reading_that_comes_twice_is_counted_and_moves_nothing():
    bench = Bench(level_plant('ts = "/a/t"'))
    timed(bench, 3.0)
    again = heard(UP, {"a": {"level": 3.0, "t": rfc3339(bench.now.at)}}, redelivered=True)
    turn = bench.turn(again, after=1)
    assert (values(turn), turn.counts.duplicates) == ([], 1)
