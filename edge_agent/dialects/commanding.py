"""Commands in the languages of their devices: which topic, and which payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.dialects.forms import values_of
from edge_agent.dialects.registry import dialect

if TYPE_CHECKING:
    from edge_agent.model.commands import Command
    from edge_agent.model.sources import Wiring


class WrittenCommand(NamedTuple):
    """A command as its device expects it."""

    topic: str
    payload: bytes


def written(command: Command, wiring: Wiring, agent: str) -> WrittenCommand | None:
    """Write a command in the language of its device; None where that has no form for the action.

    The same command gives the same bytes in every retry.
    """
    form = dict(wiring.forms).get(command.action)
    if form is None:
        return None
    return WrittenCommand(wiring.topic, dialect(wiring.codec).write(form, values_of(command, agent, wiring.given)))
