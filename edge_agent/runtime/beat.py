"""The beat to which the agent looks around: all that is looked at now and then costs one wake-up, not one each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: So often it is looked whether a person has asked for something, changed a threshold or set the clock: what is changed
#: is in force within a second.
BEAT_SECONDS = 0.75


class Beaten(Protocol):
    """Whoever looks with the beat: `changed` tells whether the store may hold another thing than before."""

    def beat(self, *, changed: bool) -> None: ...  # noqa: D102


def until_beat(beats: int = 1) -> float:
    """Return how many real seconds of the event loop are left until its next beat, or one that follows that."""
    return beats * BEAT_SECONDS - asyncio.get_running_loop().time() % BEAT_SECONDS


async def look_around(those: Iterable[Beaten], glance: Callable[[], bool] | None = None) -> None:
    """Beat for some, until cancelled; without a `glance` at the store it may have changed each time."""
    all_of_them = tuple(those)
    while True:
        await asyncio.sleep(until_beat())
        changed = glance is None or glance()
        for each in all_of_them:
            each.beat(changed=changed)
