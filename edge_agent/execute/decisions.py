"""The records of what was decided, with everything needed to explain it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.commands import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.commands import Check, Command, Wish
    from edge_agent.model.time import Moment


def commanded(wish: Wish, command: Command, checks: Iterable[Check], now: Moment) -> Decision:
    """Record that a command was given."""
    target = (wish.actuator, wish.action, wish.value, wish.plan)
    return Decision(now.at, *target, "commanded", command.reason, wish.alarms, tuple(checks), command.id)


def advised(wish: Wish, command: Command, checks: Iterable[Check], now: Moment) -> Decision:
    """Record a command that would have been given."""
    target = (wish.actuator, wish.action, wish.value, wish.plan)
    return Decision(now.at, *target, "advised", command.reason, wish.alarms, tuple(checks), command.id)


def held(wish: Wish, reason: str, checks: Iterable[Check], now: Moment) -> Decision:
    """Record that a command is held back."""
    target = (wish.actuator, wish.action, wish.value, wish.plan)
    return Decision(now.at, *target, "held", reason, wish.alarms, tuple(checks))
