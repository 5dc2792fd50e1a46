"""One limit as a state machine: on-delay, deadband, off-delay, and a limit that is changed meanwhile."""

from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.plants import threshold

from edge_agent.analyze.limit import LimitAlarm


def feed(limit: LimitAlarm, value: float, seconds: float) -> bool:
    """Take a value as the analysis does; returns whether the alarm is active then."""
    if limit.update(value, seconds):
        limit.due(seconds)
    return limit.active


@pytest.mark.parametrize("name", ["high", "high_high"])
def test_a_high_limit_acts_strictly_above(name):
    limit = LimitAlarm(threshold(name, 5.0))
    assert not feed(limit, 5.0, 0)
    assert feed(limit, 5.01, 1)
    assert feed(limit, 5.0, 2)
    assert not feed(limit, 4.99, 3)


@pytest.mark.parametrize("name", ["low", "low_low"])
def test_a_low_limit_acts_strictly_below(name):
    limit = LimitAlarm(threshold(name, 1.5))
    assert not feed(limit, 1.5, 0)
    assert feed(limit, 1.49, 1)
    assert feed(limit, 1.5, 2)
    assert not feed(limit, 1.51, 3)


def test_it_clears_only_across_the_deadband():
    limit = LimitAlarm(threshold("low", 1.5, deadband=0.25))
    assert [feed(limit, value, 0) for value in (1.4, 1.5, 1.6, 1.75, 1.76)] == [True, True, True, True, False]
    high = LimitAlarm(threshold("high", 5.0, deadband=0.25))
    assert [feed(high, value, 0) for value in (5.1, 5.0, 4.75, 4.74)] == [True, True, True, False]


def test_it_waits_for_its_on_delay_and_begins_anew_when_the_value_returns():
    limit = LimitAlarm(threshold("low", 1.5, on_delay_seconds=10))
    assert not feed(limit, 1.4, 0)
    assert not feed(limit, 1.6, 5)
    assert not feed(limit, 1.4, 6)
    assert not feed(limit, 1.4, 15.9)
    assert feed(limit, 1.4, 16)


def test_time_alone_completes_a_delay():
    limit = LimitAlarm(threshold("low", 1.5, on_delay_seconds=10, off_delay_seconds=20))
    limit.update(1.4, 0)
    assert limit.pending
    assert not limit.due(9.9)
    assert limit.due(10)
    assert (limit.active, limit.pending) == (True, False)
    limit.update(2.0, 30)
    assert not limit.due(49)
    assert limit.due(50)
    assert not limit.active


def test_off_delay_begins_anew_when_the_value_is_not_back_any_more():
    limit = LimitAlarm(threshold("low", 1.5, deadband=0.2, off_delay_seconds=10))
    feed(limit, 1.4, 0)
    assert feed(limit, 1.8, 1)
    assert feed(limit, 1.6, 5)  # within the deadband is not back
    assert feed(limit, 1.8, 12)
    assert not feed(limit, 1.8, 22)


def test_a_stricter_limit_begins_its_delay_anew():
    limit = LimitAlarm(threshold("low", 2.0, on_delay_seconds=60))
    feed(limit, 1.9, 0)
    limit.adopt(threshold("low", 1.5, on_delay_seconds=60))
    assert not feed(limit, 1.4, 100)
    assert feed(limit, 1.4, 160)


def test_a_laxer_limit_lets_the_delay_run_on():
    limit = LimitAlarm(threshold("high", 5.0, on_delay_seconds=60))
    feed(limit, 5.1, 0)
    limit.adopt(threshold("high", 4.0, on_delay_seconds=60))
    assert feed(limit, 5.1, 60)


def test_a_wider_deadband_begins_the_off_delay_anew():
    limit = LimitAlarm(threshold("low", 1.5, deadband=0.1, off_delay_seconds=60))
    feed(limit, 1.4, 0)
    feed(limit, 1.7, 10)
    limit.adopt(threshold("low", 1.5, deadband=0.5, off_delay_seconds=60))
    assert feed(limit, 2.1, 100)
    assert not feed(limit, 2.1, 160)


def test_a_shorter_delay_counts_what_has_passed():
    limit = LimitAlarm(threshold("low", 1.5, on_delay_seconds=60))
    limit.update(1.4, 0)
    limit.adopt(threshold("low", 1.5, on_delay_seconds=10))
    assert limit.due(20)


def test_at_rest_nothing_within_the_quiet_range_changes_it():
    limit = LimitAlarm(threshold("low", 1.5))
    low, high = limit.quiet_range()
    assert low == 1.5
    assert not limit.update(low, 0)
    assert not limit.update(1e9, 0)
    assert high == float("inf")


