"""Pumps that would start in one instant start one after the other."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.execute.control import Control

#: Two starts lie so far apart; where many wait they share the window.
APART_SECONDS = 10.0
WINDOW_SECONDS = 60.0


class Stagger:
    """Says which start may come now. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._next = float("-inf")
        self._last = ""  # who started last: its own start keeps it from nothing
        self._pitch = APART_SECONDS
        self._waiting = False

    def turn(self, waiting: int) -> None:
        """Note how many pumps wait to start now; the pitch of a batch is chosen when it begins."""
        if waiting and not self._waiting:
            self._pitch = min(APART_SECONDS, WINDOW_SECONDS / waiting)
        self._waiting = waiting > 0

    def wait_seconds(self, actuator: str, seconds: float) -> float:
        """Return how long a start has to wait for those of others; 0 where it need not."""
        return 0.0 if actuator == self._last else max(0.0, self._next - seconds)

    def started(self, actuator: str, seconds: float) -> None:
        """Note that a start was commanded."""
        self._next, self._last = seconds + self._pitch, actuator


def return_wait_seconds(control: Control, seconds: float) -> float:
    """Return how long an actuator has to wait after the start of the agent, or its node's return.

    A place within `power_return_seconds` that is its own, by its name: the same in every run.
    """
    low, high = control.actuator.power_return_seconds
    digest = blake2b(control.actuator.name.encode(), digest_size=4).digest()
    place = low + (high - low) * int.from_bytes(digest, "big") / 0xFFFFFFFF
    return max(0.0, control.after_seconds + place - seconds)
