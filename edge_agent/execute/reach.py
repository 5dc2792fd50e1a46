"""What is known of the way to the equipment: the broker, the nodes, and what the dispatch found out about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from edge_agent.model.commands import Check

if TYPE_CHECKING:
    from collections.abc import Collection

    Breaker = Literal["open", "half_open", "closed"]


class Reach:
    """Whether the broker can be reached, as far as is known, which nodes are there, and the breakers of nodes."""

    def __init__(self) -> None:
        self.linked = True
        self.online: dict[str, bool] = {}
        self.offline: set[str] = set()
        self.gone_seconds: dict[str, float] = {}  # since when nodes are offline
        self._breakers: dict[str, Breaker] = {}
        self.trying: dict[str, None] = {}  # nodes whose breakers let one command through

    def __repr__(self) -> str:
        return f"<Reach: broker {'there' if self.linked else 'away'}, offline {sorted(self.offline)}>"

    def note(self, node: str, seconds: float, *, online: bool) -> bool | None:
        """Note whether a node is there; return what was known before."""
        if online:
            self.gone_seconds.pop(node, None)
        else:
            self.gone_seconds.setdefault(node, seconds)
        before, self.online[node] = self.online.get(node), online
        (self.offline.discard if online else self.offline.add)(node)
        return before

    def note_breaker(self, node: str, state: Breaker) -> None:
        """Note what the dispatch found about a node."""
        self._breakers[node] = state
        self.trying.pop(node, None)
        if state == "half_open":
            self.trying[node] = None

    def breaker(self, node: str) -> Breaker:
        """Return the state of a node's breaker."""
        return self._breakers.get(node, "closed")

    def keep(self, nodes: Collection[str]) -> None:
        """Forget all nodes but these."""
        for node in [node for node in self.online if node not in nodes]:
            del self.online[node]
            self.offline.discard(node)
            self.gone_seconds.pop(node, None)
            self._breakers.pop(node, None)
            self.trying.pop(node, None)

    def is_there(self, node: str) -> bool:
        """Whether a node has not said that it is offline."""
        return self.online.get(node) is not False

    def can_be_asked(self, node: str) -> bool:
        """Whether neither its status nor its breaker speaks against asking a node."""
        return self.online.get(node) is not False and self.breaker(node) != "open"

    def broker_check(self) -> Check:
        """Check that the broker can be reached."""
        return Check("broker", self.linked, "connected" if self.linked else "not connected")

    def node_check(self, node: str, *, safe: bool) -> Check:
        """Check that a node is there; the fail-safe action is tried whatever is believed."""
        online = self.online.get(node)
        heard = "never heard" if online is None else "online" if online else "offline"
        return Check("node", safe or online is not False, heard)
