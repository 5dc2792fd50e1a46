"""Messages of one turn: what is stored, what is buried, what was there before, who has gone silent."""

from __future__ import annotations

import json

import pytest
from support.plants import START, ack, later, message, plant, reading, sensor, state, status, told

from edge_agent.model.commands import Command
from edge_agent.model.inbox import Kind, Message, Receipt, Route
from edge_agent.model.quality import Flag
from edge_agent.model.readings import MOST_DELIVERIES
from edge_agent.model.remembered import Remembered, StoredReading
from edge_agent.monitor.monitoring import Monitor
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.registry import LAYOUT
from edge_agent.monitor.tests.spike import Spike


def monitor(*sensors, remembered=None, timestamps="rfc3339"):
    site = plant(sensors or None, timestamps=timestamps)
    return Monitor(site, remembered or Remembered(), START, 60.0)


def values(observed):
    return [reading.value for reading in observed.readings]


def gaps(taker, messages, at=0):
    """How many are found missing with some messages, and once they are settled."""
    return taker.observe(messages, later(at)).gaps + taker.observe([], later(at + 10)).gaps


def many(seq, at, **readings):
    return told({"seq": seq, "ts": START.at / 1e6 + at, "readings": readings or {"level": 1.0}}, "tank1")


def buried(observed):
    return [letter.reason for letter in observed.dead_letters]


def test_a_reading_is_converted_to_the_unit_of_the_plant_file():
    observed = monitor().observe([told({"value": 10, "unit": "ft"}), told({"value": 250, "unit": "cm"})], START)
    assert values(observed) == pytest.approx([3.048, 2.5])


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"value": 3, "unit": "bar"}, "unit_mismatch"),
        ({"value": 3, "unit": "furlong"}, "unit_mismatch"),
        ({"value": "3"}, "value_not_numeric"),
        (b"{", "invalid_json"),
        (b" " * (64 * 1024) + b"1", "payload_too_large"),
    ],
)
def test_what_cannot_be_used_is_buried_with_its_reason(payload, reason):
    observed = monitor().observe([told(payload), told(3.0)], later(1))
    [letter] = observed.dead_letters
    assert (letter.reason, letter.topic) == (reason, "water/riverside/tank1/telemetry/level")
    assert letter.received_at == later(1).at
    assert len(letter.payload) <= 1024
    assert values(observed) == [3.0]


@pytest.mark.parametrize("cut", ["payload_too_large", "topic_too_long"])
def test_a_message_of_which_only_the_beginning_is_there_is_buried_whatever_it_looks_like(cut):
    whole = json.dumps({"value": 3.0, "ts": START.at / 1e6, "seq": 1}).encode()
    words = [told(whole), status(True), state("running"), message(Kind.ACK, "station", "pump1", b"{}")]
    observed = monitor().observe([each._replace(cut=cut) for each in words], START)
    assert buried(observed) == [cut] * 4
    assert (observed.readings, observed.statuses, observed.states, observed.acknowledgements) == ([], [], [], [])


@pytest.mark.parametrize("read", ["told", "many"])
@pytest.mark.parametrize("element", [1, "x", {"value": "x"}, {"readings": {"d": 1}}, []])
def test_of_a_message_that_is_all_bad_ten_dead_letters_are_made(read, element):
    message = told([element] * 2_600, "tank1/level" if read == "told" else "tank1")
    letters = monitor().observe([message, told(3.0)], START).dead_letters
    assert len(letters) == 10
    assert letters[-1].reason == "too_many_rejected"
    told_of = json.loads(letters[-1].payload)
    assert told_of["rejected"] == 2_501 - 9
    assert sum(told_of["reasons"].values()) == told_of["rejected"]


def test_a_message_with_very_many_unknown_sensors_makes_ten_dead_letters_too():
    values = {f"s{number}": 1.0 for number in range(4_000)}
    letters = monitor().observe([many(1, 0, **values)], START).dead_letters
    assert [letter.reason for letter in letters] == ["unknown_sensor"] * 9 + ["too_many_rejected"]


