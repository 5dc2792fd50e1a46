"""Tariffs: one period at a time, by civil time over both changes of the clocks, and unknown by a doubtful clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frozen import freeze
from support.plants import START, facts, later, plan, plant, pump, sensor
from support.stageworks import LEVEL, PUMP1, Tank

from edge_agent.model.inbox import Inbox, PolicyChange
from edge_agent.model.plant import Plan, Policy, Provision, Step
from edge_agent.model.revision import Revision
from edge_agent.model.time import MICROSECONDS, as_datetime, instant
from edge_agent.plan.conditions.circumstances import Circumstances
from edge_agent.plan.conditions.meaning import compiled
from edge_agent.plan.conditions.text import parse
from edge_agent.plan.fitness import misfits
from edge_agent.plan.kinds import registry as kinds
from edge_agent.plan.provisions.registry import canonical
from edge_agent.plan.provisions.tariffs import Period, Tariff
from edge_agent.plan.scene import Scene
from edge_agent.runtime.freezing import thaw
from edge_agent.turn import run_turn

NIGHT, DAY = Period("night", 0.11, "22:00-06:00"), Period("day", 0.24)
GRID = Tariff(periods=(NIGHT, DAY), timezone="Europe/Berlin")


def at(text, zone="Europe/Berlin"):
    return instant(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2026-11-22T21:59", "day"),
        ("2026-11-22T22:00", "night"),
        ("2026-11-23T05:59", "night"),
        ("2026-11-23T06:00", "day"),
        ("2026-03-29T01:59", "night"),  # the clocks are set forward at 02:00
        ("2026-03-29T05:59", "night"),
        ("2026-03-29T06:00", "day"),
        ("2026-10-25T05:59", "night"),  # and back at 03:00
        ("2026-10-25T06:00", "day"),
    ],
)
def test_one_period_applies_by_civil_time(text, name):
    assert GRID.at(at(text)).period.name == name


def test_a_night_of_the_change_of_the_clocks_is_as_long_as_it_is():
    for start, hours in (("2026-03-28T22:00", 7), ("2026-10-24T22:00", 9), ("2026-11-22T22:00", 8)):
        stretch = GRID.at(at(start))
        assert stretch.since == at(start)
        assert (stretch.until - at(start)) / 3600 / MICROSECONDS == hours


def test_a_weekend_has_a_price_of_its_own():
    free = Period("weekend", 0.05, "00:00-24:00", ("sat-sun",))
    week = Tariff(periods=(free, Period("night", 0.11, "00:00-06:00", ("mon-fri",)), DAY))
    told = {when: week.at(at(when, "UTC")).period.name for when in ("2026-11-21T03:00", "2026-11-22T23:59")}
    assert set(told.values()) == {"weekend"}
    assert week.at(at("2026-11-23T03:00", "UTC")).period.name == "night"
    assert week.at(at("2026-11-23T13:00", "UTC")).period.name == "day"


@settings(max_examples=200)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))  # noqa: DTZ001 - made aware below
def test_at_any_time_of_the_year_one_period_applies_and_stays_so_as_long_as_it_says(moment):
    here = instant(moment.replace(tzinfo=UTC))
    found = GRID.at(here)
    hour = as_datetime(here).astimezone(ZoneInfo("Europe/Berlin")).hour
    assert found.period.name == ("night" if hour >= 22 or hour < 6 else "day")
    assert found.since <= here < found.until
    for inside in (found.since, found.until - 1, (found.since + found.until) // 2):
        assert GRID.at(inside).period == found.period


def around(tariffs=(GRID,), when="2026-11-22T23:00", sure=True):
    now = START._replace(at=at(when), sure=sure)
    return Circumstances(Scene((), (), now, lambda _: None, tariffs=tariffs), "UTC", {})


def test_a_condition_asks_for_a_period():
    assert str(parse("tariff is day")) == "tariff is day"
    assert compiled("tariff is night")(around()) is True
    assert compiled("tariff is day")(around()) is False
    assert compiled("tariff is day or tariff is night")(around()) is True
    assert compiled("not tariff is day and time is 00:00-24:00")(around()) is True


def test_by_a_clock_that_may_be_wrong_and_of_no_tariff_nothing_is_known():
    assert compiled("tariff is night")(around(sure=False)) is None
    assert compiled("tariff is night")(around(())) is None


def provision(*periods, name="grid", timezone="UTC"):
    told = {"periods": [dict(zip(("name", "price", "between"), one, strict=False)) for one in periods]}
    return Provision("tariff", name, canonical("tariff", json.dumps(told | {"timezone": timezone})))


USUAL = provision(("night", 0.11, "22:00-06:00"), ("day", 0.24))


def wrong(*tariffs, plans=()):
    site = plant([sensor()], [pump()], (), plans)
    policy = Policy((), tuple(plans), tariffs)
    return {".".join(map(str, one.path)): one.wrong for one in misfits(site, policy)}


def timetable(**told):
    do = (Step(PUMP1, "start"),)
    return Plan("cheap", (), do, kind="timetable", parameters=kinds.canonical("timetable", json.dumps(told)))


@pytest.mark.parametrize(
    ("periods", "key", "said"),
    [
        ([("night", 0.1, "22:00-06:00"), ("peak", 0.3, "05:00-09:00"), ("day", 0.2)], "periods.1.between", "mon 05:00"),
        ([("night", 0.1, "22:00-06:00")], "periods", "no period applies at mon 06:00"),
        ([("night", 0.1), ("day", 0.2)], "periods.0.between", "is missing: only the last period is the rest"),
        ([("night", 0.1, "25:00-26:00"), ("day", 0.2)], "periods.0.between", '"25:00-26:00" is not allowed'),
        ([("Night", 0.1, "22:00-06:00"), ("day", 0.2)], "periods.0.name", '"Night" is not allowed'),
    ],
)  # fmt: skip
def test_overlaps_holes_and_other_mistakes_are_told(periods, key, said):
    assert said in wrong(provision(*periods))[f"tariffs.grid.{key}"]


def test_a_name_of_two_tariffs_is_told_and_one_that_comes_again_in_one_is_not():
    assert set(wrong(USUAL, provision(("day", 0.3), name="feed"))) == {
        "tariffs.grid.periods.1.name",
        "tariffs.feed.periods.0.name",
    }
    assert wrong(provision(("low", 0.1, "22:00-06:00"), ("low", 0.1, "12:00-14:00"), ("high", 0.3))) == {}


def test_a_period_that_there_is_not_is_guessed():
    fill = plan("fill", "tariff is nigth and tank1/level < 2", (PUMP1, "start"))
    assert wrong(USUAL, plans=[fill]) == {"plans.fill.when.0": '"nigth" is no period of a tariff'}
    assert wrong(USUAL, plans=[timetable(tariff="nigth")]) == {"plans.cheap.tariff": '"nigth" is no period of a tariff'}
    assert wrong(USUAL, plans=[timetable(tariff="night")]) == {}


def test_a_timetable_needs_hours_or_a_tariff():
    assert wrong(USUAL, plans=[timetable()])["plans.cheap.between"] == "is missing"
    assert wrong(USUAL, plans=[timetable(tariff="night", days=["mon-fri"])])["plans.cheap.days"]


def works(*plans, tariffs=(USUAL,), start="2026-11-22T12:00"):
    tank = Tank(*plans)
    site = tank.site
    tank.site = type(site)(site.site, site.nodes, Policy((), site.policy.plans, tariffs))
    tank.restart(now=START._replace(at=at(start, "UTC")))
    return tank


def hours(tank, passed):
    """When it starts and stops, in hours of the day, within so many hours."""
    found, seen = [], None
    for _ in range(passed * 2):
        for word in tank.passes(1800.0, 1800.0):
            if word != seen:
                seen = word
                found.append((as_datetime(tank.now.at).hour, word.rpartition(" ")[2]))
    return found


def test_a_timetable_goes_by_a_tariff():
    tank = works(timetable(tariff="night"))
    assert hours(tank, 24) == [(22, "start"), (6, "stop")]
    assert tank.commands[0].reason == "it is time: tariff night UTC"


def test_with_hours_of_its_own_both_must_apply():
    tank = works(timetable(tariff="night", between=["04:00-08:00"]))
    assert hours(tank, 24) == [(4, "start"), (6, "stop")]


def test_a_changed_tariff_is_in_force_at_once():
    tank = works(timetable(tariff="night"))
    assert hours(tank, 11) == [(22, "start")]
    change = Revision({}, None, provisions=(provision(("night", 0.1, "01:00-02:00"), ("day", 0.2)),))
    turn = run_turn(tank.knowledge, Inbox([], [PolicyChange(change)]), tank.now)
    assert [command.action for command in turn.commands] == ["stop"]


def test_a_recording_may_begin_in_the_middle_of_a_period():
    tank = works(timetable(tariff="night"))
    assert hours(tank, 11) == [(22, "start")]
    copy = thaw(freeze(tank.knowledge))
    copy.analyzer.reindex()
    later_on = later(8 * 3600.0, tank.now)
    turns = [run_turn(known, Inbox([], []), later_on) for known in (tank.knowledge, copy)]
    assert facts(turns[0]) == facts(turns[1])
    assert [command.action for command in turns[0].commands] == ["stop"]


def test_a_condition_goes_by_a_tariff_and_ends_with_it():
    fill = plan("fill", f"{LEVEL} < 3 and tariff is night", (PUMP1, "start"))
    tank = works(fill, start="2026-11-22T21:00")
    assert [word for _ in range(5) for word in tank.shows(2.0, 600.0)] == []
    assert f"{PUMP1} start" in [word for _ in range(3) for word in tank.shows(2.0, 600.0)]
