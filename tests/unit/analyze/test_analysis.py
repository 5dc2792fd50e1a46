"""From judged readings, silence, statuses and the passing of time to alarms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.plants import START, later, plant, sensor, threshold

from edge_agent.analyze.analysis import Analyzer
from edge_agent.model.alarms import Alarm, AlarmKey
from edge_agent.model.plant import GrossRange
from edge_agent.model.quality import SHIFT, Flag
from edge_agent.model.readings import Reading

LEVEL = sensor(gross_range=GrossRange((0.0, 6.0)))
PRESSURE = sensor("tank1/pressure", "pressure", "bar")
ROOT = Path(__file__).parents[3]
TOPIC = "water/riverside/tank1/telemetry/level"


class Watch:
    """An analyzer under a clock in seconds after START."""

    def __init__(self, *thresholds, remembered=()):
        self.analyzer = Analyzer(plant([LEVEL, PRESSURE]), thresholds, remembered, START)

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
        self.analyzer.node_status(node, online, later(at))
        return self.changes()

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
    assert event.reason == "tank1/level 1.42 m is below low 1.50 m"
    assert (alarm.priority, alarm.active, alarm.acknowledged, alarm.since) == ("high", True, False, later(5).at)
    assert (alarm.value, alarm.limit, alarm.unit) == (1.42, 1.5, "m")
    assert (alarm.evidence.topic, alarm.evidence.value, alarm.evidence.flag) == (TOPIC, 1.42, "good")


def test_it_is_raised_and_cleared_once():
    watch = Watch(LOW)
    found = [watch.read(value, 10 * place) for place, value in enumerate([1.4, 1.3, 1.6, 1.7, 1.8])]
    assert found == [["tank1/level:low raised"], [], [], ["tank1/level:low cleared"], []]
    assert watch.active == []


def test_a_cleared_alarm_stays_until_somebody_acknowledges_it():
    watch = Watch(LOW)
    watch.read(1.4, 0)
    watch.read(2.0, 10)
    [alarm] = watch.analyzer.register.alarms
    assert (alarm.active, alarm.acknowledged, alarm.since, alarm.value) == (False, False, later(10).at, 2.0)


def test_time_between_two_readings_completes_the_delays():
    watch = Watch(SLOW)
    assert watch.read(1.4, 0) == []
    assert watch.tick(9.9) == []
    assert watch.tick(10) == ["tank1/level:low raised"]
    assert watch.events[0].reason.endswith("since 10 s")
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
    assert watch.read(1.4, 31) == ["tank1/level:low raised"]


def test_nor_of_one_that_is_silent():
    watch = Watch(SLOW)
    watch.read(1.4, 0)
    watch.silent(5)
    assert watch.tick(30) == []


def test_three_suspect_readings_in_a_row_are_bad_quality_and_one_good_is_enough():
    watch = Watch()
    suspect = Flag.SUSPECT << SHIFT["rate_of_change"]
    found = [watch.read(3.0, at, Flag.SUSPECT, tests=suspect) for at in range(3)]
    assert found == [[], [], ["tank1/level:bad_quality raised"]]
    assert "suspect by rate_of_change" in watch.events[0].reason
    assert watch.read(3.0, 3) == ["tank1/level:bad_quality cleared"]
    assert watch.read(3.0, 4, Flag.SUSPECT) == []


def test_a_single_fail_is_bad_quality():
    watch = Watch()
    assert watch.read(9.0, 0, Flag.FAIL, tests=Flag.FAIL << SHIFT["gross_range"]) == ["tank1/level:bad_quality raised"]
    assert watch.events[0].reason == "tank1/level 9.00 m is fail by gross_range"
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
    assert watch.events[0].reason == "tank1/level 1.60 m is below low 1.70 m"
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
    assert watch.tick(159) == []
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
from edge_agent.model.alarms import Alarm, AlarmKey
names = ["low", "low_low", "high", "high_high"]
limits = [threshold(name, 1.0) for name in names]
before = [Alarm(AlarmKey("tank1", "level", name), "high", True, False, START.at, "") for name in names]
analyzer = Analyzer(plant(thresholds=limits), limits, before, START)
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
