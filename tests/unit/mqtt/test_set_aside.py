"""Publishes that end the connection are told from a bad line, set aside, and get one more chance after a while."""

from __future__ import annotations

import pytest

from edge_agent.mqtt.setaside import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, SetAside

#: So many suffice where all else passes.
LOSSES = 4


@pytest.fixture
def known():
    """What knows that the broker takes 100 bytes."""
    found = SetAside()
    found.taken("status", 100)
    return found


def lose(known, topic, size, times=LOSSES, now=0.0):
    """Let connections end while a publish is on its way; the agent's status has passed before, on each."""
    for _ in range(times):
        known.connected()
        known.taken("status", 50)
        known.ended(topic, size, 0.1, now)


def test_three_losses_of_a_command_are_chance_though_all_else_has_passed(known):
    lose(known, "command", 90, 3)
    assert known.limit("command", 90, 3) is None


@pytest.mark.parametrize("size", [90, 500])
def test_on_a_line_that_fails_for_others_as_well_so_many_losses_are_chance(known, size):
    now = 0.0
    for _ in range(5):
        lose(known, "command", size, 1, now)
        lose(known, "alarm", 80, 1, now + 1)
        known.connected()  # and ends with nothing on its way
        now += 10
        assert known.limit("command", size, now) is None
        assert known.limit("alarm", 80, now) is None
    lose(known, "command", size, 20, now)
    assert known.limit("command", size, now + 20) == size


def test_a_loss_long_after_it_was_sent_speaks_for_a_bad_line(known):
    lose(known, "command", 90, 3)
    for late in range(3):
        known.connected()
        known.ended("command", 90, 15.0, 10.0 + late)
    lose(known, "command", 90, 1, 20)
    assert known.limit("command", 90, 21) is None


def test_some_losses_mean_nothing(known):
    lose(known, "alarm", 500, LOSSES - 1)
    assert known.limit("alarm", 500, 0) is None
    assert known.doubts("alarm", 500)  # but it goes alone


def test_what_ended_connection_after_connection_is_set_aside_and_all_that_is_as_large(known):
    lose(known, "alarm", 500)
    assert known.limit("alarm", 500, 0) == 500
    assert known.limit("command", 501, 0) == 500
    assert known.limit("command", 499, 0) is None


def test_between_what_was_taken_and_what_was_not_two_losses_suffice(known):
    lose(known, "alarm", 500)
    assert known.doubts("command", 450)
    assert not known.doubts("command", 100)
    lose(known, "command", 450, 1)
    assert known.limit("other", 450, 0) is None
    lose(known, "command", 450, 1)
    assert known.limit("other", 450, 0) == 450
    known.taken("other", 449)
    assert not known.doubts("other", 449)


def test_what_the_broker_takes_in_that_size_elsewhere_is_held_against_its_topic_only(known):
    lose(known, "forbidden", 80)
    assert known.limit("forbidden", 80, 0) == 80
    assert known.limit("allowed", 80, 0) is None


def test_a_loss_long_after_it_was_sent_is_not_its_doing(known):
    for _ in range(10):
        known.ended("alarm", 500, 15.0, 0)
    assert known.limit("alarm", 500, 0) is None
    assert not known.doubts("alarm", 500)


def test_a_confirmation_forgets_the_losses_before_it(known):
    lose(known, "alarm", 500, LOSSES - 1)
    known.taken("alarm", 500)
    lose(known, "alarm", 500, LOSSES - 1)
    assert known.limit("alarm", 500, 0) is None


@pytest.mark.parametrize("size", [80, 500])
def test_it_has_one_chance_after_a_pause_that_doubles_up_to_a_day(known, size):
    now, pause = 0.0, FIRST_PAUSE_SECONDS
    lose(known, "alarm", size)
    for _ in range(20):
        assert known.limit("alarm", size, now + pause - 1) == size
        now += pause
        assert known.limit("alarm", size, now) is None
        assert known.doubts("alarm", size)
        lose(known, "alarm", size, 1, now)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    assert pause == LONGEST_PAUSE_SECONDS


@pytest.mark.parametrize("size", [80, 500])
def test_the_chance_taken_lifts_the_limit(known, size):
    lose(known, "alarm", size)
    known.taken("alarm", size)
    assert known.limit("alarm", size, 0) is None
    assert not known.doubts("alarm", size)


def test_memory_is_bounded(known):
    for number in range(10_000):
        lose(known, f"t{number}", 50)
    assert known.limit("t9999", 50, 0) == 50
    assert known.limit("t0", 50, 0) is None
