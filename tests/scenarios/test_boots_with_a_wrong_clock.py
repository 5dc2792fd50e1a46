"""The machine loses power in the middle of everything and boots with a wrong clock; a time server comes late or never.

The station either keeps the true time or knows none. A protection lasts as long as it is configured, counted from the
boot at the latest; nothing is forgotten, nothing done twice.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from support.plants import later, plan, reading
from support.waterworks import FILL, HOUR, STOP, limits, protected, readme
from support.wrongclock import Yard

from edge_agent.model.time import MICROSECONDS, Moment

DAY = 86_400
OFFSETS = {"1 h behind": -HOUR, "1 day behind": -DAY, "55 years behind": -55 * 365 * DAY, "1 year ahead": 365 * DAY}
SOON = 30  # an evidence, a delay and a beat of the sensor
IN_STEP = 30  # stamps are believed that have gone in step with the monotonic clock for two intervals of the sensor

offsets = pytest.mark.parametrize("ahead", OFFSETS.values(), ids=OFFSETS)
servers = pytest.mark.parametrize("right_after", [3, 600, None], ids=["NTP after 3 s", "after 10 min", "never"])
clocks = pytest.mark.parametrize("clockless", [True, False], ids=["no ts", "right ts"])


def matrix(test):
    return offsets(servers(clocks(test)))


def beginning(right_after, clockless):
    """How long after the boot the agent may begin something: the time server, or stamps that go in step."""
    return 0 if clockless else min(IN_STEP, right_after or IN_STEP)


def sound(yard):
    """Nothing was carried out twice, or after its time, and no two commands are called the same."""
    ids = [command.id for _, command in yard.station.done]
    assert len(set(ids)) == len(ids)
    given = [command.id for _, command in yard.given]
    assert len(set(given)) == len(given)


def running(clockless, **more):
    """A station whose pump has just been started by a low level."""
    yard = Yard(readme(actuators=[protected(**more)]), 1.0, clockless=clockless)
    yard.run(60, until=lambda: yard.runs)
    assert yard.runs
    return yard


@matrix
def test_a_pump_stops_within_its_least_time(ahead, right_after, clockless):
    yard = running(clockless)
    started = yard.at
    yard.level = 5.5
    yard.run(100)
    assert yard.runs
    yard.boot(ahead=ahead, right_after=right_after)
    yard.run(HOUR, until=lambda: not yard.runs)
    assert started + 300 <= yard.at <= yard.booted_at + 300 + 2
    assert yard.station.fallen == []
    sound(yard)


@matrix
def test_a_pump_that_rests_starts_when_it_may(ahead, right_after, clockless):
    yard = running(clockless, min_off_seconds=120)
    yard.run(300)
    yard.level = 5.5
    yard.run(60, until=lambda: not yard.runs)
    stopped = yard.at
    yard.level = 1.0
    yard.run(40)
    yard.boot(ahead=ahead, right_after=right_after)
    yard.run(2 * HOUR, until=lambda: yard.runs)
    began = beginning(right_after, clockless)
    assert yard.runs
    assert stopped + 120 <= yard.at <= yard.booted_at + max(120, began) + SOON
    sound(yard)


@matrix
def test_starts_per_hour_are_counted(ahead, right_after, clockless):
    yard = running(clockless, max_starts_per_hour=2, min_on_seconds=0.0)
    first = yard.at
    for level, runs in ((5.5, False), (1.0, True), (5.5, False)):
        yard.level = level
        yard.run(120, until=lambda runs=runs: yard.runs is runs)
    yard.level = 1.0
    yard.run(60)
    assert not yard.runs
    yard.boot(ahead=ahead, right_after=right_after)
    yard.run(2 * HOUR, until=lambda: yard.runs)
    assert yard.runs
    assert first + HOUR <= yard.at <= yard.booted_at + HOUR + SOON
    sound(yard)


@matrix
def test_a_plan_fires_when_its_cooldown_is_over_at_the_latest(ahead, right_after, clockless):
    fill = plan("fill_tank1", "tank1/level:low", ("station/pump1", "start"), cooldown_seconds=3600)
    yard = Yard(readme([fill, STOP]), 1.0, clockless=clockless)
    yard.run(60, until=lambda: yard.runs)
    fired = yard.at
    yard.run(300)
    yard.level = 5.5
    yard.run(60, until=lambda: not yard.runs)
    yard.level = 1.0
    yard.run(60)
    assert not yard.runs
    yard.boot(ahead=ahead, right_after=right_after)
    yard.run(2 * HOUR, until=lambda: yard.runs)
    began = beginning(right_after, clockless)
    assert yard.runs
    assert yard.at <= max(fired + HOUR, yard.booted_at + began) + SOON
    sound(yard)


@matrix
def test_a_start_that_was_on_its_way_is_carried_out_once(ahead, right_after, clockless):
    yard = Yard(clockless=clockless)
    yard.station.way = "deaf"
    yard.level = 1.0
    yard.run(60, until=lambda: bool(yard.given))
    [(_, lost)] = yard.given
    yard.boot(ahead=ahead, right_after=right_after)
    yard.station.way = "obeys"
    yard.run(HOUR, until=lambda: yard.runs)
    began = beginning(right_after, clockless)
    assert yard.runs
    assert yard.at <= yard.booted_at + began + 35 + SOON
    assert yard.first("start") == yard.at
    assert lost.id not in [command.id for _, command in yard.station.done]
    sound(yard)


@matrix
def test_a_stop_that_was_on_its_way_is_with_the_node_at_once(ahead, right_after, clockless):
    yard = running(clockless, min_on_seconds=0.0)
    yard.station.way = "deaf"
    yard.level = 5.5
    yard.run(60, until=lambda: yard.given[-1][1].action == "stop")
    yard.boot(ahead=ahead, right_after=right_after)
    yard.station.way = "obeys"
    yard.run(HOUR, until=lambda: not yard.runs)
    assert yard.at <= yard.booted_at + 10
    sound(yard)


@matrix
def test_a_lease_is_renewed_without_a_gap(ahead, right_after, clockless):
    yard = running(clockless)
    yard.level = 3.0
    yard.run(400)
    yard.boot(ahead=ahead, right_after=right_after)
    yard.run(2 * HOUR)
    assert yard.runs
    assert yard.station.fallen == []
    assert [action for _, (action, _) in _actions(yard)] == ["start"] * len(_actions(yard))
    assert all(after - before <= 460 for before, after in pairwise(at for at, _ in _actions(yard)))
    sound(yard)


def _actions(yard):
    return [(at, (command.action, command.reason)) for at, command in yard.station.done]


@matrix
def test_alarms_stand_and_delays_end(ahead, right_after, clockless):
    slow = [replace(each, off_delay_seconds=60.0) for each in limits()]
    yard = Yard(readme(thresholds=slow), 1.0, clockless=clockless)
    yard.run(60, until=lambda: "tank1/level:low" in yard.alarms)
    yard.level = 3.0
    yard.run(40)
    yard.boot(ahead=ahead, right_after=right_after)
    assert "tank1/level:low" in yard.alarms
    yard.run(700, until=lambda: "tank1/level:low" not in yard.alarms)
    began = beginning(right_after, clockless)
    assert yard.booted_at + began < yard.at <= yard.booted_at + began + 60 + SOON


@matrix
def test_a_delay_that_ran_ends_after_its_length_at_the_latest(ahead, right_after, clockless):
    slow = [replace(each, on_delay_seconds=60.0) for each in limits()]
    yard = Yard(readme(thresholds=slow), 1.0, clockless=clockless)
    yard.run(50)
    yard.boot(ahead=ahead, right_after=right_after)
    assert yard.alarms == set()
    yard.run(700, until=lambda: "tank1/level:low" in yard.alarms)
    began = beginning(right_after, clockless)
    assert yard.booted_at + began < yard.at <= yard.booted_at + began + 60 + SOON


@matrix
@pytest.mark.parametrize("held", ["trip", "lock-out", "hand"])
def test_what_only_a_person_ends_is_ended_by_no_clock(ahead, right_after, clockless, held):
    trip = replace(STOP, trip=True, latch=True)
    yard = Yard(
        readme([FILL, trip if held == "trip" else STOP], [protected(lock_out_after=1)]), 1.0, clockless=clockless
    )
    if held == "lock-out":
        yard.station.way = "fails"
    yard.run(60, until=lambda: bool(yard.given))
    if held == "hand":
        yard.run(20)
        yard.by_hand(on=False)
    if held == "trip":
        yard.level = 5.5
        yard.run(60)
        yard.level = 1.0
    yard.run(20)
    [before] = yard.alarms & {"station/pump1:tripped", "station/pump1:locked_out", "station/pump1:not_in_auto"}
    assert not yard.runs
    yard.station.way = "obeys"
    yard.boot(ahead=ahead, right_after=right_after)
    yard.run(HOUR)
    assert not yard.runs
    assert before in yard.alarms
    assert yard.first("start") is None


@offsets
@pytest.mark.parametrize("sure", [True, False], ids=["then right", "then unsure"])
def test_what_a_wrong_clock_has_dated_is_no_older_after_the_next_boot(ahead, sure):
    """No clock tells how long the pump has run: the boots are two, and the first one's clock was wrong."""
    yard = Yard(readme(actuators=[protected(max_starts_per_hour=2)]), clockless=True)
    yard.boot(ahead=ahead)
    yard.level = 1.0
    yard.run(60, until=lambda: yard.runs)
    started = yard.at
    yard.level = 5.5
    yard.run(100)
    yard.boot(ahead=0 if sure else ahead, sure=sure)
    yard.run(HOUR, until=lambda: not yard.runs)
    assert started + 300 <= yard.at <= yard.booted_at + 300 + 2


