"""What is known of the equipment, and that its protections hold for whatever is commanded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plants import START, later, pump

from edge_agent.execute.equipment import Equipment, fulfils, reported_on, turns_on
from edge_agent.model.commands import ActuatorMemory, Reported


def failed(equipment, *, on, seconds):
    return [check.name for check in equipment.protections(on=on, seconds=seconds) if not check.passed]


@pytest.mark.parametrize(
    ("action", "value", "on"),
    [("start", None, True), ("open", None, True), ("stop", None, False), ("close", None, False),
     ("set", 0.5, True), ("set", 0.0, False), ("set", None, False)],
)  # fmt: skip
def test_which_actions_turn_on(action, value, on):
    assert turns_on(action, value) is on


@pytest.mark.parametrize(
    ("word", "on"), [("running", True), ("open", True), ("on", True), ("stopped", False), ("closed", False),
                     ("off", False), ("fault", None), ("opening", None)],
)  # fmt: skip
def test_which_words_say_on(word, on):
    assert reported_on(word) is on


@pytest.mark.parametrize(
    ("action", "value", "state", "reported", "expected"),
    [
        ("start", None, "running", 0.3, True), ("start", None, "stopped", None, False),
        ("start", None, "fault", None, None), ("stop", None, "stopped", None, True),
        ("stop", None, "running", None, False), ("set", 0.8, "running", 0.81, True),
        ("set", 0.8, "running", 0.5, False), ("set", 0.8, "running", None, True), ("set", 0.0, "stopped", None, True),
        ("set", 0.8, "stopped", 0.8, False), ("close", None, "closed", None, True),
    ],
)  # fmt: skip
def test_whether_the_equipment_does_what_is_desired(action, value, state, reported, expected):
    assert fulfils(action, value, Reported(state, reported, START.at)) is expected


def test_unknown_equipment_may_be_commanded():
    equipment = Equipment(pump(min_on_seconds=300, min_off_seconds=120, max_starts_per_hour=1))
    assert failed(equipment, on=True, seconds=0) == failed(equipment, on=False, seconds=0) == []


def test_minimum_on_time():
    equipment = Equipment(pump(min_on_seconds=300))
    equipment.command(on=True, seconds=0)
    assert failed(equipment, on=False, seconds=299.9) == ["min_on"]
    assert failed(equipment, on=False, seconds=300) == []
    assert failed(equipment, on=True, seconds=1) == []


def test_a_time_that_is_not_over_does_not_read_as_if_it_were():
    equipment = Equipment(pump(min_on_seconds=10))
    equipment.command(on=True, seconds=0)
    details = [equipment.protections(on=False, seconds=seconds)[0].detail for seconds in (9.4, 9.98, 10.0)]
    assert details == ["running for 9 s of 10 s", "running for 9.98 s of 10 s", "running for 10 s of 10 s"]


def test_minimum_off_time():
    equipment = Equipment(pump(min_off_seconds=120))
    equipment.command(on=False, seconds=0)
    assert failed(equipment, on=True, seconds=119) == ["min_off"]
    assert failed(equipment, on=True, seconds=120) == []


def test_starts_per_hour():
    equipment = Equipment(pump(max_starts_per_hour=2))
    for seconds in (0, 100):
        equipment.command(on=True, seconds=seconds)
        equipment.command(on=False, seconds=seconds + 50)
    assert failed(equipment, on=True, seconds=3599) == ["starts_per_hour"]
    assert failed(equipment, on=True, seconds=3600) == []


def test_a_start_by_hand_counts():
    equipment = Equipment(pump(max_starts_per_hour=1, min_on_seconds=300))
    assert equipment.learn(on=False, seconds=0)
    assert equipment.learn(on=True, seconds=10)
    assert failed(equipment, on=False, seconds=20) == ["min_on"]
    equipment.learn(on=False, seconds=400)
    assert failed(equipment, on=True, seconds=500) == ["starts_per_hour"]


def test_the_first_report_is_no_start():
    equipment = Equipment(pump(max_starts_per_hour=1, min_on_seconds=300))
    assert equipment.learn(on=True, seconds=0)
    assert not equipment.learn(on=True, seconds=1)
    assert failed(equipment, on=False, seconds=1) == []


def test_what_was_not_carried_out_is_taken_back():
    equipment = Equipment(pump(max_starts_per_hour=1, min_on_seconds=300))
    equipment.learn(on=False, seconds=0)
    equipment.command(on=True, seconds=10)
    equipment.take_back()
    assert equipment.running is False
    assert failed(equipment, on=True, seconds=20) == []


def test_what_the_equipment_said_meanwhile_is_not_taken_back():
    equipment = Equipment(pump(min_off_seconds=120))
    equipment.command(on=True, seconds=0)
    equipment.command(on=False, seconds=1000)
    equipment.learn(on=False, seconds=1005)  # it tripped before the command came, and so the node rejects that
    equipment.take_back()
    assert equipment.running is False
    assert failed(equipment, on=True, seconds=1100) == ["min_off"]


def test_a_report_from_before_the_command_arrived_makes_no_second_start():
    equipment = Equipment(pump(max_starts_per_hour=2))
    equipment.learn(on=False, seconds=0)
    equipment.command(on=True, seconds=10)
    equipment.learn(on=False, seconds=11)
    equipment.learn(on=True, seconds=12)
    assert list(equipment.starts) == [12]


def test_the_equipment_knows_best_when_it_started():
    equipment = Equipment(pump(min_on_seconds=300, max_starts_per_hour=1))
    equipment.command(on=True, seconds=0)
    assert equipment.learn(on=True, seconds=20)
    assert failed(equipment, on=False, seconds=319) == ["min_on"]
    equipment.learn(on=True, seconds=200)  # the retained state once more
    assert failed(equipment, on=False, seconds=320) == []
    assert list(equipment.starts) == [20]


def test_a_start_that_nobody_confirmed_may_happen_only_when_it_is_repeated():
    equipment = Equipment(pump(min_on_seconds=300, max_starts_per_hour=1))
    equipment.learn(on=False, seconds=0)
    equipment.command(on=True, seconds=10)
    equipment.settle()  # nobody heard it
    equipment.command(on=True, seconds=400)
    assert failed(equipment, on=False, seconds=699) == ["min_on"]
    assert failed(equipment, on=False, seconds=700) == []
    assert list(equipment.starts) == [400]


def test_a_confirmed_start_is_not_moved_by_the_renewal_of_its_lease():
    equipment = Equipment(pump(min_on_seconds=300))
    equipment.command(on=True, seconds=0)
    equipment.settle(done=True)
    equipment.command(on=True, seconds=200)
    assert failed(equipment, on=False, seconds=300) == []


def test_a_late_report_tells_when_a_command_thought_lost_was_carried_out():
    equipment = Equipment(pump(min_on_seconds=300))
    equipment.command(on=True, seconds=0)
    equipment.settle()
    assert equipment.learn(on=True, seconds=50)
    assert failed(equipment, on=False, seconds=349) == ["min_on"]
    assert not equipment.learn(on=True, seconds=100)


def test_a_start_by_hand_after_a_failed_command_counts_for_itself():
    equipment = Equipment(pump(max_starts_per_hour=2))
    equipment.learn(on=False, seconds=0)
    equipment.command(on=True, seconds=10)
    equipment.learn(on=False, seconds=11)
    equipment.settle()
    equipment.learn(on=True, seconds=900)
    assert list(equipment.starts) == [10, 900]


def test_a_restart_keeps_the_protections():
    equipment = Equipment(pump(min_on_seconds=300, max_starts_per_hour=1))
    memory = ActuatorMemory("station/pump1", None, None, True, later(-100).at, None, [later(-100).at])
    equipment.remember(memory, START)
    assert failed(equipment, on=False, seconds=later(199).seconds) == ["min_on"]
    assert failed(equipment, on=False, seconds=later(200).seconds) == []


_specs = st.fixed_dictionaries({
    "min_on_seconds": st.sampled_from([0, 30, 300]),
    "min_off_seconds": st.sampled_from([0, 30, 300]),
    "max_starts_per_hour": st.sampled_from([None, 1, 2, 6]),
})  # fmt: skip
_day = st.lists(st.tuples(st.booleans(), st.integers(0, 400), st.integers(0, 25)), max_size=60)


@settings(max_examples=200)
@given(_specs, _day)
def test_no_command_that_passes_violates_a_protection_however_slow_the_node(spec, day):
    """Each element: on or off is requested, so long after the last, and the node carries it out so much later."""
    equipment, now, on = Equipment(pump(**spec)), 0.0, False
    equipment.learn(on=False, seconds=0.0)
    starts, stops = [], []
    for requested, pause, delay in day:
        now += pause
        if not all(check.passed for check in equipment.protections(on=requested, seconds=now)):
            continue
        equipment.command(on=requested, seconds=now)
        now += delay
        if requested is not on:
            on = requested
            if on:
                assert not stops or now - stops[-1] >= spec["min_off_seconds"]
                starts.append(now)
                within = [at for at in starts if at > now - 3600]
                assert spec["max_starts_per_hour"] is None or len(within) <= spec["max_starts_per_hour"]
            else:
                assert now - starts[-1] >= spec["min_on_seconds"]
                stops.append(now)
        equipment.learn(on=on, seconds=now)


def test_a_refusal_takes_nothing_back_that_was_reported_since():
    equipment = Equipment(pump(min_off_seconds=120))
    equipment.learn(on=False, seconds=0)
    equipment.command(on=True, seconds=200)
    equipment.learn(on=True, seconds=201)
    equipment.settle(done=True)
    equipment.command(on=True, seconds=400)  # a renewal
    equipment.learn(on=False, seconds=410)  # by hand
    equipment.take_back()
    assert (equipment.running, equipment.stopped_seconds) == (False, 410)
    assert failed(equipment, on=True, seconds=529) == ["min_off"]


def test_who_is_held_back_by_the_starts_of_an_hour_may_start_when_the_first_of_them_is_an_hour_ago():
    equipment = Equipment(pump(max_starts_per_hour=2, min_off_seconds=60.0, min_on_seconds=0.0))
    for begun in (1000.0, 1200.0):
        equipment.learn(on=False, seconds=begun - 100)
        equipment.command(on=True, seconds=begun)
        equipment.learn(on=True, seconds=begun)
    equipment.learn(on=False, seconds=1300.0)
    free = sorted(equipment.free_times(on=True))
    assert free == [1360.0, 1000.0 + 3600.0]
    assert failed(equipment, on=True, seconds=free[-1] - 0.5) == ["starts_per_hour"]
    assert failed(equipment, on=True, seconds=free[-1]) == []


def test_a_start_by_hand_after_a_command_that_was_refused_counts_for_itself():
    equipment = Equipment(pump(max_starts_per_hour=2, min_on_seconds=300.0))
    equipment.learn(on=False, seconds=0)
    equipment.command(on=True, seconds=10)
    equipment.take_back()
    assert list(equipment.starts) == []
    assert equipment.learn(on=True, seconds=900)
    assert list(equipment.starts) == [900]
    assert failed(equipment, on=False, seconds=1000) == ["min_on"]


def test_the_end_of_a_command_tells_nothing_of_a_later_change():
    equipment = Equipment(pump(max_starts_per_hour=6))
    equipment.learn(on=False, seconds=0)
    equipment.command(on=True, seconds=10)
    equipment.learn(on=True, seconds=12)
    equipment.learn(on=False, seconds=100)
    equipment.learn(on=True, seconds=200)
    assert list(equipment.starts) == [12, 200]
