"""Who is to be looked at, and when: so that nothing is looked at before its time, and nothing later."""

from __future__ import annotations

from heapq import heapify, heappop, heappush, heapreplace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

NEVER = float("inf")


class Dated(Protocol):
    """What time alone may change: not before it is due, by monotonic seconds; NEVER, that it need not be looked at."""

    @property
    def due_seconds(self) -> float: ...  # noqa: D102

    def __hash__(self) -> int: ...


_D = TypeVar("_D", bound=Dated)


class Agenda(Generic[_D]):
    """Those whom time alone may change, the earliest first.

    Whoever is due earlier than before has to be put again. That one is due later than before costs nothing until then.
    """

    __slots__ = ("_heap", "_number", "_queued")

    def __init__(self, those: Iterable[_D] = ()) -> None:
        self._queued = {
            each: at for each in those if (at := each.due_seconds) < NEVER
        }  # when each comes up in the heap
        self._heap = [(at, number, each) for number, (each, at) in enumerate(self._queued.items())]
        self._number = len(self._heap)  # of those that are due at once the one that was put first comes first
        heapify(self._heap)

    def __repr__(self) -> str:
        return f"Agenda({len(self._queued)}, the first at {self.next_seconds():g})"

    def put(self, one: _D) -> None:
        """Look at one when it is due."""
        at = one.due_seconds
        if at < self._queued.get(one, NEVER):
            self._queued[one] = at
            self._number += 1
            heappush(self._heap, (at, self._number, one))

    def take(self, seconds: float, most: int | None = None) -> list[_D]:
        """Return those that are due, so many at the most. They are on the agenda no more."""
        taken: list[_D] = []
        if not self._heap or self._heap[0][0] > seconds:  # most of the time
            return taken
        while self.next_seconds() <= seconds and len(taken) != most:
            _, _, one = heappop(self._heap)
            del self._queued[one]
            taken.append(one)
        return taken

    def next_seconds(self) -> float:
        """Return when the first of them is due; NEVER where nobody is."""
        heap, queued = self._heap, self._queued
        while heap:
            at, number, one = heap[0]
            if queued.get(one) != at:  # it was put again, for earlier
                heappop(heap)
                continue
            due = one.due_seconds
            if due <= at:
                return at
            if due < NEVER:
                queued[one] = due
                heapreplace(heap, (due, number, one))
            else:
                del queued[one]
                heappop(heap)
        return NEVER
