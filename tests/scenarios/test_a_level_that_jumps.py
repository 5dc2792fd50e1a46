"""A level that jumps across both limits a hundred times a second for a minute: a loose wire, or a wave."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from support.plants import FILL, HIGH, LOW, STOP, Bench, ack, plant, published, pump, state, status
from support.waterworks import level, limits

from edge_agent.model.alarms import AlarmEventKind
from edge_agent.model.plant import PUMP_LEAST_SECONDS, PUMP_STARTS_PER_HOUR


def jump(thresholds, plans=(FILL, STOP), mode="auto"):
    """Let the level jump for a minute; return the bench and when the pump was switched."""
    usual = pump(
        min_on_seconds=PUMP_LEAST_SECONDS, min_off_seconds=PUMP_LEAST_SECONDS, max_starts_per_hour=PUMP_STARTS_PER_HOUR
    )
    bench, running, switches = Bench(plant([level()], [usual], thresholds, list(plans)), mode), False, []
    bench.turn(status(True), state("stopped"))
    for number in range(6000):
        turn = bench.level(1.0 if number % 2 else 5.5, after=0.01)
        while turn.commands:
            [command] = turn.commands
            if (command.action == "start") is not running:
                running = not running
                switches.append(number / 100)
            told = state("running" if running else "stopped"), ack(command, "done")
            turn = bench.turn(*told, deliveries=[published(command)])
    return bench, switches


@pytest.mark.parametrize("thresholds", [[LOW, HIGH], limits()], ids=["without delays", "with delays"])
def test_a_pump_with_the_usual_protection_is_switched_at_most_six_times_in_that_minute(thresholds):
    _, switches = jump(thresholds)
    assert len(switches) <= 6
    assert all(after - before >= PUMP_LEAST_SECONDS for before, after in pairwise(switches))


def test_limits_with_the_delays_of_the_readme_raise_no_alarm_and_command_nothing():
    bench, switches = jump(limits())
    assert (bench.raised(), bench.commands, switches) == ([], [], [])


def test_a_level_that_jumps_gives_a_bounded_number_of_commands():
    bench, _ = jump([LOW, HIGH])
    assert len(bench.commands) <= 60


def test_a_level_that_jumps_leaves_journal_topics_and_log_readable():
    bench, _ = jump([LOW, HIGH])
    events = [event for turn in bench.turns for event in turn.alarm_events]
    assert AlarmEventKind.CHATTERING in {event.event for event in events}
    assert len(events) <= 40
    assert sum(len(turn.alarms) for turn in bench.turns) <= 40
    assert sum(len(turn.decisions) for turn in bench.turns) <= 100


def test_a_plan_that_loses_again_and_again_is_told_once_a_minute():
    rival = replace(FILL, id="weak", priority=FILL.priority - 1, do=(replace(FILL.do[0], action="stop"),))
    bench, _ = jump([LOW, HIGH], [FILL, STOP, rival])
    lost = [one for turn in bench.turns for one in turn.decisions if one.verdict == "overruled"]
    assert 1 <= len(lost) <= 2


@pytest.mark.parametrize("mode", ["advisory", "manual"])
def test_where_nothing_is_commanded_what_would_be_is_told_once_a_minute(mode):
    bench, _ = jump([LOW, HIGH], mode=mode)
    assert 2 <= sum(len(turn.decisions) for turn in bench.turns) <= 4
