"""Who looks on while the loop turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.observe.journal import log_turn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.turn import Turn
    from edge_agent.observe.metrics import Metrics
    from edge_agent.ports.observing import Stage, TurnObserver


class Observers:
    """Metrics, the log, and whoever else looks on."""

    def __init__(self, metrics: Metrics, others: Iterable[TurnObserver] = ()) -> None:
        self._metrics = metrics
        self._others = tuple(others)

    def turn(self, turn: Turn) -> None:
        """Count and log a turn."""
        self._metrics.turn(turn)
        log_turn(turn)
        for other in self._others:
            other.turn(turn)

    def stage(self, name: Stage, seconds: float) -> None:
        """Measure a stage."""
        self._metrics.stage(name, seconds)

    def reaction(self, seconds: float) -> None:
        """Measure a reaction."""
        self._metrics.reaction(seconds)

    def written(self, duplicates: int) -> None:
        """Count what the store had already."""
        self._metrics.written(duplicates)

    def missed(self, messages: int) -> None:
        """Count what never came."""
        self._metrics.missed(messages)