def test_64_kib_are_not_too_large():
    observed = monitor().observe([told(b" " * (64 * 1024 - 1) + b"1")], START)
    assert values(observed) == [1.0]


def test_a_value_that_the_conversion_carries_over_all_bounds_is_buried():
    flow = sensor("tank1/inflow", "flow", "m3/h")
    observed = monitor(flow).observe([told({"value": 1e308, "unit": "m3/s"}, "tank1/inflow")], START)
    assert (values(observed), buried(observed)) == ([], ["value_infinite"])


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (told(3.0, "tank9/level"), "unknown_node"),
        (told(3.0, "tank1/depth"), "unknown_sensor"),
        (told({"readings": {"depth": 3.0}}, "tank1"), "unknown_sensor"),
        (told({"readings": {"level": 3.0}}, "tank9"), "unknown_node"),
        (status(True, "tank9"), "unknown_node"),
        (state("running", of="station/pump9"), "unknown_actuator"),
        (message(Kind.ACK, "station", "pump9", {"id": "a", "status": "done"}), "unknown_actuator"),
        (message(Kind.STATUS, "station", "", b"perhaps"), "status_invalid"),
        (message(Kind.STATE, "station", "pump1", b"running"), "state_invalid"),
        (message(Kind.ACK, "station", "pump1", b"done"), "ack_invalid"),
        (Message(Route(Kind.UNKNOWN), "water/riverside/x/y/z", b"1"), "unknown_topic"),
    ],
)
def test_what_belongs_to_nothing_is_buried(wrong, reason):
    observed = monitor().observe([wrong, told(3.0)], START)
    assert buried(observed) == [reason]
    assert values(observed) == [3.0]


def test_one_bad_sensor_does_not_take_the_others_with_it():
    both = sensor(), sensor("tank1/pressure", "pressure", "bar")
    payload = {"readings": {"level": 3.2, 'de"pth': 1, "pressure": "x"}}
    observed = monitor(*both).observe([told(payload, "tank1")], START)
    assert values(observed) == [3.2]
    assert [(letter.reason, json.loads(letter.payload)) for letter in observed.dead_letters] == [
        ("unknown_sensor", {'de"pth': 1.0}),
        ("value_not_numeric", {"pressure": "x"}),
    ]


def test_every_message_is_counted_by_its_kind():
    command = Command("a", "riverside", "station", "pump1", "start", None, 0, 0, 900.0, 1, 1, None, "")
    messages = [told(3.0), told(b"{"), status(True), ack(command, "done"), state("running")]
    observed = monitor().observe(messages, START)
    assert observed.counts == {Kind.TELEMETRY: 2, Kind.STATUS: 1, Kind.ACK: 1, Kind.STATE: 1}
    assert [tuple(found) for found in observed.statuses] == [("station", True)]
    assert [tuple(found) for found in observed.states] == [("station/pump1", "running", None, False)]
    assert [found.command_id for found in observed.acknowledgements] == ["a"]


def test_an_empty_retained_message_takes_a_status_or_state_back():
    emptied = [message(Kind.STATUS, "station", "", b""), message(Kind.STATE, "station", "pump1", b"")]
    observed = monitor().observe(emptied, START)
    assert (buried(observed), observed.statuses, observed.states) == ([], [], [])


def test_the_same_reading_again_is_a_duplicate():
    taker = monitor()
    first = taker.observe([reading(3.0, 0, 1), reading(3.0, 0, 1)], START)
    again = taker.observe([reading(3.0, 0, 1)], later(1))
    assert (len(first.readings), first.duplicates) == (1, 1)
    assert (again.readings, again.duplicates) == ([], 1)


def test_missing_numbers_are_counted_per_topic():
    taker = monitor(sensor(), sensor("tank1/pressure", "pressure", "bar"))
    many = [told({"seq": seq, "readings": {"level": 1, "pressure": 1}}, "tank1") for seq in (1, 2, 5)]
    assert gaps(taker, many) == 2
    assert gaps(taker, [reading(3.0, 101, 40), reading(3.0, 102, 42)], 103) == 1


