"""Plans by civil time: within the window and never by a clock that may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.plants import START, later
from support.stageworks import PUMP1, Tank, stages, timetable

from edge_agent.model.time import MICROSECONDS, instant


def day(*plans, start="2026-11-22T00:00", sure=True):
    """A tank whose level is told each half hour, from a time on."""
    tank = Tank(*plans)
    at = instant(datetime.fromisoformat(start).replace(tzinfo=UTC))
    tank.restart(now=START._replace(at=at, sure=sure))
    return tank


def told(tank, hours, step=1800.0):
    """Commands by the hour and minute at which they were given, for so many hours."""
    found = []
    for _ in range(round(hours * 3600 / step)):
        for words in (tank.passes(step, step),):
            moment = datetime.fromtimestamp(tank.now.at / MICROSECONDS, UTC)
            found += [f"{moment:%d %H:%M} {word}" for word in words if "once more" not in word]
    return found


def switches(tank, hours, step=1800.0):
    """What of it begins or ends something."""
    seen, found = None, []
    for one in told(tank, hours, step):
        if one.partition(PUMP1)[2] != seen:
            seen = one.partition(PUMP1)[2]
            found.append(one)
    return found


def test_it_starts_and_ends_with_the_window():
    tank = day(timetable("01:00-15:00"))
    assert switches(tank, 48) == [
        f"22 01:00 {PUMP1} start", f"22 15:00 {PUMP1} stop", f"23 01:00 {PUMP1} start", f"23 15:00 {PUMP1} stop",
    ]  # fmt: skip
    assert tank.commands[0].reason == "it is time: 01:00-15:00 UTC"
    assert next(c.reason for c in tank.commands if c.action == "stop") == "the time of 01:00-15:00 is over"


def test_over_midnight_it_belongs_to_the_day_on_which_it_begins():
    tank = day(timetable("22:00-06:00", days=("sun",)))  # 2026-11-22 is a Sunday
    assert switches(tank, 72) == [f"22 22:00 {PUMP1} start", f"23 06:00 {PUMP1} stop"]


@pytest.mark.parametrize(("start", "hours"), [("2026-03-28T12:00", 24), ("2026-10-24T12:00", 24)])
def test_both_changes_of_the_clocks_have_the_window_once(start, hours):
    tank = day(timetable("02:15-02:45", timezone="Europe/Berlin"), start=start)
    assert [one.partition(" station")[2] for one in switches(tank, hours, 900.0)] == ["/pump1 start", "/pump1 stop"]


def test_summer_time_moves_the_window():
    tank = day(timetable("06:00-07:00", timezone="Europe/Berlin"), start="2026-03-28T00:00")
    assert [one[:8] for one in switches(tank, 48) if "start" in one] == ["28 05:00", "29 04:00"]


def test_while_the_clock_is_not_sure_nothing_is_started_and_what_runs_ends():
    tank = day(timetable("01:00-15:00"), start="2026-11-22T02:00", sure=False)
    assert told(tank, 6) == []
    tank.now = tank.now._replace(sure=True)
    assert f"{PUMP1} start" in tank.passes(60)
    tank.now = tank.now._replace(sure=False)
    assert f"{PUMP1} stop" in tank.passes(120)
    assert tank.commands[-1].reason.endswith("nobody knows whether the clock is right")


@pytest.mark.parametrize(("unsure", "found"), [("stop", "stop"), ("start", "start")])
def test_the_plan_may_say_what_is_asked_for_meanwhile(unsure, found):
    tank = day(timetable("01:00-15:00", unsure=unsure), start="2026-11-22T20:00", sure=False)
    assert tank.passes(60)[0] == f"{PUMP1} {found}"


def test_a_clock_that_is_set_counts_at_once():
    tank = day(timetable("01:00-15:00"), start="2026-11-22T02:00")
    assert f"{PUMP1} start" in tank.passes(60)
    tank.now = tank.now._replace(at=tank.now.at + 14 * 3600 * MICROSECONDS)
    assert f"{PUMP1} stop" in tank.passes(30)


def test_after_a_restart_it_goes_by_the_time_of_then():
    tank = day(timetable("01:00-15:00"), start="2026-11-22T02:00")
    tank.passes(60)
    tank.restart(now=later(14 * 3600, tank.now)._replace(seconds=9e5))
    assert f"{PUMP1} stop" in tank.passes(60)
    tank = day(timetable("01:00-15:00"), start="2026-11-22T02:00")
    tank.passes(60)
    tank.restart(now=later(3600, tank.now)._replace(seconds=9e5))
    assert f"{PUMP1} stop" not in tank.passes(3600)


def test_at_the_end_of_the_window_another_plan_may_go_on():
    tank = day(timetable("01:00-02:00"), stages((4.0, 6.0, PUMP1), identity="level", priority=10))
    for _ in range(40):
        tank.shows(3.0, 200.0)
    assert tank.runs == {PUMP1}
    assert {command.plan for command in tank.commands} == {"level", "lake"}
    assert all(command.action == "start" for command in tank.commands)
