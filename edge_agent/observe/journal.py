"""What a turn decided, as log lines: the one place where alarms, decisions, commands and dead letters are logged."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.model.alarms import AlarmEventKind
from edge_agent.model.commands import OPEN_STATES, CommandState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.alarms import Alarm, AlarmEvent, AlarmKey
    from edge_agent.model.commands import CommandEvent, Decision
    from edge_agent.model.readings import DeadLetter
    from edge_agent.model.turn import Turn

#: The sentence about messages that could not be used.
REJECTED = "Messages rejected"
#: How much of a rejected payload goes into a line, in bytes.
_EXAMPLE_BYTES = 120

_DECISIONS = {
    "commanded": ("INFO", "Command decided"),
    "advised": ("INFO", "Command advised"),
    "held": ("INFO", "Command held back"),
    "overruled": ("DEBUG", "Request overruled"),
    "reset": ("WARNING", "Trip reset"),
    "refused": ("WARNING", "Reset refused"),
}
#: Level and sentence of each outcome of a command.
OUTCOMES = {
    CommandState.DONE: ("INFO", "Command done"),
    CommandState.REJECTED: ("WARNING", "Command rejected"),
    CommandState.FAILED: ("WARNING", "Command failed"),
    CommandState.EXPIRED: ("WARNING", "Command expired"),
    CommandState.SUPERSEDED: ("INFO", "Command superseded"),
    CommandState.ADVISED: ("DEBUG", "Command recorded only"),
}


def log_turn(turn: Turn) -> None:
    """Log what people want to know of a turn; a turn of plain readings logs nothing."""
    alarms = {alarm.key: alarm for alarm in turn.alarms}
    for event in turn.alarm_events:
        _log_alarm(event, alarms)
    for decision in turn.decisions:
        _log_decision(decision)
    for step in turn.command_events:
        if step.state not in OPEN_STATES:
            _log_outcome(step)
    if turn.dead_letters:
        _log_dead_letters(turn.dead_letters)


def _log_alarm(event: AlarmEvent, alarms: Mapping[AlarmKey, Alarm]) -> None:
    alarm = alarms.get(event.key)
    level = "WARNING" if event.event is AlarmEventKind.RAISED else "INFO"
    logger.log(
        level if event.annunciated else "DEBUG",
        f"Alarm {event.event}" if event.annunciated else f"Switch point {event.event}",
        alarm=str(event.key),
        priority=alarm.priority if alarm else None,
        value=event.value,
        by=event.by,
        reason=event.reason,
    )


def _log_decision(decision: Decision) -> None:
    level, sentence = _DECISIONS[decision.verdict]
    logger.log(
        level,
        sentence,
        actuator=decision.actuator,
        action=decision.action,
        value=decision.value,
        plan=decision.plan,
        command=decision.command_id,
        reason=decision.reason,
        against="; ".join(f"{check.name}: {check.detail}" for check in decision.checks if not check.passed),
    )


def _log_outcome(step: CommandEvent) -> None:
    level, sentence = OUTCOMES[step.state]
    logger.log(level, sentence, command=step.command_id, attempts=step.attempts, detail=step.detail)


def _log_dead_letters(letters: list[DeadLetter]) -> None:
    """Write one line a reason, however many there are: a flood of them must not become a flood of lines."""
    counts = Counter(letter.reason for letter in letters)
    examples = {letter.reason: letter for letter in reversed(letters)}
    for reason, count in counts.items():
        example = examples[reason]
        logger.warning(
            REJECTED,
            count=count,
            reason=reason,
            topic=example.topic,
            payload=example.payload[:_EXAMPLE_BYTES].decode("utf-8", "backslashreplace"),
        )
