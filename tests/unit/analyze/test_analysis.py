"""From judged readings, silence, statuses and the passing of time to alarms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.plants import START, later, plant, sensor, threshold

from edge_agent.analyze.analysis import Analyzer
from edge_agent.analyze.heard import Heard
from edge_agent.analyze.register import AlarmRegister
from edge_agent.model.alarms import AGENT, Alarm, AlarmKey
from edge_agent.model.quality import Flag
from edge_agent.model.readings import Reading
from edge_agent.model.remembered import StoredReading
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.registry import LAYOUT

LEVEL = sensor(gross_range=GrossRange((0.0, 6.0)))
PRESSURE = sensor("tank1/pressure", "pressure", "bar")
ROOT = Path(__file__).parents[3]
TOPIC = "water/riverside/tank1/telemetry/level"


class Watch:
    """An analyzer under a clock in seconds after START."""

    def __init__(self, *thresholds, remembered=()):
        self.analyzer = Analyzer(plant([LEVEL, PRESSURE]), thresholds, remembered, START, layout=LAYOUT)

    def read(self, value, at=0.0, flag=Flag.GOOD, *, late=False, of=LEVEL, tests=0):
        now = later(at)
        taken = Reading(of, value, now.at, now.at, None, int(flag), tests, late)
        self.analyzer.read([(taken, TOPIC)], now)
        self.analyzer.tick(now)
        return self.changes()

    def tick(self, at):
        self.analyzer.tick(later(at))
        return self.changes()

    def adopt(self, *thresholds, at):
        self.analyzer.adopt(thresholds, later(at))
        return self.changes()

    def silent(self, at, of=LEVEL):
        self.analyzer.silent([of], later(at))
        return self.changes()

    def status(self, online, at, node="station"):
        self.events, self.alarms = self.analyzer.analyze(Heard(statuses=[(node, online)]), later(at))
        return [f"{event.key} {event.event}" for event in self.events]

    def changes(self):
        self.events, self.alarms = self.analyzer.register.take_changes()
        return [f"{event.key} {event.event}" for event in self.events]

    @property
    def active(self):
        return list(self.analyzer.register.active)


LOW = threshold("low", 1.5, deadband=0.2, priority="high")
SLOW = threshold("low", 1.5, deadband=0.2, on_delay_seconds=10, off_delay_seconds=20)


def test_a_limit_alarm_says_what_decided():
    watch = Watch(LOW)
    assert watch.read(1.42, 5) == ["tank1/level:low raised"]
    [event], [alarm] = watch.events, watch.alarms
    assert (event.at, event.value, event.by) == (later(5).at, 1.42, "agent")
    assert event.reason == "tank1/level (1.42 m) is below low (1.50 m)"
    assert (alarm.priority, alarm.active, alarm.acknowledged, alarm.since) == ("high", True, False, later(5).at)
    assert (alarm.value, alarm.limit, alarm.unit) == (1.42, 1.5, "m")
    assert (alarm.evidence.topic, alarm.evidence.value, alarm.evidence.flag) == (TOPIC, 1.42, "good")


def test_a_value_a_little_below_its_limit_does_not_read_as_if_it_were_at_it():
    watch = Watch(threshold("low", 950.41))
    watch.read(950.4063)
    (event,) = watch.events
    assert event.reason == "tank1/level (950.406 m) is below low (950.410 m)"


def test_it_is_raised_and_cleared_once():
    watch = Watch(LOW)
    found = [watch.read(value, 10 * place) for place, value in enumerate([1.4, 1.3, 1.6, 1.75, 1.8])]
    assert found == [["tank1/level:low raised"], [], [], ["tank1/level:low cleared"], []]
    assert watch.active == []


def test_a_cleared_alarm_comes_to_rest_for_nobody_can_acknowledge_it_yet():
    watch = Watch(LOW)
    watch.read(1.4, 0)
    assert len(watch.analyzer.register.alarms) == 1
    watch.read(2.0, 10)
    assert watch.analyzer.register.alarms == ()


def test_time_between_two_readings_completes_the_delays():
    watch = Watch(SLOW)
    assert watch.read(1.4, 0) == []
    assert watch.tick(9.9) == []
    assert watch.tick(10) == ["tank1/level:low raised"]
    assert watch.events[0].reason.endswith("for 10 s")
    assert watch.read(2.0, 30) == []
    assert watch.tick(50) == ["tank1/level:low cleared"]
    assert watch.tick(100) == []


def test_every_limit_of_a_sensor_has_its_own_alarm():
    watch = Watch(LOW, threshold("low_low", 0.8, priority="critical"), threshold("high", 5.0))
    assert watch.read(0.5) == ["tank1/level:low raised", "tank1/level:low_low raised"]
    assert watch.read(5.5, 1) == [
        "tank1/level:low cleared", "tank1/level:low_low cleared", "tank1/level:high raised"
    ]  # fmt: skip


def test_limits_of_other_sensors_are_not_touched():
    watch = Watch(LOW, threshold("low", 2.0, of="tank1/pressure"))
    assert watch.read(1.0, of=PRESSURE) == ["tank1/pressure:low raised"]


@pytest.mark.parametrize("flag", [Flag.NOT_EVALUATED, Flag.SUSPECT, Flag.FAIL, Flag.MISSING])
def test_only_good_readings_move_a_limit(flag):
    watch = Watch(LOW)
    watch.read(1.0, 0, flag)
    assert "tank1/level:low" not in watch.active
    watch.read(1.0, 1)
    watch.read(3.0, 2, flag)
    assert "tank1/level:low" in watch.active


def test_late_readings_move_nothing():
    watch = Watch(LOW)
    assert watch.read(1.0, 0, late=True) == []
    assert watch.read(9.0, 0, Flag.FAIL, late=True) == []
    watch.silent(40)
    assert watch.read(3.0, 50, late=True) == []
    assert watch.active == ["tank1/level:stale"]


def test_a_delay_is_not_completed_on_the_word_of_a_sensor_that_is_not_trusted_any_more():
    watch = Watch(SLOW)
    watch.read(1.4, 0)
    watch.read(1.4, 5, Flag.SUSPECT)
    assert watch.tick(30) == []
    assert watch.read(1.4, 31) == []
    assert watch.tick(40.9) == []
    assert watch.tick(41) == ["tank1/level:low raised"]


def test_nor_of_one_that_is_silent():
    watch = Watch(SLOW)
    watch.read(1.4, 0)
    watch.silent(5)
    assert watch.tick(30) == []


def test_three_suspect_readings_in_a_row_are_bad_quality_and_one_good_is_enough():
    watch = Watch()
    suspect = LAYOUT.pack({"rate_of_change": "suspect"})
    found = [watch.read(3.0, at, Flag.SUSPECT, tests=suspect) for at in range(3)]
    assert found == [[], [], ["tank1/level:bad_quality raised"]]
    assert watch.events[0].reason == "tank1/level (3.00 m) is suspect by the rate of change test"
    assert watch.read(3.0, 3) == ["tank1/level:bad_quality cleared"]
    assert watch.read(3.0, 4, Flag.SUSPECT) == []


def test_a_single_fail_is_bad_quality():
    watch = Watch()
    assert watch.read(9.0, 0, Flag.FAIL, tests=LAYOUT.pack({"gross_range": "fail"})) == [
        "tank1/level:bad_quality raised"
    ]
    assert watch.events[0].reason == "tank1/level (9.00 m) failed the gross range test"
    assert watch.read(9.0, 1, Flag.FAIL) == []


def test_a_silent_sensor_is_stale_until_it_is_heard():
    watch = Watch()
    assert watch.silent(31) == ["tank1/level:stale raised"]
    assert watch.events[0].reason == "tank1/level has not been heard for 30 s"
    assert watch.silent(62) == []
    assert watch.read(3.0, 70) == ["tank1/level:stale cleared"]


def test_a_node_is_offline_until_it_is_online():
    watch = Watch()
    assert watch.status(True, 0) == []
    assert watch.status(False, 1) == ["station:offline raised"]
    assert watch.status(False, 2) == []
    assert watch.active == ["station:offline"]
    assert watch.status(True, 3) == ["station:offline cleared"]


def test_a_changed_limit_is_looked_at_at_once():
    watch = Watch(LOW)
    watch.read(1.6)
    assert watch.adopt(threshold("low", 1.7), at=1) == ["tank1/level:low raised"]
    assert watch.events[0].reason == "tank1/level (1.60 m) is below low (1.70 m)"
    assert watch.adopt(threshold("low", 1.0), at=2) == ["tank1/level:low cleared"]


def test_a_changed_limit_waits_for_its_delay():
    watch = Watch(LOW)
    watch.read(1.6)
    assert watch.adopt(threshold("low", 1.7, on_delay_seconds=10), at=1) == []
    assert watch.tick(10.9) == []
    assert watch.tick(11) == ["tank1/level:low raised"]


def test_a_changed_delay_is_in_force_at_once():
    watch = Watch(SLOW)
    watch.read(1.4, 0)
    assert watch.adopt(LOW, at=5) == ["tank1/level:low raised"]


def test_a_new_limit_is_looked_at_at_once_and_one_that_is_gone_is_cleared():
    watch = Watch()
    watch.read(1.0)
    assert watch.adopt(LOW, at=1) == ["tank1/level:low raised"]
    assert watch.adopt(at=2) == ["tank1/level:low cleared"]
    assert watch.events[0].reason == "threshold low was removed"
    assert watch.tick(3) == []


def test_a_changed_limit_does_not_act_on_a_value_nobody_trusts_any_more():
    watch = Watch(LOW)
    watch.read(1.6, 0)
    watch.read(1.6, 1, Flag.FAIL)
    assert watch.adopt(threshold("low", 1.7), at=2) == []
    stale = Watch(LOW)
    stale.read(1.6, 0)
    stale.silent(31)
    assert stale.adopt(threshold("low", 1.7), at=32) == []


def test_a_limit_never_passed_is_not_active_whatever_was_pending_before():
    watch = Watch(threshold("low", 2.0, on_delay_seconds=60))
    watch.read(1.9, 0)
    watch.read(1.9, 1, Flag.FAIL)
    watch.adopt(threshold("low", 1.5, on_delay_seconds=60), at=2)
    assert "tank1/level:low raised" not in watch.read(1.4, 100)
    assert watch.read(1.4, 125) == watch.read(1.4, 150) == watch.tick(159) == []
    assert watch.tick(160) == ["tank1/level:low raised"]


def test_unchanged_thresholds_change_nothing():
    watch = Watch(SLOW)
    watch.read(1.4, 0)
    assert watch.adopt(SLOW, at=5) == []
    assert watch.tick(10) == ["tank1/level:low raised"]


def remembered(name, *, active=True, acknowledged=False):
    return Alarm(AlarmKey.parse(name), "high", active, acknowledged, START.at, "before")


def test_a_remembered_alarm_is_not_raised_again_and_clears_by_the_same_rules():
    watch = Watch(LOW, remembered=[remembered("tank1/level:low")])
    assert watch.read(1.4, 0) == []
    assert watch.read(1.6, 1) == []
    assert watch.read(1.8, 2) == ["tank1/level:low cleared"]


@pytest.mark.parametrize("name", ["tank1/level:bad_quality", "tank1/level:stale"])
def test_remembered_doubts_end_with_a_good_reading(name):
    watch = Watch(remembered=[remembered(name)])
    assert watch.read(3.0) == [f"{name} cleared"]


def test_a_remembered_offline_node_is_not_raised_again():
    watch = Watch(remembered=[remembered("station:offline")])
    assert watch.status(False, 0) == []
    assert watch.status(True, 1) == ["station:offline cleared"]


@pytest.mark.parametrize("name", ["tank9/level:low", "tank1/level:high", "tank9:offline", "tank1/depth:stale"])
def test_a_remembered_alarm_of_what_is_gone_is_cleared(name):
    watch = Watch(LOW, remembered=[remembered(name)])
    assert watch.tick(0) == [f"{name} cleared"]


def test_a_remembered_inactive_alarm_is_kept_as_it_is():
    watch = Watch(LOW, remembered=[remembered("tank1/level:low", active=False)])
    assert (watch.tick(0), watch.active) == ([], [])
    assert watch.read(1.4, 1) == ["tank1/level:low raised"]


def test_an_acknowledged_alarm_leaves_the_register_when_it_clears():
    watch = Watch(LOW, remembered=[remembered("tank1/level:low", acknowledged=True)])
    assert watch.read(3.0, 0) == ["tank1/level:low cleared"]
    assert watch.analyzer.register.alarms == ()
    assert [alarm.active for alarm in watch.alarms] == [False]


_REMOVAL = """
from support.plants import START, plant, threshold
from edge_agent.analyze.analysis import Analyzer
from edge_agent.model.alarms import AGENT, Alarm, AlarmKey
from edge_agent.monitor.tests.registry import LAYOUT
names = ["low", "low_low", "high", "high_high"]
limits = [threshold(name, 1.0) for name in names]
before = [Alarm(AlarmKey("tank1", "level", name), "high", True, False, START.at, "") for name in names]
analyzer = Analyzer(plant(thresholds=limits), limits, before, START, layout=LAYOUT)
analyzer.adopt([], START)
print([event.key.threshold for event in analyzer.register.take_changes()[0]])
"""


def test_the_order_of_events_does_not_hang_on_the_hashes_of_one_process():
    orders = {
        subprocess.run(
            [sys.executable, "-c", _REMOVAL],
            env=os.environ | {"PYTHONHASHSEED": str(seed), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(3)
    }
    assert len(orders) == 1


def test_a_delay_is_not_completed_across_a_silence():
    watch = Watch(SLOW)
    watch.read(1.4, 0)
    watch.silent(31)
    assert watch.read(1.4, 40) == ["tank1/level:stale cleared"]
    assert watch.tick(49.9) == []
    assert watch.tick(50) == ["tank1/level:low raised"]


@pytest.mark.parametrize("tick", [True, False])
def test_nor_across_a_gap_that_nobody_looked_at(tick):
    watch = Watch(SLOW)
    watch.read(1.4, 0)
    if tick:
        assert watch.tick(31) == []
    assert watch.read(1.4, 3600) == []
    assert watch.tick(3610) == ["tank1/level:low raised"]


def test_an_off_delay_begins_anew_as_well():
    watch = Watch(threshold("low", 1.5, off_delay_seconds=20))
    watch.read(1.4, 0)
    watch.read(2.0, 10)
    watch.read(2.0, 20, Flag.FAIL)
    assert watch.read(2.0, 31) == ["tank1/level:bad_quality cleared"]
    assert watch.tick(50.9) == []
    assert watch.tick(51) == ["tank1/level:low cleared"]


def test_good_readings_that_keep_coming_complete_a_delay_longer_than_the_silence_allowed():
    watch = Watch(threshold("low", 1.5, on_delay_seconds=90))
    assert [watch.read(1.4, 10 * place) for place in range(10)] == [[]] * 9 + [["tank1/level:low raised"]]


class Restarted(Watch):
    """A watch that begins anew at a time, with the last readings of the run before: (value, at, flag)."""

    def __init__(self, *thresholds, at, readings, remembered=()):
        now = later(at)._replace(seconds=at)
        self.analyzer = Analyzer(plant([LEVEL, PRESSURE]), thresholds, remembered, now, layout=LAYOUT)
        held = [
            StoredReading("tank1", "level", value, later(s).at, later(s).at, None, int(flag), 0)
            for value, s, flag in readings
        ]
        self.analyzer.recall(held, (), now)

    def read(self, value, at=0.0, flag=Flag.GOOD, **more):
        now = later(at)._replace(seconds=at)
        self.analyzer.read([(Reading(LEVEL, value, now.at, now.at, None, int(flag)), TOPIC)], now)
        self.analyzer.tick(now)
        return self.changes()

    def tick(self, at):
        self.analyzer.tick(later(at)._replace(seconds=at))
        return self.changes()


EIGHT = threshold("low", 1.5, on_delay_seconds=8)
BEYOND = [(1.4, second, Flag.GOOD) for second in (2.0, 3.0, 4.0)]


@pytest.mark.parametrize(("delay", "remembered", "at"), [(6, 3, 8.0), (8, 16, 9.0), (15, 16, 16.0)])
def test_a_running_delay_survives_restarts_more_frequent_than_it_is_long(delay, remembered, at):
    raised, readings = [], []
    for begin in range(0, 30, 5):
        slow = threshold("low", 1.5, on_delay_seconds=delay)
        watch = Restarted(slow, at=begin, readings=readings[-remembered:])
        for second in (1.0, 2.0, 3.0, 4.0):
            if watch.read(1.4, begin + second):
                raised.append(begin + second)
            readings.append((1.4, begin + second, Flag.GOOD))
    assert raised[0] == at


def test_what_is_remembered_completes_no_delay_without_a_fresh_good_reading():
    watch = Restarted(EIGHT, at=5, readings=BEYOND)
    assert watch.tick(20) == watch.read(1.4, 21, Flag.SUSPECT) == watch.tick(22) == []
    watch = Restarted(EIGHT, at=5, readings=BEYOND)
    assert watch.read(1.4, 12) == ["tank1/level:low raised"]


@pytest.mark.parametrize(
    ("at", "readings"),
    [
        (50, BEYOND),
        (5, [*BEYOND, (1.4, 4.5, Flag.SUSPECT)]),
        (5, [*BEYOND[:2], (2.0, 4.0, Flag.GOOD)]),
        (-10, BEYOND),
        (5, [(1.4, -60.0, Flag.GOOD), (1.4, -50.0, Flag.GOOD), (1.4, 4.0, Flag.GOOD)]),
    ],
    ids=["long ago", "doubted", "back within", "from ahead", "apart"],
)
def test_a_delay_is_taken_up_only_as_far_as_it_is_proved(at, readings):
    watch = Restarted(EIGHT, at=at, readings=readings)
    assert watch.read(1.4, at + 6) == []


def test_an_off_delay_survives_too():
    active = Alarm(AlarmKey("tank1", "level", "low"), "high", True, False, START.at, "")
    back = [(2.0, second, Flag.GOOD) for second in (2.0, 3.0, 4.0)]
    watch = Restarted(threshold("low", 1.5, off_delay_seconds=8), at=5, readings=back, remembered=[active])
    assert watch.read(2.0, 10) == ["tank1/level:low cleared"]


def late(behind, at, **more):
    return Reading(LEVEL, 3.0, later(at - behind).at, later(at).at, None, int(Flag.GOOD), late=True, **more)


AHEAD = LAYOUT.pack({"clock": "suspect"})


def leave(watch, behind, *times, tests=0):
    for at in times:
        watch.analyzer.read([(late(behind, at, tests=tests), TOPIC)], later(at))
    return watch.changes()


def test_a_sensor_whose_clock_is_ahead_is_heard_and_its_clock_is_named():
    watch = Watch(LOW)
    assert leave(watch, -3600, 10, 20, tests=AHEAD) == []
    assert leave(watch, -3600, 30, tests=AHEAD) == ["tank1/level:bad_quality raised"]
    assert watch.events[0].reason == "tank1/level is heard, but its clock is 3,600 s ahead"
    assert watch.silent(31) == ["tank1/level:stale raised"]
    assert watch.events[0].reason == "tank1/level is heard, but its clock is 3,600 s ahead"
    assert watch.read(3.0, 40) == ["tank1/level:stale cleared", "tank1/level:bad_quality cleared"]


def test_a_sensor_whose_clock_is_behind_is_heard_and_its_age_is_named():
    watch = Watch(LOW)
    assert leave(watch, 3600, 10, 20, 30) == []
    assert watch.silent(31) == ["tank1/level:stale raised"]
    assert watch.events[0].reason == "tank1/level is heard, but its readings are 3,600 s old on arrival"


def test_a_sensor_that_comes_back_with_a_wrong_clock_is_told_once():
    watch = Watch(LOW)
    watch.silent(31)
    assert watch.events[0].reason == "tank1/level has not been heard for 30 s"
    assert leave(watch, 3600, *range(100, 131, 10)) == []  # it may be what it had kept meanwhile
    assert leave(watch, 3600, 140, 150) == []
    [stale] = watch.analyzer.register.alarms
    assert stale.reason == "tank1/level is heard, but its readings are 3,600 s old on arrival"
    assert leave(watch, 3600, 160, 170, 180) == []


def test_late_readings_of_long_ago_or_that_were_overtaken_do_not_mean_that_it_is_heard():
    watch = Watch(LOW)
    leave(watch, 3600, 10)
    leave(watch, 5, 70)
    watch.silent(71)
    assert watch.events[0].reason == "tank1/level has not been heard for 30 s"


def test_single_readings_from_the_future_between_true_ones_are_no_bad_quality():
    watch = Watch(LOW)
    assert [(leave(watch, -3600, 10 * n, tests=AHEAD), watch.read(3.0, 10 * n + 5)) for n in range(5)] == [([], [])] * 5


def test_the_alarm_names_the_spike_and_not_the_reading_before_it():
    watch, suspect = Watch(LOW), LAYOUT.pack({"spike": "fail"})
    spike = Reading(LEVEL, 9.0, later(10).at, later(10).at, None, int(Flag.NOT_EVALUATED), settled=False)
    before = Reading(LEVEL, 3.0, later(0).at, later(0).at, None, int(Flag.FAIL), suspect, outlier=spike)
    watch.analyzer.read([(before, TOPIC)], later(10))
    assert watch.changes() == ["tank1/level:bad_quality raised"]
    assert (watch.events[0].reason, watch.events[0].value) == ("tank1/level (9.00 m) failed the spike test", 9.0)
    assert watch.alarms[0].evidence.observed_at == later(10).at


def test_one_that_fails_by_more_than_its_neighbour_is_named_itself():
    watch, tests = Watch(LOW), LAYOUT.pack({"gross_range": "fail", "spike": "fail"})
    beside = Reading(LEVEL, 3.0, START.at, START.at, None, 2)
    bad = Reading(LEVEL, 7.0, START.at, START.at, None, int(Flag.FAIL), tests, outlier=beside)
    watch.analyzer.read([(bad, TOPIC)], START)
    watch.changes()
    assert watch.events[0].reason == "tank1/level (7.00 m) failed the gross range and spike tests"


DOUBTED = frozenset({"tank1/level:low"})


def test_suspect_readings_beyond_a_limit_for_its_delay_are_doubt():
    watch = Watch(SLOW)
    watch.read(1.4, 0)
    for at, flag in ((4, Flag.SUSPECT), (6, Flag.GOOD), (9.9, Flag.SUSPECT)):
        watch.read(1.4, at, flag)
        assert watch.analyzer.doubted == frozenset()
    assert watch.tick(10) == []
    assert watch.analyzer.doubted == DOUBTED
    assert "tank1/level:low" not in watch.active


def test_doubt_without_a_delay_is_there_at_once_and_raises_nothing():
    watch = Watch(LOW)
    assert watch.read(1.4, 0, Flag.SUSPECT) == []
    assert watch.analyzer.doubted == DOUBTED


@pytest.mark.parametrize("flag", [Flag.FAIL, Flag.NOT_EVALUATED])
def test_what_is_worse_than_suspect_is_no_doubt_and_interrupts_it(flag):
    watch = Watch(SLOW)
    watch.read(1.4, 0, Flag.SUSPECT)
    watch.read(1.4, 5, flag)
    watch.read(1.4, 8, Flag.SUSPECT)
    watch.tick(17)
    assert watch.analyzer.doubted == frozenset()
    watch.tick(18)
    assert watch.analyzer.doubted == DOUBTED


def test_nor_are_late_readings_or_those_within():
    watch = Watch(LOW)
    watch.read(1.4, 0, Flag.SUSPECT, late=True)
    watch.read(1.6, 1, Flag.SUSPECT)
    assert watch.analyzer.doubted == frozenset()


def test_doubt_ends_with_a_good_reading_within_the_limit():
    watch = Watch(LOW)
    watch.read(1.4, 0, Flag.SUSPECT)
    watch.read(1.6, 5, Flag.SUSPECT)
    assert watch.analyzer.doubted == DOUBTED
    watch.read(1.6, 10)
    assert watch.analyzer.doubted == frozenset()
    assert watch.active == []


def test_doubt_ends_with_silence():
    watch = Watch(LOW)
    watch.read(1.4, 0, Flag.SUSPECT)
    watch.silent(31)
    watch.tick(31)
    assert watch.analyzer.doubted == frozenset()


def test_what_is_active_is_not_doubted():
    watch = Watch(LOW)
    watch.read(1.4, 0, Flag.SUSPECT)
    assert watch.read(1.4, 5) == ["tank1/level:low raised"]
    watch.read(1.4, 6, Flag.SUSPECT)
    assert watch.analyzer.doubted == frozenset()


def test_doubt_of_a_limit_that_is_gone_is_gone():
    watch = Watch(LOW)
    watch.read(1.4, 0, Flag.SUSPECT)
    watch.adopt(at=1)
    watch.tick(1)
    assert watch.analyzer.doubted == frozenset()


@pytest.mark.parametrize(
    ("key", "stays"),
    [
        (AlarmKey("station", "pump1", "locked_out"), True),
        (AlarmKey("station", "pump9", "locked_out"), False),
        (AlarmKey("station", "pump1", "low"), False),
        (AlarmKey(AGENT, "", "policy_refused"), True),
    ],
)
def test_after_a_restart_a_condition_stands_while_there_is_what_it_is_of(key, stays):
    watch = Watch(remembered=[Alarm(key, "high", True, False, START.at, "a former run saw it")])
    assert (str(key) in watch.analyzer.register.active) is stays
    assert watch.changes() == ([] if stays else [f"{key} cleared"])


def test_only_what_is_over_is_brought_to_rest():
    key = AlarmKey("tank1", "level", "low")
    register = AlarmRegister([Alarm(key, "high", True, False, START.at, "it is low")])
    register.settle(key)
    assert [alarm.key for alarm in register.alarms] == [key]
    register.clear(key, START, "it has recovered")
    register.settle(key)
    assert register.alarms == ()


def test_what_a_sensor_shows_is_known_of_this_run_and_of_the_sensors_there_are():
    watch = Watch()
    nothing = (None, None, "")
    assert (watch.analyzer.shows("tank1/flow"), watch.analyzer.shows(LEVEL.name)) == (nothing, (None, None, "m"))
    watch.read(2.0, 5)
    assert watch.analyzer.shows(LEVEL.name) == (2.0, None, "m")
    assert watch.analyzer.trusted(LEVEL.name).value == 2.0
    assert watch.analyzer.good_seconds(LEVEL.name) == later(5).seconds
    watch.read(2.5, 10, Flag.SUSPECT)
    assert watch.analyzer.shows(LEVEL.name) == (2.0, 2.5, "m")
    assert watch.analyzer.trusted(LEVEL.name) is None
    assert watch.analyzer.trusted("tank1/flow") is watch.analyzer.good_seconds("tank1/flow") is None