@offsets
def test_what_a_wrong_clock_has_dated_is_dated_anew_when_it_is_set_right(ahead):
    yard = Yard(readme(), clockless=True)
    yard.boot(ahead=ahead, right_after=100)
    yard.level = 1.0
    yard.run(60, until=lambda: yard.runs)
    started = yard.at
    yard.level = 5.5
    yard.run(100)
    yard.boot(ahead=0, sure=True)
    yard.run(HOUR, until=lambda: not yard.runs)
    assert started + 300 <= yard.at <= started + 300 + 2


@offsets
def test_so_is_a_cooldown(ahead):
    fill = plan("fill_tank1", "tank1/level:low", ("station/pump1", "start"), cooldown_seconds=3600)
    yard = Yard(readme([fill, STOP]), clockless=True)
    yard.boot(ahead=ahead, right_after=600)
    yard.level = 1.0
    yard.run(60, until=lambda: yard.runs)
    fired = yard.at
    yard.level = 5.5
    yard.run(600, until=lambda: not yard.runs)
    yard.level = 1.0
    yard.run(600)
    yard.boot(ahead=0, sure=True)
    yard.run(2 * HOUR, until=lambda: yard.runs)
    assert fired + HOUR <= yard.at <= fired + HOUR + 2


@offsets
def test_a_start_that_is_carried_out_after_the_boot_is_not_repeated(ahead):
    """Its time is not over because a clock says so."""
    yard = Yard(clockless=True)
    yard.station.way = "deaf"
    yard.level = 1.0
    yard.run(60, until=lambda: bool(yard.given))
    [(_, start)] = yard.given
    yard.boot(ahead=ahead)
    yard.run(8)
    yard.station.way = "obeys"
    yard.station.take(start, yard.at)
    yard.run(300)
    assert [command.reason.partition(":")[0] for _, command in yard.given[1:]] == ["lease renewed"]
    assert [str(record.state) for record in yard.bench.memory.commands] == ["done", "done"]


