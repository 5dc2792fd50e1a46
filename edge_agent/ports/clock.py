"""Time, as whoever acts in it needs it: the program's own clock, a scaled one for the demo, a manual one for tests.

Plant seconds are those of the water; where a demo runs faster than life they are shorter than real seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge_agent.model.time import Moment


class Clock(Protocol):
    """The plant's moment, waiting in plant seconds, and real seconds to measure.

    Only an adapter reads a clock: the core is given a moment, and whoever waits or measures is given one of these.
    """

    def now(self) -> Moment:
        """Read the plant's wall clock and monotonic count."""
        ...

    def steady(self) -> float:
        """Read a monotonic count of real seconds, for measuring and for deadlines of the transport."""
        ...

    def real_seconds(self, seconds: float) -> float:
        """Convert plant seconds to real ones."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for plant seconds."""
        ...
