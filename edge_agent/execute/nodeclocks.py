"""By whose clock a command is dated: the agent's own, unless that may be wrong and the node's is ahead of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.time import Instant, Moment

#: The wall clock was set where it differs by more from what the monotonic one lets expect.
STEP_SECONDS = 2.0


class NodeClocks:
    """How far the clocks of nodes are ahead of a wall clock that is not sure, as far as they have told.

    A node refuses what has expired by its own clock. With the agent's an hour behind that would be every command, the
    stop among them.
    """

    def __init__(self) -> None:
        self._ahead: dict[str, int] = {}
        self._offset = 0.0

    def __repr__(self) -> str:
        return f"NodeClocks({self._ahead})"

    def hear(self, ahead: Mapping[str, int], now: Moment) -> None:
        """Note by how many microseconds nodes are ahead at the least. A clock that is set makes void what was."""
        if abs(now.offset - self._offset) > STEP_SECONDS:
            self._ahead.clear()
        self._offset = now.offset
        for node, microseconds in ahead.items():
            self._ahead[node] = max(microseconds, self._ahead.get(node, 0))

    def date(self, node: str, now: Moment, *, safe: bool) -> Instant:
        """Return when a command is issued, by a clock that its node agrees with.

        The fail-safe action is dated by the latest clock of the site: its node may have told no time yet.
        """
        if now.sure or not self._ahead:
            return now.at
        return now.at + (max(self._ahead.values()) if safe else self._ahead.get(node, 0))
