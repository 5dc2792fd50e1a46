"""How long equipment may be on its way: a valve, or a speed, that moves no faster than its ramp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.commands import Check

if TYPE_CHECKING:
    from edge_agent.model.commands import Reported, Request

    What = tuple[str, float | None]

#: Where each action leads; `set` leads to its value.
_ENDS = {"start": 1.0, "open": 1.0, "stop": 0.0, "close": 0.0}


class Travel:
    """The last way that one actuator was sent, in monotonic seconds. Without a ramp nothing takes any time.

    The equipment, or its drive, keeps the ramp: what the agent does is to wait for it. Where nobody knows from where it
    moves, as after a restart of the agent, it may have to go all the way.
    """

    def __init__(self, ramp_seconds: float, start_seconds: float) -> None:
        self._ramp_seconds = ramp_seconds
        self._to: What | None = None
        self.until_seconds = start_seconds + ramp_seconds if ramp_seconds else float("-inf")

    def __repr__(self) -> str:
        return f"<Travel to {self._to} until {self.until_seconds:g}>"

    @property
    def longest_seconds(self) -> float:
        """How long the whole range takes."""
        return self._ramp_seconds

    def give(self, action: str, value: float | None, reported: Reported | None, seconds: float) -> None:
        """Note that a command is given. The same once more moves nothing."""
        if not self._ramp_seconds or (action, value) == self._to:
            return
        end = _ENDS.get(action, value)
        begin = None if seconds < self.until_seconds else _stands(reported)
        way = 1.0 if begin is None or end is None else abs(end - begin)
        self._to, self.until_seconds = (action, value), seconds + way * self._ramp_seconds

    def under_way(self, seconds: float) -> bool:
        """Whether it may still be moving."""
        return seconds < self.until_seconds

    def check(self, request: Request, seconds: float) -> Check | None:
        """Check that a value is not set while the way to another takes its time; None where that cannot be."""
        if not self._ramp_seconds or request.action != "set":
            return None
        left = self.until_seconds - seconds
        if left <= 0 or (request.action, request.value) == self._to:
            return Check("ramp", passed=True, detail="not under way to another value")
        return Check("ramp", passed=False, detail=f"under way for another {left:.0f} s")


def _stands(reported: Reported | None) -> float | None:
    """Return where the equipment stands, as it reports: a value, or none at all; None where it does not tell."""
    if reported is None:
        return None
    if reported.state in {"stopped", "off", "closed"}:
        return 0.0
    return reported.value
