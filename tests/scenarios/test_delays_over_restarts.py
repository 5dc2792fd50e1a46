"""A delay that runs is remembered over restarts of the agent; silence and doubt alone let it begin anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.plants import START, Bench, later, plant, reading, sensor, threshold

from edge_agent.model.plant import Policy
from edge_agent.monitor.tests.gross_range import GrossRange

LOW = "tank1/level:low raised"
UP_SECONDS, DOWN_SECONDS = 5, 1
reboots = pytest.mark.parametrize("reboots", [False, True], ids=["restarts", "reboots"])


class Desk:
    """An agent with a sure clock that is killed every few seconds, and a level that is low."""

    def __init__(self, interval=1, delay=30, *, reboots=False):
        low = threshold("low", 1.5, deadband=0.2, on_delay_seconds=float(delay))
        level = sensor(interval_seconds=float(interval), gross_range=GrossRange((0.0, 6.0)))
        self.bench = Bench(plant([level], None, [low], []))
        self.interval, self.reboots, self.boots, self.at, self.level = interval, reboots, 0, 0, 1.0
        self.bench.restart(now=START._replace(boot="boot 0"))

    def restart(self, down=DOWN_SECONDS):
        now = later(down, self.bench.now)
        self.at += down
        if self.reboots:
            self.boots += 1
            now = now._replace(boot=f"boot {self.boots}", seconds=20.0)
        self.bench.restart(now=now)

    def up(self, seconds):
        for _ in range(seconds):
            self.at += 1
            heard = self.at % self.interval == 0 and self.level is not None
            told = [reading(self.level, later(1, self.bench.now))] if heard else []
            self.bench.turn(*told, after=1)

    def go_on(self, seconds):
        """Live through so many seconds, restarts included, at most until the alarm is raised."""
        until = self.at + seconds
        while self.at < until and not self.raised:
            self.up(1)
            if self.at % (UP_SECONDS + DOWN_SECONDS) == UP_SECONDS:
                self.restart()
        return self

    @property
    def raised(self):
        return LOW in self.bench.raised()


@reboots
@pytest.mark.parametrize("interval", [1, 10])
@pytest.mark.parametrize("delay", [8, 30, 120])
def test_restarts_every_five_seconds_delay_no_alarm(interval, delay, reboots):
    desk = Desk(interval, delay, reboots=reboots).go_on(2 * delay + 60)
    assert desk.raised
    assert delay <= desk.at <= delay + 2 * interval + DOWN_SECONDS + 1


@reboots
def test_silence_over_a_restart_lets_a_delay_begin_anew(reboots):
    desk = Desk(reboots=reboots)
    desk.up(25)
    desk.restart(down=10)
    desk.up(20)
    assert not desk.raised
    desk.restart()
    desk.up(8)
    assert not desk.raised
    desk.up(3)
    assert desk.raised


@reboots
@pytest.mark.parametrize("told", [3.0, 9.0, None], ids=["a normal level", "doubt", "silence"])
def test_what_ends_a_delay_before_a_restart_ends_it_after(told, reboots):
    desk = Desk(reboots=reboots)
    desk.up(20)
    desk.level = told
    desk.up(1 if told else 5)
    desk.level = 1.0
    desk.up(3)
    desk.restart()
    desk.up(20)
    assert not desk.raised
    desk.up(10)
    assert desk.raised


def test_a_delay_begins_anew_where_the_limit_was_changed_over_the_restart():
    desk = Desk()
    desk.up(25)
    site = desk.bench.site
    changed = Policy([replace(site.policy.thresholds[0], limit=1.2)], ())
    desk.bench.site = replace(site, policy=changed)
    desk.restart()
    desk.up(20)
    assert not desk.raised
    desk.up(12)
    assert desk.raised


def test_a_delay_of_another_boot_begins_anew_where_the_clock_was_not_sure():
    desk = Desk(reboots=True)
    desk.bench.now = desk.bench.now._replace(sure=False)
    desk.up(25)
    desk.restart()
    desk.bench.now = desk.bench.now._replace(sure=True)
    desk.up(20)
    assert not desk.raised


def test_a_store_that_is_begun_anew_is_told_of_running_delays():
    desk = Desk()
    desk.up(10)
    [memory] = desk.bench.knowledge.analyzer.delays()
    assert memory.alarm == "tank1/level:low"
    assert desk.bench.now.at - memory.since_at == 9_000_000


def test_a_delay_of_less_than_an_interval_is_not_written():
    desk = Desk(interval=10)
    for level in (1.0, 3.0) * 6:
        desk.level = level
        desk.up(10)
    assert [turn.delays for turn in desk.bench.turns if turn.delays] == []
