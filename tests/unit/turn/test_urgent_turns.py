"""What must not wait for the next group commit: whatever a person or equipment waits for."""

from __future__ import annotations

import pytest
from support.plants import START, Bench

from edge_agent.model.turn import Turn


@pytest.mark.parametrize(
    "member", ["commands", "command_events", "alarm_events", "decisions", "actuators", "epoch"], ids=str
)
def test_each_of_these_alone_is_urgent(member):
    turn = Turn(START)
    setattr(turn, member, 7 if member == "epoch" else [object()])
    assert turn.urgent is True


@pytest.mark.parametrize("member", ["readings", "settled", "dead_letters", "deliveries", "sequences", "receipts"])
def test_what_was_only_heard_is_not(member):
    turn = Turn(START)
    setattr(turn, member, [object()])
    assert turn.urgent is False


def test_a_reading_that_changes_nothing_waits_and_one_that_starts_a_pump_does_not():
    bench = Bench()
    assert bench.level(3.0).urgent is False
    assert bench.level(1.0, after=10).urgent is True