@pytest.mark.parametrize(("name", "beyond", "back"), [("low", 1.0, 1.7), ("high", 2.0, 1.3)])
def test_while_it_stands_only_what_comes_back_across_the_deadband_changes_it(name, beyond, back):
    limit = LimitAlarm(threshold(name, 1.5, deadband=0.2))
    assert limit.update(beyond, 0)
    assert limit.quiet_range() == (math.inf, -math.inf)  # on its way
    assert limit.due(0)
    low, high = limit.quiet_range()
    assert low <= beyond <= high
    beside = math.nextafter(back, back + (back - beyond))
    assert low <= back <= high
    assert not low <= beside <= high
    assert not limit.update(back, 1)
    assert limit.update(beside, 2)


class LimitMachine(RuleBasedStateMachine):
    """Against the definition, over the whole history: values hold until the next one, limits change now and then."""

    name = "low"

    @initialize(
        limit=st.integers(-2, 2), deadband=st.integers(0, 2), on=st.sampled_from([0, 3, 7]),
        off=st.sampled_from([0, 4]),
    )  # fmt: skip
    def begin(self, limit, deadband, on, off):
        self.spec = threshold(
            self.name, float(limit), deadband=float(deadband), on_delay_seconds=on, off_delay_seconds=off
        )
        self.alarm = LimitAlarm(self.spec)
        self.now = 0
        self.value: float | None = None
        self.history: list[tuple[int, float, float]] = []  # (from, value since then, limit in force)

    @property
    def sign(self) -> float:
        return 1.0 if self.name.startswith("high") else -1.0

    @rule(value=st.integers(-4, 4))
    def read(self, value):
        self.value = float(value)
        self.history.append((self.now, self.value, self.spec.limit))
        was = self.alarm.active
        if self.alarm.update(self.value, self.now) and self.alarm.due(self.now):
            self._turned(was)

    @rule(seconds=st.integers(1, 5))
    def time_passes(self, seconds):
        for _ in range(seconds):
            self.now += 1
            was = self.alarm.active
            if self.alarm.pending and self.alarm.due(self.now):
                self._turned(was)

    @rule(limit=st.integers(-2, 2), on=st.sampled_from([0, 3, 7]))
    def tune(self, limit, on):
        self.spec = threshold(
            self.name, float(limit), deadband=self.spec.deadband, on_delay_seconds=on,
            off_delay_seconds=self.spec.off_delay_seconds,
        )  # fmt: skip
        self.alarm.adopt(self.spec)
        if self.value is not None:
            self.read(int(self.value))

    def _turned(self, was):
        """A change of state needs the value beyond (or back) during the whole delay, by today's limit."""
        begun = self.now - (self.spec.off_delay_seconds if was else self.spec.on_delay_seconds)
        assert self.history[0][0] <= begun
        ends = [since for since, _, _ in self.history[1:]] + [self.now + 1]
        for (_, value, _), end in zip(self.history, ends, strict=True):
            if end > begun:
                distance = self.sign * (value - self.spec.limit)
                assert distance < -self.spec.deadband if was else distance > 0

    @invariant()
    def it_is_not_overdue(self):
        """What is beyond for longer than the delay, by the limit in force all the while, is active."""
        if self.value is None or self.alarm.active:
            return
        since = None
        for at, value, limit in reversed(self.history):
            if limit != self.spec.limit or self.sign * (value - limit) <= 0:
                break
            since = at
        assert since is None or self.now - since < self.spec.on_delay_seconds


class HighLimitMachine(LimitMachine):
    name = "high"


TestLowLimit = LimitMachine.TestCase
TestLowLimit.settings = settings(max_examples=50, stateful_step_count=30)
TestHighLimit = HighLimitMachine.TestCase
TestHighLimit.settings = settings(max_examples=50, stateful_step_count=30)


@pytest.mark.parametrize("name", ["low", "high"])
@pytest.mark.parametrize(("further", "runs_on"), [(0.0, True), (0.1, True), (-0.1, False)])
def test_a_running_delay_runs_on_where_a_change_lets_cross_all_that_crossed_before(name, further, runs_on):
    """Also where the limit stays as it was, and only its priority is another; a narrower one begins anew."""
    beyond, wider = (0.4, further) if name == "low" else (9.6, -further)
    limit = LimitAlarm(threshold(name, 5.0, on_delay_seconds=10))
    limit.update(beyond, 0)
    limit.adopt(threshold(name, 5.0 + wider, on_delay_seconds=10, priority="critical"))
    limit.update(beyond, 5)
    limit.due(10)
    assert limit.active is runs_on


@pytest.mark.parametrize(("further", "runs_on"), [(0.0, True), (0.1, True), (-0.1, False)])
def test_so_does_a_delay_of_clearing(further, runs_on):
    limit = LimitAlarm(threshold("high", 5.0, off_delay_seconds=10))
    assert feed(limit, 5.5, 0)
    limit.update(1.0, 1)
    limit.adopt(threshold("high", 5.0 + further, off_delay_seconds=10))
    limit.update(1.0, 5)
    limit.due(11)
    assert limit.active is not runs_on
