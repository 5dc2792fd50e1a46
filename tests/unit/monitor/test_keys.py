"""Two values under one time and number are two readings; the future takes no true reading's place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.plants import START, later, message, plant, sensor, told

from edge_agent.model.inbox import Kind
from edge_agent.model.remembered import Remembered, StoredReading
from edge_agent.monitor.keys import KEPT_KEYS, MOST_AHEAD, Keys
from edge_agent.monitor.monitoring import Monitor
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.spike import Spike

WHOLE = START.at // 10**6


def monitor(*sensors, readings=()):
    return Monitor(plant(sensors or None), Remembered(readings=list(readings)), START, 60.0)


def stored(observed):
    return [(r.value, r.observed_at, r.seq) for r in observed.readings]


def kept(readings):
    return [
        StoredReading(r.sensor.node, r.sensor.id, r.value, r.observed_at, r.received_at, r.seq, r.flag, r.tests)
        for r in readings
    ]


def at(second, value, **more):
    return told({"value": value, "ts": WHOLE + second, **more})


def frame(second, value, **more):
    return told({"readings": {"level": value, "pressure": 4.0}, "ts": WHOLE + second, **more}, "tank1")


BOTH = sensor(), sensor("tank1/pressure", "pressure", "bar")


def test_two_values_of_one_whole_second_are_two_readings():
    observed = monitor().observe([at(0, 3.0), at(0, 1.2)], later(0.5))
    assert stored(observed) == [(3.0, START.at, None), (1.2, START.at + 1, None)]
    assert ([r.late for r in observed.readings], observed.duplicates) == ([False, False], 0)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_redelivery_of_both_is_stored_once(restarted):
    taker = monitor()
    first = taker.observe([at(0, 3.0), at(0, 1.2)], later(0.5))
    if restarted:
        taker = monitor(readings=kept(first.readings))
    again = taker.observe([at(0, 3.0), at(0, 1.2)], later(1))
    assert (again.readings, again.duplicates) == ([], 2)


def test_arrays_and_frames_of_many_sensors_are_read_alike():
    array = told([{"value": v, "ts": WHOLE, "seq": 4} for v in (3.0, 2.0, 3.0, 1.0)])
    observed = monitor().observe([array], later(0.5))
    assert (stored(observed), observed.duplicates) == (
        [(3.0, START.at, 4), (2.0, START.at + 1, 4), (1.0, START.at + 2, 4)], 1
    )  # fmt: skip
    observed = monitor(*BOTH).observe([frame(0, 3.0), frame(0, 2.0)], later(0.5))
    assert [r.value for r in observed.readings] == [3.0, 4.0, 2.0]
    assert observed.duplicates == 1


def test_a_node_without_a_clock_that_boots_twice_loses_nothing():
    boots = [[at(s, 2.0 + boot + s / 100, seq=s) for s in range(count)] for boot, count in enumerate((10, 15))]
    taker = monitor()
    observed = [*taker.observe(boots[0], later(20)).readings, *taker.observe(boots[1], later(40)).readings]
    assert len({(r.observed_at, r.seq) for r in observed}) == 25
    again = taker.observe(boots[1], later(41))
    assert {(r.observed_at, r.seq) for r in again.readings} <= {(r.observed_at, r.seq) for r in observed}


@pytest.mark.parametrize("ahead", [0.9, 10, 55, 300, 2_000_000_000])
@pytest.mark.parametrize("quality", [{}, {"spike": Spike(9.0), "rate_of_change": RateOfChange(9.0)}])
def test_forged_readings_of_times_to_come_hide_no_true_one(ahead, quality):
    taker = monitor(sensor(interval_seconds=1.0, **quality))
    forged = [at(ahead + s, 9.0, seq=100 + s) for s in range(10)]
    found = [taker.observe([at(0, 3.0, seq=90)], later(0.1)), taker.observe(forged, later(0.2))]
    begin = ahead if 1 <= ahead < 1000 else 1
    true = [taker.observe([at(begin + place, 3.0, seq=100 + place)], later(begin + place + 0.1)) for place in range(10)]
    assert [(len(one.readings), one.duplicates) for one in true] == [(1, 0)] * 10
    assert [one.readings[0].late for one in true].count(True) <= 1
    keys = [(r.observed_at, r.seq) for one in [*found, *true] for r in one.readings]
    assert len(set(keys)) == len(keys) == 21


def test_numbers_of_times_to_come_do_not_stop_the_counting_of_gaps():
    taker = monitor()
    counted = taker.observe([at(0, 3.0, seq=1), at(55, 9.0, seq=2)], later(0.5)).gaps
    for s, seq in ((10, 2), (20, 3), (30, 5), (40, 6)):
        counted += taker.observe([at(s, 3.0, seq=seq)], later(s + 0.5)).gaps
    assert counted + taker.observe([], later(50)).gaps == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_slips_back_while_the_numbers_go_on_makes_no_gap(restarted):
    taker = monitor()
    counted, remembered, readings = 0, {}, []
    for seq, slip in enumerate((0, 0, 3600, 3600, 0, 3600, 0, 0), 1):
        observed = taker.observe([at(seq - slip, 3.0 + seq / 10, seq=seq)], later(seq + 0.1))
        counted += observed.gaps
        readings += kept(observed.readings)
        remembered |= {memory[:2]: memory for memory in observed.sequences}
        if restarted:
            newest = sorted(readings, key=lambda r: r.observed_at)[-3:]
            sequences = [memory for memory in remembered.values() if memory.seen]
            taker = Monitor(plant(), Remembered(readings=newest, sequences=sequences), later(seq + 0.2), 60.0)
    counted += taker.observe([at(10, 3.0, seq=10)], later(10)).gaps
    assert counted + taker.observe([], later(20)).gaps == 1


def test_a_redelivery_from_ahead_after_a_restart_makes_no_gap():
    """It is older than what is remembered, and would be taken for the newest, of a node that has restarted."""
    forged = at(56, 9.0, seq=2)
    taker = monitor()
    readings = [r for s in range(1, 13) for r in taker.observe([at(s, 3.0 + s / 10, seq=s)], later(s + 0.1)).readings]
    taker = monitor(readings=kept(readings[-3:]))
    again = [forged._replace(redelivered=True), *[at(s, 3.0 + s / 10, seq=s) for s in range(13, 20)]]
    counted = taker.observe(again, later(30)).gaps
    counted += sum(taker.observe([at(s, 2.0 + s / 10, seq=s)], later(11 + s + 0.1)).gaps for s in range(20, 23))
    counted += sum(taker.observe([at(11 + s, 2.0 + s / 10, seq=s)], later(11 + s + 0.1)).gaps for s in range(23, 26))
    assert counted + taker.observe([], later(50)).gaps == 0


def test_a_repeated_frame_of_a_clock_that_is_ahead_makes_no_gap():
    taker = monitor(*BOTH)
    counted = sum(taker.observe([frame(20 + s, 3.0 + s, seq=s)], later(s)).gaps for s in range(1, 5))
    counted += taker.observe([frame(22, 5.0, seq=2)], later(5)).gaps
    counted += taker.observe([frame(26, 3.5, seq=5)], later(6)).gaps
    assert counted + taker.observe([], later(20)).gaps == 0


def test_what_was_remembered_from_ahead_is_put_where_it_was_received():
    taker = monitor(readings=kept(monitor().observe([at(0, 3.0, seq=1), at(50, 9.0, seq=2)], later(0)).readings))
    observed = taker.observe([at(10, 3.1, seq=2)], later(10))
    assert [r.late for r in observed.readings] == [False]


def test_values_without_a_time_stay_apart_though_a_clock_is_ahead():
    taker = monitor()
    observed = taker.observe([at(50, 3.0), *[told(v / 10) for v in range(40)]], later(1))
    later_ones = taker.observe([told(v / 10) for v in range(40)], later(2))
    keys = [r.observed_at for r in (*observed.readings, *later_ones.readings)]
    assert len(set(keys)) == 81
    assert [r.late for r in later_ones.readings] == [False] * 40


def test_only_so_many_keys_are_known():
    keys = Keys()
    for number in range(3 * MOST_AHEAD):
        keys.keep_ahead(number, None, 1.0)
    assert [keys.free(place, None, 1.0) for place in (0, MOST_AHEAD - 1, MOST_AHEAD)] == [None, None, MOST_AHEAD]
    keys.forget(MOST_AHEAD)
    assert keys.first_ahead == float("inf")
    for number in range(2 * KEPT_KEYS):
        keys.keep(number, 2**63 - 1, 1.0)
    assert [keys.free(place, 2**63 - 1, 1.0) for place in (KEPT_KEYS - 1, KEPT_KEYS)] == [KEPT_KEYS - 1, None]


_VALUES = st.sampled_from([1.0, 2.0, 3.0])
_MESSAGES = st.lists(st.tuples(st.integers(-5, 5), st.none() | st.integers(0, 2), _VALUES), max_size=KEPT_KEYS)


@given(_MESSAGES)
def test_every_distinct_message_is_stored_under_a_key_of_its_own_and_its_repetition_is_not(messages):
    taker = monitor()
    members = [{} if seq is None else {"seq": seq} for _, seq, _ in messages]
    sent = [at(second, value, **more) for (second, _, value), more in zip(messages, members, strict=True)]
    first = taker.observe(sent, later(1))
    again = taker.observe(sent, later(2))
    keys = [(r.observed_at, r.seq) for r in first.readings]
    assert len(set(keys)) == len(keys) == len(set(messages))
    assert (again.readings, again.duplicates) == ([], len(sent))


def test_other_messages_are_none_of_its_business():
    assert monitor().observe([message(Kind.STATUS, "tank1", "", b"online")], START).readings == []


def test_what_lay_ahead_of_a_time_that_became_the_newest_is_found_again():
    keys = Keys()
    keys.keep(START.at + 5, 3, 1.0)
    keys.pass_by(START.at)
    assert keys.first_ahead == START.at + 5
    assert keys.free(START.at + 5, 3, 1.0) is None
    assert keys.free(START.at + 5, 3, 2.0) == START.at + 6


def test_the_first_that_lies_ahead_is_known_by_its_time():
    keys = Keys()
    assert keys.first_ahead == float("inf")
    for at, seq in ((300, 7), (200, 9), (400, None)):
        keys.keep_ahead(at, seq, 3.0)
    assert keys.first_ahead == 200
