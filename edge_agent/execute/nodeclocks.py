"""By whose clock a command is dated: the agent's own, unless that may be wrong and the node's is ahead of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.time import Instant, Moment


class NodeClocks:
    """What the clocks of nodes say at the least, beside a wall clock that is not sure.

    A node refuses what has expired by its own clock. With the agent's an hour behind that would be every command, the
    stop among them. Each clock is kept as its distance from the monotonic count, in microseconds: setting the agent's
    wall clock changes nothing about it. So is the agent's own clock of the time when it was sure.
    """

    def __init__(self) -> None:
        self._offsets: dict[str, int] = {}
        self._own: int | None = None

    def __repr__(self) -> str:
        return f"NodeClocks({self._offsets})"

    def hear(self, ahead: Mapping[str, int], now: Moment) -> None:
        """Note by how many microseconds nodes are ahead of the wall clock at the least; less than 0, behind."""
        offset = now.at - _count(now)
        if now.sure:
            self._own = offset
        for node, microseconds in ahead.items():
            self._offsets[node] = max(offset + microseconds, self._offsets.get(node, offset + microseconds))

    def date(self, node: str, now: Moment, *, safe: bool) -> Instant:
        """Return when a command is issued, by a clock that its node agrees with; never before the agent's own.

        The fail-safe action is dated by the latest clock of the site: its node may have told no time yet.
        """
        if now.sure:
            return now.at
        known = [offset for name, offset in self._offsets.items() if safe or name == node]
        if self._own is not None:
            known.append(self._own)
        return max(now.at, max(known) + _count(now)) if known else now.at


def _count(now: Moment) -> int:
    return round(now.seconds * MICROSECONDS)
