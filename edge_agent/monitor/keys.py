"""Which readings of a sensor are stored under which key, as far back as a repetition or a slipped clock reaches."""

from __future__ import annotations

from math import inf
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.time import Instant

#: So many of the latest keys of a sensor are known.
KEPT_KEYS = 16
#: So many keys of times that are yet to come are known; beyond that the farthest are let go.
MOST_AHEAD = 64
_KEY = Struct("qqd")  # observed_at, seq, value: a ring of bytes takes a tenth of what objects take
_NOBODY = -(2**63)
_EMPTY = _KEY.pack(_NOBODY, 0, 0.0) * KEPT_KEYS
_LAST = _KEY.size * (KEPT_KEYS - 1)
_SIZE, _pack = _KEY.size, _KEY.pack_into


class Keys:
    """Distinguishes a repetition (same time, number and value) from another reading under the same time and number.

    `first_ahead` is the earliest of the times that lay ahead of their receipt: from there on a key may be taken.
    """

    __slots__ = ("_ahead", "_place", "_ring", "first_ahead")

    def __init__(self) -> None:
        self._ring = bytearray(_EMPTY)
        self._place = _LAST
        self._ahead: dict[tuple[Instant, int], float] = {}
        self.first_ahead: float = inf

    def keep(self, at: Instant, seq: int | None, value: float) -> None:
        """Record the key of a reading that is stored."""
        place = self._place
        _pack(self._ring, place, at, -1 if seq is None else seq, value)
        self._place = place - _SIZE if place else _LAST

    def keep_ahead(self, at: Instant, seq: int | None, value: float) -> None:
        """Record the key of a reading whose time is yet to come, until it has passed."""
        self._ahead[at, -1 if seq is None else seq] = value
        if len(self._ahead) > MOST_AHEAD:
            del self._ahead[max(self._ahead)]
        self.first_ahead = min(self._ahead)[0]

    def pass_by(self, at: Instant) -> None:
        """Keep what lies ahead of a time that has become the newest, and let go of what ended long before."""
        for kept, seq, value in self._known():
            if kept > at:
                self._ahead[kept, seq] = value
        while len(self._ahead) > MOST_AHEAD:
            del self._ahead[max(self._ahead)]
        self.first_ahead = min(self._ahead)[0] if self._ahead else inf

    def forget(self, before: Instant) -> None:
        """Drop times ahead that have passed."""
        if self.first_ahead < before:
            self._ahead = {key: value for key, value in self._ahead.items() if key[0] >= before}
            self.first_ahead = min(self._ahead)[0] if self._ahead else inf

    def free(self, at: Instant, seq: int | None, value: float) -> Instant | None:
        """Return the time under which a reading can be stored: its own, or the next free microsecond.

        None: it is a repetition.
        """
        number = -1 if seq is None else seq
        taken = {kept: known for kept, its, known in self._known() if its == number}
        taken |= {kept: known for (kept, its), known in self._ahead.items() if its == number}
        while at in taken:
            if taken[at] == value:
                return None
            at += 1
        return at

    def __repr__(self) -> str:
        return f"Keys({sum(1 for _ in self._known())} known, {len(self._ahead)} ahead)"

    def _known(self) -> Iterator[tuple[Instant, int, float]]:
        return (key for key in _KEY.iter_unpack(self._ring) if key[0] != _NOBODY)
