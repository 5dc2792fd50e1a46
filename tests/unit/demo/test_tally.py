from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.demo.tally import KEPT, Tally
from edge_agent.model.quality import Flag
from edge_agent.model.readings import DeadLetter

if TYPE_CHECKING:
    from conftest import Makers


def test_a_reading_counts_once_with_its_settled_flag(make: Makers) -> None:
    tally, reading = Tally(), make.reading(2.4, flag=Flag.NOT_EVALUATED, settled=False)
    tally.turn(make.turn(readings=[reading, make.reading(2.5, 10)]))
    assert tally.readings == {"good": 1}
    reading.flag, reading.settled = Flag.SUSPECT, True
    tally.turn(make.turn(10, settled=[reading]))
    assert tally.readings == {"good": 1, "suspect": 1}
    assert tally.flags == {"tank1/level": Flag.SUSPECT}


def test_dead_letters_count_by_reason(make: Makers) -> None:
    tally = Tally()
    letters = [DeadLetter(reason, "t", b"", make.at(0)) for reason in ("not_json", "not_json", "unknown_node")]
    tally.turn(make.turn(dead_letters=letters))
    assert tally.dead_letters == {"not_json": 2, "unknown_node": 1}


def test_alarms_count_by_threshold_raised_and_cleared_apart(make: Makers) -> None:
    tally = Tally()
    events = [make.event("raised"), make.event("raised", threshold="high"), make.event("cleared")]
    tally.turn(make.turn(alarm_events=[*events, make.event("acknowledged")]))
    assert tally.raised == {"low": 1, "high": 1}
    assert tally.cleared == {"low": 1}


def test_a_command_is_open_until_its_outcome_and_then_counts(make: Makers) -> None:
    tally = Tally()
    tally.turn(make.turn(commands=[make.command(1), make.command(2)]))
    tally.turn(make.turn(command_events=[make.step(1, "published"), make.step(1, "accepted")]))
    assert (tally.commands, tally.open_commands) == (2, 2)
    assert not tally.outcomes
    tally.turn(make.turn(command_events=[make.step(1, "done"), make.step(2, "failed", detail="no answer")]))
    assert tally.open_commands == 0
    assert tally.outcomes == {"done": 1, "failed": 1}
    assert [(trace.state, trace.detail) for trace in tally.recent(5)] == [("failed", "no answer"), ("done", "")]


def test_of_closed_commands_only_the_newest_are_kept_and_of_open_ones_all(make: Makers) -> None:
    tally = Tally()
    tally.turn(make.turn(commands=[make.command(0)]))
    for number in range(1, 3 * KEPT):
        tally.turn(make.turn(commands=[make.command(number)], command_events=[make.step(number, "done")]))
    assert len(tally.recent(10 * KEPT)) == KEPT
    assert tally.trace("id-0") is not None
    assert tally.trace("id-1") is None
    assert tally.outcomes == {"done": 3 * KEPT - 1}


def test_the_outcome_of_a_command_from_before_counts_too(make: Makers) -> None:
    tally = Tally()
    tally.turn(make.turn(command_events=[make.step(9, "expired")]))
    assert tally.outcomes == {"expired": 1}


def test_alarm_events_are_kept_in_bounded_room(make: Makers) -> None:
    tally = Tally()
    tally.turn(make.turn(alarm_events=[make.event("raised", second) for second in range(2 * KEPT)]))
    assert len(tally.alarm_events) == KEPT
    assert tally.raised["low"] == 2 * KEPT
