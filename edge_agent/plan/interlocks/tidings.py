"""What others are told of interlocks: resets, and what became of what was expected of equipment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from edge_agent.model.commands import Decision
from edge_agent.plan.interlocks.expectancy import Expectancy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_agent.plan.interlocks.guard import Guard
    from edge_agent.plan.interlocks.guarded import Outlook


def tell(
    told: Iterable[tuple[Guard, str]], verdict: Literal["held", "reset", "refused"], outlook: Outlook
) -> Iterator[Decision]:
    """Record what became of a trip, for each actuator that it guards."""
    now = outlook.scene.now
    for guard, reason in told:
        for name in guard.actuators:
            found = outlook.scene.find(name)
            if found is not None:
                yield Decision(now.at, name, found.fail_safe, None, None, verdict, reason)


def take_effects(touched: Iterable[Guard]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the actuators whose effect was missing, each with why, and those that have shown theirs; each once."""
    failures, proven = [], []
    for guard in touched:
        if isinstance(guard, Expectancy):
            if guard.failed:
                failures.append((guard.name, guard.reason))
            if guard.proven:
                proven.append(guard.name)
            guard.failed = guard.proven = False
    return tuple(failures), tuple(proven)
