"""Turns that are not stored: what of them controls the plant, and what only came in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from edge_agent.model.commands import Command
    from edge_agent.model.turn import Turn


class Unstarted(NamedTuple):
    """A command that is not yet on its way, and steady times: since when, and when its cause was received.

    `decided_seconds` is the plant's monotonic count of its decision.
    """

    command: Command
    since: float
    received: float | None
    decided_seconds: float


@dataclass(slots=True)
class Held:
    """A turn that is not stored, or not all of it."""

    turn: Turn
    told: bool = False  # its alarms are on their way to the broker

    @property
    def rows(self) -> int:
        """How much room it takes."""
        return len(self.turn.readings) + len(self.turn.settled) + len(self.turn.dead_letters)

    @property
    def news(self) -> int:
        """How many rows of it are new; one that is settled before it was stored is the same row."""
        return len(self.turn.readings) + len(self.turn.dead_letters)

    @property
    def controls(self) -> bool:
        """Whether it holds anything that controls the plant or must survive a restart."""
        turn = self.turn
        controls = turn.plans or turn.groups or turn.delays or turn.clocks or turn.interlocks
        return bool(turn.urgent or turn.alarms or controls)

    @property
    def weighs(self) -> bool:
        """Whether it holds anything that came in."""
        turn = self.turn
        return bool(self.rows or turn.deliveries or turn.sequences or turn.receipts)

    def essence(self) -> Turn:
        """Return the turn without what came in."""
        return replace(self.turn, readings=[], settled=[], dead_letters=[], deliveries=[], sequences=[], receipts=[])

    def strip(self) -> None:
        """Drop the essence: it is stored."""
        self.turn = replace(
            self.turn,
            alarm_events=[],
            alarms=[],
            decisions=[],
            commands=[],
            command_events=[],
            actuators=[],
            plans=[],
            groups=[],
            interlocks=[],
            epoch=None,
        )


@dataclass(frozen=True, slots=True)
class CommitGroup:
    """Held turns that are written in one commit: whole, or only their essence."""

    those: list[Held]
    is_whole: bool

    @property
    def turns(self) -> list[Turn]:
        """What is written."""
        return [held.turn if self.is_whole else held.essence() for held in self.those]
