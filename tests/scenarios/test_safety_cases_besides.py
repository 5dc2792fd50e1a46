"""What is demanded besides: a hand stays a hand, and what is not known starts nothing."""

from __future__ import annotations

from support.plants import plan
from support.waterworks import FILL, HOUR, STOP, World, readme, silent

NOT_IN_AUTO = "station/pump1:not_in_auto"


def test_a_suspension_by_hand_outlives_a_restart():
    world = World().filling()
    world.by_hand(on=False)
    world.run(60)
    world.restart()
    world.run(60)
    assert NOT_IN_AUTO in world.alarms


def test_a_stop_that_is_requested_meanwhile_releases_no_hand():
    world = World().filling()
    world.by_hand(on=False)
    world.run(60)
    world.level = 5.5  # high: the stop is requested, and the pump rests anyhow
    world.run(60)
    assert NOT_IN_AUTO in world.alarms
    world.level = 1.0
    world.run(HOUR)
    assert not world.runs


def test_the_end_of_evidence_releases_no_hand():
    world = World().filling()
    world.by_hand(on=False)
    world.run(60)
    world.fault(silent)
    world.run(600)
    world.mend()
    world.level = 1.0
    world.run(HOUR)
    assert not world.runs
    assert NOT_IN_AUTO in world.alarms


def test_a_plan_that_asks_for_a_start_because_nothing_is_known_is_not_heeded():
    blind = plan("fill_blind", "tank1/level:stale", ("station/pump1", "start"))
    world = World(readme([blind, FILL, STOP]), at_level=3.0)
    world.run(60)
    world.fault(silent)
    world.run(HOUR)
    assert "start" not in world.since(0)
