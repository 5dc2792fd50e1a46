"""Sequence numbers of one topic: what is missing between two messages."""

from __future__ import annotations


class Sequence:
    """Counts the messages that are missing by `seq`, which grows by one per message and restarts with the node."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def update(self, seq: int, *, newer: bool) -> int:
        """Take the next number and return how many are missing before it.

        `newer`: the message was observed after all before it, so a number that is not higher means a restarted node
        and not a message that comes late or twice.
        """
        last = self._last
        if last is None or seq > last or newer:
            self._last = seq
        return seq - last - 1 if last is not None and seq > last else 0

    def repeats(self, seq: int) -> bool:
        """Whether this is the number of the last message once more."""
        return seq == self._last
