"""The beat to which all keep who look now and then: together they cost one wake-up, not one each."""

from __future__ import annotations

import asyncio

#: So often the agent looks whether a person has asked for something, changed a threshold or set the clock: what is
#: changed is in force within a second.
BEAT_SECONDS = 0.75


def until_beat(beats: int = 1) -> float:
    """Return how many real seconds of the event loop are left until its next beat, or one that follows that."""
    return beats * BEAT_SECONDS - asyncio.get_running_loop().time() % BEAT_SECONDS
