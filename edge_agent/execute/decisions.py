"""The records of what was decided, with everything needed to explain it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.commands import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.commands import Check, Command, Request
    from edge_agent.model.time import Moment


def commanded(request: Request, command: Command, checks: Iterable[Check], now: Moment) -> Decision:
    """Record that a command was given."""
    target = (request.actuator, request.action, request.value, request.plan)
    return Decision(now.at, *target, "commanded", command.reason, request.alarms, tuple(checks), command.id)


def advised(request: Request, command: Command, checks: Iterable[Check], now: Moment) -> Decision:
    """Record a command that would have been given."""
    target = (request.actuator, request.action, request.value, request.plan)
    return Decision(now.at, *target, "advised", command.reason, request.alarms, tuple(checks), command.id)


def held(request: Request, reason: str, checks: Iterable[Check], now: Moment) -> Decision:
    """Record that a command is held back."""
    target = (request.actuator, request.action, request.value, request.plan)
    return Decision(now.at, *target, "held", reason, request.alarms, tuple(checks))