class Restarts:
    """A monitor, and what a store remembers of it."""

    def __init__(self):
        self.taker, self.sequences, self.readings = monitor(), {}, {}

    def observe(self, messages, at):
        observed = self.taker.observe(messages, later(at))
        self.sequences |= {memory[:2]: memory for memory in observed.sequences}
        for r in observed.readings:
            key = (r.sensor.node, r.sensor.id)
            row = StoredReading(*key, r.value, r.observed_at, r.received_at, r.seq, r.flag, r.tests)
            self.readings[key] = max(row, self.readings.get(key, row), key=lambda row: (row.observed_at, row.seq))
        return observed.gaps

    def restart(self):
        sequences = [memory for memory in self.sequences.values() if memory.seen]
        self.taker = monitor(remembered=Remembered(readings=list(self.readings.values()), sequences=sequences))


@pytest.mark.parametrize("topic", [many, lambda seq, at: reading(3.0, at, seq)], ids=["of many", "of one"])
@pytest.mark.parametrize("rest", [0, 10], ids=["killed at once", "settled before"])
def test_a_gap_is_counted_once_over_a_restart(topic, rest):
    run = Restarts()
    first = [topic(1, 0.1), topic(2, 0.2), topic(4, 0.4)]
    counted = run.observe(first, 1) + (run.observe([], 1 + rest) if rest else 0)
    run.restart()
    counted += run.observe([*first, topic(5, 0.5), topic(8, 0.8)], 20) + run.observe([], 30)
    run.restart()
    assert counted + run.observe([topic(9, 0.9)], 40) + run.observe([], 50) == 3


