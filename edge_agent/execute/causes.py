"""What else than a hand may change equipment: the node's return, a command of another agent, one that was overtaken."""

from __future__ import annotations

from enum import Enum


class Presence(Enum):
    """Whether a node was there since the last report of its equipment."""

    THERE = "there"
    AWAY = "away"


class Causes:
    """The causes besides the commands of now that explain a change of one actuator, in monotonic seconds.

    `by_hand`: it runs, or is open, by no command that is known: no lease ends that.
    """

    def __init__(self) -> None:
        self.by_hand = False
        self._node = Presence.THERE
        self._overheard_until = float("-inf")  # another agent has commanded it
        self._overtaken: tuple[bool, float] | None = None  # what a superseded command may still do, and until when

    def __repr__(self) -> str:
        return f"<Causes: node {self._node.value}, overheard until {self._overheard_until:g}>"

    def away(self) -> None:
        """Note that the node is offline, or back: what it reports next comes with its return."""
        self._node = Presence.AWAY

    def overhear(self, until_seconds: float) -> None:
        """Note that the equipment obeys a command that is not under way here."""
        self._overheard_until = until_seconds

    def overtake(self, until_seconds: float, *, on: bool) -> None:
        """Note that a command was superseded, which its node may carry out all the same."""
        self._overtaken = on, until_seconds

    @property
    def node_away(self) -> bool:
        """Whether the node was away since the last report: that counts no more."""
        return self._node is Presence.AWAY

    def came_back(self) -> bool:
        """Whether the node was away since the last report; from now on it is there."""
        node, self._node = self._node, Presence.THERE
        return node is Presence.AWAY

    def explain(self, *, on: bool, seconds: float) -> bool:
        """Whether a command that is not under way explains that the equipment went on, or off."""
        if seconds < self._overheard_until:
            return True
        return self._overtaken is not None and on is self._overtaken[0] and seconds < self._overtaken[1]
