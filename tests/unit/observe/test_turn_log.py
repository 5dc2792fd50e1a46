from __future__ import annotations

import pytest
from loguru import logger

from edge_agent.model.alarms import AlarmEvent, AlarmEventKind, AlarmKey
from edge_agent.model.commands import Check, CommandEvent, CommandState, Decision
from edge_agent.model.quality import Flag
from edge_agent.model.readings import DeadLetter
from edge_agent.model.time import Moment
from edge_agent.model.turn import Turn
from edge_agent.observe.journal import log_turn


@pytest.fixture
def lines():
    """What is logged: (level, sentence, fields)."""
    found = []

    def keep(message):
        record = message.record
        found.append((record["level"].name, record["message"], record["extra"]))

    handler = logger.add(keep, level="INFO")
    yield found
    logger.remove(handler)


@pytest.fixture
def turn(at):
    return Turn(Moment(at, 10.0))


def test_a_turn_of_plain_readings_logs_nothing(turn, lines, make_reading):
    turn.readings = [make_reading(Flag.GOOD)] * 500
    log_turn(turn)
    assert lines == []


def test_an_alarm_is_a_warning_and_its_end_is_not(turn, lines, make_alarm, at):
    key = AlarmKey("tank1", "level", "low")
    turn.alarms = [make_alarm()]
    turn.alarm_events = [
        AlarmEvent(key, AlarmEventKind.RAISED, at, 1.42, "agent", "below low 1.50 m"),
        AlarmEvent(key, AlarmEventKind.CLEARED, at, 1.8, "agent", ""),
    ]
    log_turn(turn)
    (level, sentence, fields), cleared = lines
    assert (level, sentence) == ("WARNING", "Alarm raised")
    assert fields["alarm"] == "tank1/level:low"
    assert (fields["priority"], fields["value"], fields["reason"]) == ("high", 1.42, "below low 1.50 m")
    assert cleared[:2] == ("INFO", "Alarm cleared")


def test_a_switch_point_is_left_to_debug(turn, lines, at):
    turn.alarm_events = [AlarmEvent(AlarmKey("tank1", "level", "fill_on"), AlarmEventKind.ON, at, 2.4, "agent", "")]
    log_turn(turn)
    assert lines == []


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [("commanded", "Command decided"), ("advised", "Command advised"), ("held", "Command held back")],
)
def test_a_decision_is_told_with_its_reason_and_what_spoke_against_it(turn, lines, at, verdict, sentence):
    checks = (Check("mode", True, "auto"), Check("interlock", False, "stopped 20 s of 120 s"))
    turn.decisions = [
        Decision(at, "station/pump1", "start", None, "fill_tank1", verdict, "tank1/level is low", (), checks, "0199")
    ]
    log_turn(turn)
    ((level, told, fields),) = lines
    assert (level, told) == ("INFO", sentence)
    assert (fields["actuator"], fields["action"], fields["plan"]) == ("station/pump1", "start", "fill_tank1")
    assert (fields["command"], fields["reason"]) == ("0199", "tank1/level is low")
    assert fields["against"] == "interlock: stopped 20 s of 120 s"


def test_an_overruled_request_is_left_to_debug(turn, lines, at):
    turn.decisions = [Decision(at, "station/pump1", "start", None, "fill_tank1", "overruled", "")]
    log_turn(turn)
    assert lines == []


def test_outcomes_of_commands_are_told_and_open_steps_are_not(turn, lines, at):
    turn.command_events = [CommandEvent("0199", state, at, 3, "no word") for state in CommandState]
    log_turn(turn)
    assert {(level, sentence) for level, sentence, _ in lines} == {
        ("INFO", "Command done"),
        ("WARNING", "Command rejected"),
        ("WARNING", "Command failed"),
        ("WARNING", "Command expired"),
        ("INFO", "Command superseded"),
    }
    assert all(fields == {"command": "0199", "attempts": 3, "detail": "no word"} for _, _, fields in lines)


def test_a_flood_of_dead_letters_is_a_line_for_each_reason(turn, lines, at):
    turn.dead_letters = [DeadLetter("invalid_json", "water/r/tank1/telemetry", b"{\xff{level}" * 90, at)] * 400
    turn.dead_letters += [DeadLetter("value_nan", "t", b"", at)] * 100
    log_turn(turn)
    assert [(level, sentence) for level, sentence, _ in lines] == [("WARNING", "Messages rejected")] * 2
    assert [(fields["reason"], fields["count"]) for _, _, fields in lines] == [
        ("invalid_json", 400),
        ("value_nan", 100),
    ]
    fields = lines[0][2]
    assert fields["topic"] == "water/r/tank1/telemetry"
    assert fields["payload"].startswith("{\\xff{level}")
    assert len(fields["payload"]) < 200