@pytest.mark.parametrize(
    "unusable",
    [
        told({"value": None, "ts": START.at / 1e6 + 2, "seq": 2}),
        told({"value": 1, "unit": "bar", "ts": START.at / 1e6 + 2, "seq": 2}),
        told([{"value": 1, "ts": "noon", "seq": 2}]),
        reading(3.0, 3600, 2),
    ],
    ids=["no value", "another quantity", "no time", "from the future"],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_message_that_came_is_not_missing_though_it_is_no_use(unusable, restarted):
    run = Restarts()
    counted = run.observe([reading(3.0, 1, 1), unusable], 2)
    if restarted:
        run.restart()
    assert counted + run.observe([reading(3.0, 3, 3)], 4) + run.observe([], 10) == 0


def test_one_sensor_that_nobody_knows_does_not_hide_the_number_of_many():
    assert gaps(monitor(), [many(1, 0), many(2, 1, depth=3.0), many(3, 2)], 3) == 0


def test_a_sensor_on_its_own_topic_has_other_numbers_than_the_topic_of_many():
    run = Restarts()
    counted = run.observe([many(100, 0), reading(3.0, 1, 7)], 2) + run.observe([], 10)
    run.restart()
    counted += run.observe([many(101, 11), reading(3.0, 12, 8)], 13) + run.observe([], 20)
    assert counted == 0


def test_what_is_in_regular_order_needs_no_memory_of_its_own():
    observed = monitor().observe([reading(3.0, 1, 1), reading(3.0, 2, 2)], later(3))
    assert observed.sequences == []


def test_a_wall_clock_that_was_set_back_stops_no_counting():
    taker = monitor()
    counted = taker.observe([reading(3.0, 3600, 1), reading(3.0, 3601, 2)], later(3601)).gaps
    back = START._replace(seconds=START.seconds + 3610)
    counted += taker.observe([reading(3.0, -1, 5)], back).gaps
    assert counted + taker.observe([], later(10, back)).gaps == 2


def test_an_array_may_carry_the_number_of_its_message():
    taker = monitor()
    arrays = [
        told([{"value": 1, "ts": START.at / 1e6 + 10 * seq + place, "seq": seq} for place in range(3)])
        for seq in (1, 2, 3)
    ]
    observed = taker.observe(arrays, later(60))
    assert (len(observed.readings), gaps(taker, [], 61), observed.duplicates) == (9, 0, 0)


def test_a_restarted_node_leaves_no_gap():
    taker = monitor()
    observed = taker.observe([reading(3.0, 0, 4711), reading(3.0, 1, 0), reading(3.0, 2, 1)], later(2))
    assert (observed.gaps + gaps(taker, [], 3), len(observed.readings)) == (0, 3)


def test_bare_numbers_of_one_turn_do_not_hide_each_other():
    observed = monitor().observe([told(3.0), told(3.0), told(3.1)], START)
    assert values(observed) == [3.0, 3.0, 3.1]
    assert len({reading.observed_at for reading in observed.readings}) == 3
    assert not any(reading.late for reading in observed.readings)


def test_bare_numbers_that_arrive_together_have_no_rate():
    quick = sensor(rate_of_change=RateOfChange(0.02, 0.05))
    taker = monitor(quick)
    observed = taker.observe([told(3.0), told(3.1)], START)
    assert [LAYOUT.unpack(r.tests)["rate_of_change"] for r in observed.readings] == ["not_evaluated"] * 2
    [next_turn] = taker.observe([told(3.7)], later(10)).readings
    assert next_turn.flag == Flag.FAIL


def test_a_numbered_value_without_a_time_that_comes_again_is_a_duplicate():
    taker = monitor()
    taker.observe([told({"value": 3.0, "seq": 7})], START)
    observed = taker.observe([told({"value": 3.0, "seq": 7})], later(1))
    assert (observed.readings, observed.duplicates) == ([], 1)
    assert values(taker.observe([told({"value": 3.0, "seq": 8})], later(2))) == [3.0]


def test_a_redelivered_bare_number_is_stored_once():
    taker = monitor()
    first = taker.observe([told(3.0, packet=5)], START)
    assert len(first.deliveries) == 1
    again = taker.observe([told(3.0, packet=5, generation=2, redelivered=True)], later(1))
    assert (again.readings, again.duplicates) == ([], 1)


def test_a_redelivered_bare_number_is_known_after_a_restart():
    kept = monitor().observe([told(3.0, packet=5)], START).deliveries
    restarted = monitor(remembered=Remembered(deliveries=kept))
    assert restarted.observe([told(3.0, packet=5, redelivered=True)], later(1)).duplicates == 1
    assert values(restarted.observe([told(3.0, packet=5)], later(2))) == [3.0]


@pytest.mark.parametrize(
    "other",
    [told(3.0, packet=6, redelivered=True), told(3.1, packet=5, redelivered=True), told(3.0, packet=5)],
)
def test_only_the_same_packet_with_the_same_payload_redelivered_is_the_same(other):
    taker = monitor()
    taker.observe([told(3.0, packet=5)], START)
    assert len(taker.observe([other], later(1)).readings) == 1


def test_a_redelivered_message_that_was_never_stored_is_taken():
    assert values(monitor().observe([told(3.0, packet=5, redelivered=True)], START)) == [3.0]


def test_a_redelivered_dead_letter_is_buried_once():
    taker = monitor()
    taker.observe([told(b"{", packet=5)], START)
    observed = taker.observe([told(b"{", packet=5, redelivered=True)], later(1))
    assert (observed.dead_letters, observed.duplicates) == ([], 1)


def test_readings_with_a_time_need_no_memory_of_their_delivery():
    assert monitor().observe([reading(3.0, 0, packet=5)], START).deliveries == []


@pytest.mark.parametrize("restarts", [False, True])
def test_whatever_the_broker_has_on_its_way_is_stored_once(restarts):
    taker, kept = monitor(), []
    for packet in range(1, MOST_DELIVERIES + 1):
        kept += taker.observe([told(3.0, packet=packet)], later(packet)).deliveries
    if restarts:
        taker = monitor(remembered=Remembered(deliveries=kept))
    again = [told(3.0, packet=packet, redelivered=True) for packet in range(1, MOST_DELIVERIES + 1)]
    assert taker.observe(again, later(70_000)).duplicates == MOST_DELIVERIES


def test_a_retained_value_without_a_time_may_be_of_any_age_and_is_buried():
    observed = monitor().observe([told(0.5, retained=True), told({"value": 0.5, "seq": 7}, retained=True)], START)
    assert (values(observed), buried(observed)) == ([], ["retained_without_timestamp"] * 2)


def test_a_retained_value_with_its_time_is_judged_by_it():
    observed = monitor().observe([reading(3.0, -3600, retained=True)], START)
    assert [reading.late for reading in observed.readings] == [True]


def test_a_wall_clock_that_was_set_back_stops_nobody():
    taker = monitor()
    taker.observe([told(3.0), reading(3.0, 1)], later(3600))
    back = START._replace(seconds=START.seconds + 3610)
    observed = taker.observe([told(3.1)], back)
    assert [(r.value, r.observed_at, r.late) for r in observed.readings] == [(3.1, back.at, False)]


def test_judged_holds_the_settled_readings_in_order_with_their_topic():
    taker = monitor(sensor(spike=Spike(0.3)), sensor("tank1/pressure", "pressure", "bar"))
    messages = [reading(3.0, 0), told({"readings": {"pressure": 4}}, "tank1"), reading(3.1, 10)]
    observed = taker.observe(messages, later(10))
    assert [(r.value, topic.rpartition("/")[2]) for r, topic in observed.judged] == [(4.0, "telemetry"), (3.0, "level")]


def test_what_is_settled_in_its_own_turn_is_not_written_again():
    taker = monitor(sensor(spike=Spike(0.3)))
    first = taker.observe([reading(3.0, 0), reading(3.1, 10)], later(10))
    assert (len(first.readings), first.settled) == (2, [])
    second = taker.observe([reading(3.2, 20)], later(20))
    assert [r.value for r in second.settled] == [3.1]
    assert second.settled[0] is first.readings[1]


def test_a_sensor_goes_silent_once_after_its_time():
    taker = monitor(sensor(freshness=Freshness(60.0)))
    taker.observe([reading(3.0, 10)], later(10))
    assert taker.observe([], later(70)).silent == []
    assert [found.name for found in taker.observe([], later(71.5)).silent] == ["tank1/level"]
    assert taker.observe([], later(100)).silent == []
    taker.observe([reading(3.0, 110)], later(110))
    assert len(taker.observe([], later(171)).silent) == 1


def test_late_readings_do_not_break_the_silence():
    taker = monitor()
    taker.observe([reading(3.0, -100)], later(20))
    assert len(taker.observe([], later(31)).silent) == 1


def test_unix_milliseconds_where_the_node_says_so():
    observed = monitor(timestamps="unix_ms").observe([told({"value": 1, "ts": START.at // 1000})], START)
    assert [r.observed_at for r in observed.readings] == [START.at]


def test_receipts_are_not_needed_at_qos_0():
    qos0 = Message(Route(Kind.TELEMETRY, "tank1", "level"), "t", b"{", None, redelivered=True)
    assert buried(monitor().observe([qos0, qos0], START)) == ["invalid_json"] * 2
    assert Receipt(1, 2).generation == 1


def test_of_a_message_with_many_values_only_those_are_buried_that_cannot_be_used():
    taker = monitor(sensor(), sensor("tank1/pressure", "pressure", "bar"))
    taker.observe([many(1, 0, level=1.0, pressure=4.0)], later(0))
    observed = taker.observe([many(2, 10, level=1.1, pressure=4.1, flow=3.0)], later(10))
    assert values(observed) == [1.1, 4.1]
    [letter] = observed.dead_letters
    assert (letter.reason, json.loads(letter.payload)) == ("unknown_sensor", {"flow": 3.0})


def test_the_place_of_a_number_is_kept_no_longer_than_its_readings_do_not_tell_it():
    taker = monitor()
    taker.observe([told({"seq": 1, "value": 1.0, "ts": START.at / 1e6})], later(0))
    odd = taker.observe([told({"seq": 2, "value": "three", "ts": START.at / 1e6 + 10})], later(10))
    assert [each.seen[-1][1] for each in odd.sequences] == [2]
    again = taker.observe([told({"seq": 3, "value": 1.0, "ts": START.at / 1e6 + 20})], later(20))
    assert len(again.sequences) == 1  # the reading tells the place again: what was kept is taken back
    quiet = taker.observe([told({"seq": 4, "value": 1.0, "ts": START.at / 1e6 + 30})], later(30))
    assert quiet.sequences == []
