"""Derived sensors: computed when a part changes, as good as the worst of them, and of nothing that is missing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.frozen import freeze
from support.plants import START, Bench, facts, later, plan, plant, reading, sensor, status, threshold, told

from edge_agent.model.inbox import Inbox
from edge_agent.model.quality import Flag
from edge_agent.model.sources import Derivation
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.registry import LAYOUT
from edge_agent.monitor.tests.spike import Spike
from edge_agent.runtime.freezing import thaw
from edge_agent.turn import run_turn

GROSS = GrossRange(fail=(-100.0, 100.0), suspect=(-50.0, 50.0))
FIT = "good", "not_evaluated", "suspect", "fail"


def flow(name, **more):
    return sensor(name, "flow", "m3/h", **more)


def derived(name, expression, quantity="flow", unit="m3/h", window=None, of=None, **more):
    return sensor(name, quantity, unit, derived=Derivation(expression, window, of), **more)


WELL1, WELL2 = flow("well1/flow", gross_range=GROSS), flow("well2/flow", gross_range=GROSS)
NET = derived("site/net", "well1/flow + well2/flow")


def bench(*sensors, **more):
    more.setdefault("thresholds", ())
    more.setdefault("plans", ())
    return Bench(plant(sensors or (WELL1, WELL2, NET), **more))


def said(turn, of="site/net"):
    return [(each.value, Flag(each.flag).name.lower()) for each in turn.readings if each.sensor.name == of]


def test_it_is_computed_when_one_of_its_parts_changes_and_only_then():
    desk = bench()
    assert said(desk.level(10.0, of="well1/flow")) == []  # of what is missing nothing is computed
    assert said(desk.level(20.0, after=1, of="well2/flow")) == [(30.0, "good")]
    assert said(desk.level(11.0, after=1, of="well1/flow")) == [(31.0, "good")]
    assert said(desk.turn(after=1)) == []


def test_it_bears_the_newest_instant_of_its_parts():
    desk = bench()
    desk.turn(reading(10.0, 0.0, of="well1/flow"))
    turn = desk.turn(reading(20.0, -3.0, of="well2/flow"))
    assert [each.observed_at for each in turn.readings if each.sensor is NET] == [START.at]
    turn = desk.turn(reading(21.0, -2.0, of="well2/flow"))
    assert [each.observed_at for each in turn.readings if each.sensor is NET] == [START.at + 1]  # no two at one instant
    turn = desk.turn(reading(10.0, 4.0, of="well1/flow"), after=5)
    assert [each.observed_at for each in turn.readings if each.sensor is NET] == [later(4).at]


def test_it_is_never_newer_than_its_receipt_though_the_clock_of_a_node_is_ahead():
    desk = bench()
    turn = desk.turn(reading(10.0, 20.0, of="well1/flow"), reading(20.0, 0.0, of="well2/flow"))
    assert [each.observed_at for each in turn.readings if each.sensor is NET] == [START.at]


@pytest.mark.parametrize(("value", "flag"), [(60.0, "suspect"), (200.0, "fail"), (30.0, "good")])
def test_it_is_as_good_as_the_worst_of_its_parts(value, flag):
    desk = bench()
    desk.level(1.0, of="well1/flow")
    turn = desk.level(value, of="well2/flow")
    assert said(turn) == [(1.0 + value, flag)]
    (net,) = (each for each in turn.readings if each.sensor is NET)
    assert LAYOUT.unpack(net.tests)["inputs"] == flag
    assert said(desk.level(2.0, after=1, of="well1/flow")) == [(2.0 + value, flag)]  # the other is no better yet
    assert said(desk.level(2.0, after=1, of="well2/flow")) == [(4.0, "good")]


def test_what_came_late_again_or_out_of_order_does_not_move_it():
    desk = bench()
    desk.level(1.0, of="well2/flow")
    first = reading(10.0, 10.0, 7, of="well1/flow")
    assert said(desk.turn(first, after=10)) == [(11.0, "good")]
    for again in (first, reading(99.0, 5.0, 6, of="well1/flow"), reading(99.0, -60.0, of="well1/flow")):
        assert said(desk.turn(again, after=1)) == []
    assert said(desk.turn(reading(2.0, 19.0, of="well2/flow"), after=7)) == [(12.0, "good")]


def test_a_message_of_many_sensors_moves_it_once():
    desk = bench(flow("well/a"), flow("well/b"), derived("site/net", "well/a - well/b"))
    frames = [{"ts": START.at / 1e6 + at, "readings": {"a": 10.0 + at, "b": 1.0}} for at in range(3)]
    desk.now = later(3)
    assert said(desk.turn(told(frames, "well"))) == [(9.0, "good"), (10.0, "good"), (11.0, "good")]


def test_parts_with_a_spike_test_are_awaited_and_taken_with_their_instant():
    spiky = flow("well/a", spike=Spike(suspect=5.0, fail=20.0))
    desk = bench(spiky, flow("well/b"), derived("site/net", "well/a - well/b"))
    frames = [told({"ts": later(at).at / 1e6, "readings": {"a": 10.0 + at, "b": 1.0 + at}}, "well") for at in range(2)]
    assert said(desk.turn(frames[0])) == []
    assert said(desk.turn(frames[1], after=1)) == [(9.0, "good"), (8.0, "good")]  # the second of a at 10 and b at 2


def test_one_may_be_made_of_another_and_each_is_computed_once():
    twice = derived("a/twice", "site/net * 2 - well1/flow")
    desk = bench(twice, WELL1, WELL2, NET)
    desk.level(1.0, of="well1/flow")
    turn = desk.level(2.0, of="well2/flow")
    assert said(turn) == [(3.0, "good")]
    assert said(turn, "a/twice") == [(5.0, "good")]
    assert said(desk.level(4.0, after=1, of="well1/flow"), "a/twice") == [(8.0, "good")]


def test_what_goes_round_in_a_circle_or_makes_no_sense_is_never_computed():
    desk = bench(WELL1, derived("a/x", "b/x + well1/flow"), derived("b/x", "a/x + well1/flow"), derived("c/x", "<"))
    assert said(desk.level(1.0, of="well1/flow"), "a/x") == []


def test_a_part_that_falls_silent_makes_it_stale_at_once_and_it_comes_back_with_it():
    desk = bench(WELL1, flow("well2/flow", interval_seconds=20.0), NET, derived("site/twice", "site/net * 2"))
    desk.level(1.0, of="well1/flow")
    desk.level(2.0, of="well2/flow")
    for _ in range(6):
        assert said(desk.level(1.0, after=10, of="well1/flow")) != []
    turn = desk.level(1.0, after=1, of="well1/flow")  # 61 s: the other should have come three times
    assert said(turn) == []
    assert {str(event.key) for event in turn.alarm_events} == {"well2/flow:stale", "site/net:stale", "site/twice:stale"}
    assert [event.reason for event in turn.alarm_events if event.key.node == "site"] == [
        "site/net is not computed: something in well1/flow + well2/flow is missing",
        "site/twice is not computed: something in site/net * 2 is missing",
    ]
    for _ in range(3):  # what is missing stays so, whatever else comes
        assert said(desk.level(1.0, after=5, of="well1/flow")) == []
    turn = desk.level(2.0, after=1, of="well2/flow")
    assert said(turn) == [(3.0, "good")]
    assert {f"{event.key} {event.event}" for event in turn.alarm_events} == {
        "well2/flow:stale cleared",
        "site/net:stale cleared",
        "site/twice:stale cleared",
    }


def test_after_a_restart_nothing_remembered_goes_into_it():
    desk = bench()
    desk.level(1.0, of="well1/flow")
    assert said(desk.level(2.0, of="well2/flow")) == [(3.0, "good")]
    desk.restart(5)
    assert said(desk.level(1.5, after=1, of="well1/flow")) == []
    assert said(desk.level(2.0, after=1, of="well2/flow")) == [(3.5, "good")]


def test_nobody_can_say_its_value_but_the_agent():
    desk = bench()
    letters = desk.turn(reading(9.0, 0.0, of="site/net"), told({"readings": {"net": 9.0}}, "site")).dead_letters
    assert [letter.reason for letter in letters] == ["unknown_sensor", "unknown_sensor"]
    assert not desk.turns[-1].readings


def test_it_does_not_make_an_offline_node_one_that_lives():
    net = derived("well2/net", "well1/flow + well2/flow")
    desk = bench(WELL1, WELL2, net)
    desk.turn(status(False, "well2"))
    desk.turn(reading(1.0, 0.0, of="well1/flow"), reading(2.0, -2.0, of="well2/flow"))
    assert desk.knowledge.online("well2") is True  # its own reading is a sign of life
    desk.turn(status(False, "well2"))
    old = reading(2.0, -3600.0, of="well2/flow")
    desk.turn(old, reading(1.0, 1.0, of="well1/flow"), after=1)
    assert desk.knowledge.online("well2") is False


def test_its_limits_raise_alarms_that_name_the_expression():
    limit = threshold("high", 25.0, of="site/net")
    desk = bench(thresholds=(limit,))
    desk.level(10.0, of="well1/flow")
    turn = desk.level(20.0, of="well2/flow")
    (alarm,) = turn.alarms
    assert str(alarm.key) == "site/net:high"
    assert alarm.evidence.topic == "= well1/flow + well2/flow"
    turn = desk.level(60.0, after=1, of="well2/flow")  # suspect: nothing moves
    assert not turn.alarm_events


def test_alarms_call_a_sensor_by_its_name_for_people_too():
    named = flow("well1/flow", label="Well in the forest")
    desk = bench(named, thresholds=(threshold("high", 25.0, of="well1/flow"),))
    turn = desk.level(30.0, of="well1/flow")
    assert turn.alarms[0].reason == 'well1/flow "Well in the forest" (30.00 m3/h) is above high (25.00 m3/h)'
    (view,) = desk.knowledge.snapshot(desk.now).sensors
    assert view.name == "Well in the forest"


def test_a_plan_that_looks_at_it_needs_evidence_of_all_its_parts():
    """One part is heard and the other is not: what is computed is no older evidence made new."""
    limit = threshold("high", 25.0, of="site/net")
    start = plan("drain", "site/net:high", ("station/pump1", "start"), evidence_seconds=30.0)
    desk = bench(WELL1, flow("well2/flow", interval_seconds=30.0), NET, thresholds=(limit,), plans=(start,))
    desk.level(20.0, of="well2/flow")
    heard = desk.now.seconds
    assert [command.action for command in desk.level(10.0, of="well1/flow", after=10).commands] == ["start"]
    for _ in range(8):
        assert said(desk.level(10.0, after=10, of="well1/flow")) == [(30.0, "good")]
    assert desk.knowledge.sight("site/net") == heard


def test_values_that_come_one_after_the_other_tell_no_rate():
    net = derived("site/net", "well1/flow + well2/flow", rate_of_change=RateOfChange(fail=1.0))
    desk = bench(WELL1, WELL2, net)
    desk.level(1.0, of="well1/flow")
    assert said(desk.level(2.0, of="well2/flow")) == [(3.0, "good")]
    desk.level(2.0, after=10, of="well1/flow")
    assert said(desk.level(4.0, after=0.01, of="well2/flow")) == [(6.0, "good")]  # not 200 m3/h a second
    assert said(desk.level(40.0, after=10, of="well1/flow")) == [(44.0, "fail")]


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
def test_by_a_clock_that_may_be_wrong_it_is_judged_by_that_of_its_parts(ahead):
    """The node keeps time and the agent does not: what is made of timely readings is timely."""
    desk = bench(flow("well/a"), flow("well/b"), derived("site/net", "well/a + well/b"))
    desk.now = desk.now._replace(sure=False)
    for _ in range(8):
        at = later(10 + ahead, desk.now)
        turn = desk.turn(told({"ts": at.at / 1e6, "readings": {"a": 1.0, "b": 2.0}}, "well"), after=10)
    own = [each for each in turn.readings if each.sensor.node == "well"]
    (net,) = (each for each in turn.readings if each.sensor.name == "site/net")
    assert not any(each.late for each in own)
    assert (net.late, net.flag, net.observed_at) == (False, Flag.GOOD, own[0].observed_at)
    assert (net.received_at, net.ahead) == (own[0].received_at, own[0].ahead)


def test_an_unlike_unit_is_converted():
    desk = bench(WELL1, WELL2, derived("site/net", "well1/flow + well2/flow", unit="L/s"))
    desk.level(18.0, of="well1/flow")
    assert said(desk.level(18.0, of="well2/flow")) == [(pytest.approx(10.0), "good")]


def test_a_window_is_not_evaluated_until_it_is_full_and_raises_no_alarm_meanwhile():
    hour = derived("site/hour", "well1/flow", window=120.0, of="mean")
    desk = bench(WELL1, hour)
    flags = [said(desk.level(6.0, after=10, of="well1/flow"), "site/hour")[0] for _ in range(14)]
    assert flags == [(pytest.approx(6.0), "not_evaluated")] * 11 + [(pytest.approx(6.0), "good")] * 3
    assert desk.raised() == []
    desk.restart(1)
    assert said(desk.level(6.0, after=10, of="well1/flow"), "site/hour") == [(6.0, "not_evaluated")]


def test_a_doubted_value_goes_into_no_window():
    hour = derived("site/hour", "well1/flow", window=120.0, of="max")
    desk = bench(WELL1, hour)
    for _ in range(13):
        desk.level(6.0, after=10, of="well1/flow")
    assert said(desk.level(60.0, after=10, of="well1/flow"), "site/hour") == [(6.0, "suspect")]
    assert said(desk.level(6.0, after=10, of="well1/flow"), "site/hour") == [(6.0, "good")]


def test_a_night_s_minimum_and_the_energy_of_a_cubic_metre():
    power = sensor("pump/power", "power", "kW")
    sensors = (
        WELL1,
        power,
        derived("day/water", "well1/flow", "volume", "m3", 600.0, "sum"),
        derived("day/energy", "pump/power", "energy", "kWh", 600.0, "sum"),
        derived("day/specific", "day/energy / day/water", "specific_energy", "kWh/m3"),
    )
    desk = bench(*sensors)
    for _ in range(61):
        desk.level(30.0, after=5, of="well1/flow")
        turn = desk.level(12.0, after=5, of="pump/power")
    assert said(turn, "day/energy") == [(pytest.approx(2.0), "good")]
    assert said(turn, "day/specific") == [(pytest.approx(0.4, rel=0.02), "good")]


def test_a_window_goes_on_over_an_edit_of_something_else_and_not_over_one_of_its_parts():
    hour = derived("site/hour", "well1/flow", window=120.0, of="mean")
    desk = bench(WELL1, WELL2, hour)
    for _ in range(14):
        desk.level(6.0, after=10, of="well1/flow")
    desk.turn(plant=plant((WELL1, flow("well2/flow", interval_seconds=5.0), hour), thresholds=(), plans=()))
    assert said(desk.level(6.0, after=10, of="well1/flow"), "site/hour") == [(pytest.approx(6.0), "good")]
    litres = sensor("well1/flow", "flow", "L/s")
    desk.turn(plant=plant((litres, WELL2, hour), thresholds=(), plans=()))
    assert said(desk.level(6.0, after=10, of="well1/flow"), "site/hour") == [(pytest.approx(21.6), "not_evaluated")]


def test_what_is_known_can_be_recorded_in_the_middle_and_goes_on_the_same():
    hour = derived("site/hour", "site/net", window=120.0, of="mean")
    desk = bench(WELL1, WELL2, NET, hour)
    for _ in range(5):
        desk.level(6.0, after=10, of="well1/flow")
        desk.level(7.0, after=1, of="well2/flow")
    copy = thaw(freeze(desk.knowledge))
    copy.analyzer.reindex()
    now = later(10, desk.now)
    inbox = [reading(8.0, now, of="well1/flow")]
    first = run_turn(desk.knowledge, Inbox(inbox, []), now)
    assert facts(run_turn(copy, Inbox(inbox, []), now)) == facts(first)
    assert said(first) == [(15.0, "good")]


_events = st.lists(
    st.tuples(
        st.sampled_from(["well1/flow", "well2/flow"]),
        st.sampled_from([1.0, 5.0, 60.0, 200.0]),
        st.floats(-100.0, 5.0),
        st.sampled_from([0.0, 0.5, 10.0, 40.0]),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(_events)
def test_whatever_comes_it_is_the_sum_of_the_newest_as_good_as_the_worst_and_as_new_as_the_newest(events):
    desk, newest = bench(), {}
    for name, value, offset, after in events:
        turn = desk.turn(reading(value, later(after + offset, desk.now), of=name), after=after)
        newest |= {each.sensor.name: each for each in turn.readings if not each.late and each.sensor is not NET}
        for each in turn.readings:
            if each.sensor is NET:
                assert each.value == sum(part.value for part in newest.values())
                assert each.flag == max(part.flag for part in newest.values())
                top = max(min(part.observed_at, part.received_at) for part in newest.values())
                assert top <= each.observed_at <= desk.now.at + 1000  # no two values of a sensor at one instant
    keys = [(each.sensor.name, each.observed_at) for turn in desk.turns for each in turn.readings if each.sensor is NET]
    assert len(keys) == len(set(keys))
