"""An alarm that comes and goes again and again is told once a minute; plans see every change of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.analyze.register import AlarmRegister
from edge_agent.model.alarms import AlarmEventKind, AlarmKey
from edge_agent.model.time import Moment

LOW = AlarmKey("tank1", "level", "low")
RAISED, CLEARED, CHATTERING = AlarmEventKind.RAISED, AlarmEventKind.CLEARED, AlarmEventKind.CHATTERING


class Journal:
    """A register with its clock, and all that it told."""

    def __init__(self) -> None:
        self.register = AlarmRegister([])
        self.seconds = 0.0
        self.events = []
        self.told = []

    @property
    def now(self) -> Moment:
        return Moment(round(self.seconds * 1e6), self.seconds)

    def after(self, seconds: float) -> Journal:
        self.seconds += seconds
        self.register.tick(self.now)
        return self.take()

    def take(self) -> Journal:
        events, changed = self.register.take_changes()
        self.events += events
        self.told += changed
        return self

    def high(self) -> Journal:
        self.register.raise_(LOW, "high", self.now, "it is low")
        return self.take()

    def gone(self) -> Journal:
        self.register.clear(LOW, self.now, "it is back")
        return self.take()

    def jump(self, times: int, seconds: float = 0.01) -> Journal:
        for _ in range(times):
            self.high().after(seconds).gone().after(seconds)
        return self

    @property
    def kinds(self) -> list[AlarmEventKind]:
        return [event.event for event in self.events]


def test_three_times_within_a_minute_are_told_one_by_one():
    assert Journal().jump(3, 9.9).kinds == [RAISED, CLEARED] * 3


def test_the_fourth_time_is_told_as_chattering_and_what_follows_is_not():
    journal = Journal().jump(1000)
    assert journal.kinds == [RAISED, CLEARED] * 3 + [RAISED, CHATTERING]
    assert "4 times" in journal.events[-1].reason
    assert journal.told[-1].chattering
    assert not journal.told[-1].at_rest


def test_what_is_active_is_the_truth_while_it_chatters():
    journal = Journal().jump(100)
    assert str(LOW) not in journal.register.active
    assert str(LOW) in journal.high().register.active
    assert str(LOW) not in journal.gone().register.active


def test_how_often_it_was_raised_is_told_once_a_minute():
    journal = Journal().jump(9000)  # three minutes
    assert journal.kinds[8:] == [CHATTERING, CHATTERING]
    assert "3000 times" in journal.events[-1].reason or "2999 times" in journal.events[-1].reason


@pytest.mark.parametrize(("active", "kind"), [(True, RAISED), (False, CLEARED)])
def test_a_minute_of_rest_ends_it_with_what_it_is_then(active, kind):
    journal = Journal().jump(100)
    if active:
        journal.high()
    journal.after(60)  # it was still raised often in that minute
    journal.after(60)
    assert journal.kinds[8:] == [CHATTERING, kind]
    assert not journal.told[-1].chattering
    assert journal.told[-1].active is active
    assert journal.register.alarms == (() if not active else (journal.told[-1],))


def test_after_it_has_ended_it_is_told_one_by_one_again():
    journal = Journal().jump(100)
    journal.after(60).after(60)
    before = len(journal.events)
    journal.jump(1)
    assert journal.kinds[before:] == [RAISED, CLEARED]


def test_one_that_comes_every_twenty_seconds_does_not_chatter():
    assert CHATTERING not in Journal().jump(50, 10.01).kinds


def test_one_alarm_that_chatters_hushes_no_other():
    journal = Journal().jump(100)
    other = AlarmKey("tank1", "level", "high")
    journal.register.raise_(other, "high", journal.now, "it is high")
    assert journal.take().events[-1].key == other


@given(st.lists(st.tuples(st.sampled_from(["high", "gone"]), st.floats(0, 30)), max_size=300))
def test_it_never_tells_more_than_nine_events_a_minute_and_ends_with_the_truth(steps):
    journal = Journal()
    for step, pause in steps:
        getattr(journal, step)()
        journal.after(pause)
    stamps = [event.at / 1e6 for event in journal.events]
    assert all(sum(start <= at < start + 59 for at in stamps) <= 9 for start in stamps)
    journal.after(61).after(61).after(61)
    told = [alarm for alarm in journal.told if alarm.key == LOW]
    assert (bool(told) and told[-1].active) is (str(LOW) in journal.register.active)
    assert all(not alarm.chattering for alarm in journal.register.alarms)


@pytest.mark.parametrize(("times", "goes_on"), [(3, False), (4, True)])
def test_three_times_in_a_minute_end_it_and_four_do_not(times, goes_on):
    journal = Journal().jump(4)
    journal.seconds += 10
    journal.jump(times)
    journal.after(60)
    assert (journal.kinds[-1] is CHATTERING) is goes_on
    assert (LOW in journal.register._chatter) is goes_on


def test_an_alarm_whose_limit_is_gone_is_told_of_no_more_and_another_of_its_name_begins_anew():
    journal = Journal().jump(100)
    journal.register.retire(LOW, journal.now, "its limit is gone")
    journal.take()
    told = len(journal.events)
    assert journal.register.alarms == ()
    assert journal.register.next_seconds() == float("inf")
    assert journal.after(60).kinds[told:] == []
    assert journal.jump(3).kinds[told:] == [RAISED, CLEARED] * 3


def test_alarms_of_more_than_a_minute_ago_are_forgotten_however_many_there_were():
    journal = Journal()
    for number in range(300):
        journal.register.raise_(AlarmKey("tank1", f"level{number}", "low"), "high", journal.now, "it is low")
        journal.seconds += 1
    assert len(journal.register._chatter._raised) <= 62