@offsets
@pytest.mark.parametrize("stepped", [False, True], ids=["goes on", "is set meanwhile"])
def test_a_delay_goes_on_over_restarts_of_the_agent_while_nobody_sets_the_clock(ahead, stepped):
    """The clock need not be right for that: it is the same one, of the same boot."""
    slow = [replace(each, on_delay_seconds=25.0) for each in limits()]
    yard = Yard(readme(thresholds=slow), clockless=True)
    yard.boot(ahead=ahead)
    yard.level = 1.0
    for _ in range(8):
        yard.run(15)
        now = later(5, yard.bench.now)
        yard.rerun(now._replace(at=later(40, now).at) if stepped else now, down=5)
    if stepped:
        assert yard.alarms == set()
    else:
        assert "tank1/level:low" in yard.alarms


@offsets
def test_readings_of_an_outage_that_come_after_the_boot_start_nothing(ahead):
    """The tank was low for an hour and is full now; what its node kept comes faster than it was taken."""
    yard = Yard(readme(), 5.0, clockless=False)
    yard.boot(ahead=ahead)
    for past in range(HOUR, 0, -20):
        yard.tell(reading(1.0, Moment(yard.station.now - past * MICROSECONDS, 0.0)))
        yard.run(1)
    yard.run(60)
    assert yard.first("start") is None
    yard.level = 1.0
    yard.run(120, until=lambda: yard.runs)
    assert yard.runs


@offsets
@clocks
def test_a_day_without_a_time_server(ahead, clockless):
    """The level goes up and down all day; the pump follows it, within its protections."""
    yard = Yard(readme(actuators=[protected(min_off_seconds=120, max_starts_per_hour=6)]), clockless=clockless)
    yard.boot(ahead=ahead)
    yard.rise, yard.fall = 1 / 500, 1 / 800
    yard.run(DAY)
    assert 1.3 < yard.lowest < yard.highest < 5.4
    assert yard.station.fallen == []
    assert len(yard.starts()) > 15
    sound(yard)
