"""What runs and moves nothing is told at the time that is documented, and no sooner."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.plants import plan as plan_of
from support.plants import sensor, threshold

from edge_agent.model.agenda import NEVER
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.plan.effect import EFFECT_SECONDS, Comparison, Effects

LEVEL = sensor("tank1/level")
PUMP1 = "station/pump1"
FILL = plan_of("fill", "tank1/level:low", (PUMP1, "start"))
LOW = threshold("low", 1.5, deadband=0.2)
BEGIN = 1000.25


class Desk:
    """A pump that runs for a plan, and a level."""

    def __init__(self, level=1.0, of=LEVEL, least=0.02):
        self.effects, self.plan, self.of, self.least = Effects(), FILL, of, least
        self.look(level, at=0)

    def look(self, level, *, at, running=True):
        found = [(PUMP1, self.plan)] if running else []

        def measure(name, least):
            del least
            return None if level is None else Comparison(name, self.of, level, self.least)

        self.effects.look(found, measure, BEGIN + at)
        return self.effects.idle.get(PUMP1)


def test_a_level_that_stands_still_is_told_when_its_time_is_over_and_stays_told():
    desk = Desk()
    assert desk.effects.next_seconds() == BEGIN + EFFECT_SECONDS
    assert desk.look(1.0, at=EFFECT_SECONDS - 1) is None
    assert desk.look(1.0, at=EFFECT_SECONDS) == (
        "station/pump1 has run for fill for 30 min and tank1/level stands still: frozen, drifting, or no flow?; "
        "tank1/level has no flat_line test that would find it frozen"
    )
    assert desk.effects.next_seconds() == NEVER, "nothing changes until something is heard"
    assert desk.look(1.0, at=EFFECT_SECONDS + 500)


def test_a_sensor_with_a_flat_line_test_is_not_said_to_lack_one():
    desk = Desk(of=sensor("tank1/level", flat_line=FlatLine(tolerance=0.001, suspect_seconds=60.0)))
    assert desk.look(1.0, at=EFFECT_SECONDS).endswith("or no flow?")


@pytest.mark.parametrize("moved", [0.02, -0.02])
def test_the_least_movement_that_counts_either_way_begins_the_time_anew(moved):
    desk = Desk(0.0)
    assert desk.look(moved, at=600) is None
    assert desk.effects.next_seconds() == BEGIN + 600 + EFFECT_SECONDS
    assert desk.look(moved, at=EFFECT_SECONDS) is None
    assert desk.look(moved, at=600 + EFFECT_SECONDS)


def test_less_does_not_count_but_adds_up():
    desk = Desk(0.0)
    assert desk.look(0.019, at=600) is None
    assert desk.look(0.019, at=EFFECT_SECONDS)
    desk = Desk(0.0)
    desk.look(0.015, at=600)
    desk.look(0.03, at=1200)
    assert desk.look(0.03, at=EFFECT_SECONDS) is None


def test_what_stops_or_runs_for_another_plan_begins_anew():
    desk = Desk()
    desk.look(1.0, at=1000, running=False)
    assert desk.effects.next_seconds() == NEVER
    assert desk.look(1.0, at=1001) is None
    assert desk.look(1.0, at=EFFECT_SECONDS) is None
    desk = Desk()
    desk.plan = replace(FILL, id="other")
    assert desk.look(1.0, at=1000) is None
    assert desk.look(1.0, at=EFFECT_SECONDS) is None
    assert desk.look(1.0, at=1000 + EFFECT_SECONDS)


def test_what_is_not_known_is_not_said_to_stand_still():
    desk = Desk(None)
    assert desk.look(None, at=EFFECT_SECONDS) is None
    assert desk.effects.next_seconds() == NEVER


def test_a_reading_is_looked_at_with_the_next_second_and_many_of_one_second_once():
    desk = Desk()
    desk.look(1.0, at=10)
    desk.effects.hear()
    desk.effects.hear()
    assert desk.effects.next_seconds() == 1011.0
    desk.look(1.0, at=11)
    assert desk.effects.next_seconds() == BEGIN + EFFECT_SECONDS


def test_while_nothing_runs_readings_wake_nobody():
    desk = Desk()
    desk.look(1.0, at=10, running=False)
    desk.effects.hear()
    assert desk.effects.next_seconds() == NEVER


def test_a_tenth_of_the_deadband_counts_or_a_thousandth_of_the_limit():
    assert Comparison.against(LEVEL, LOW, 1.0).least == pytest.approx(0.02)
    assert Comparison.against(LEVEL, replace(LOW, deadband=0.0, limit=-2.0), 1.0).least == pytest.approx(0.002)
    assert Comparison.against(LEVEL, LOW, 1.0).name == "tank1/level:low"
