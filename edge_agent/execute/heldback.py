"""What holds a command back, told once: it may come and go a hundred times a second with a level that jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.commands import Check, Request

#: That a command is held back for the same reasons is told again after so long, however often requests change.
HELD_SECONDS = 60.0
_MOST_TOLD = 32


class HeldBack:
    """The checks that hold the next command of one actuator back, and which of them were told lately."""

    def __init__(self) -> None:
        self.by: frozenset[str] = frozenset()
        self._told: dict[tuple[str, frozenset[str]], float] = {}

    def __repr__(self) -> str:
        return f"<HeldBack by {', '.join(sorted(self.by)) or 'nothing'}>"

    def clear(self) -> None:
        """Note that nothing holds it back."""
        self.by = frozenset()

    def hold(self, checks: Iterable[Check], request: Request, seconds: float) -> bool:
        """Note the checks that hold a command back. Return whether that is to be told."""
        by = frozenset(check.name for check in checks if not check.passed)
        changed, self.by = by != self.by, by
        return changed and self.is_news(request, by, seconds)

    def is_news(self, request: Request, by: frozenset[str], seconds: float) -> bool:
        """Whether it was not told lately what holds such a request back."""
        key = request.action, by
        if seconds - self._told.get(key, float("-inf")) < HELD_SECONDS:
            return False
        if len(self._told) == _MOST_TOLD:
            del self._told[next(iter(self._told))]
        self._told[key] = seconds
        return True
