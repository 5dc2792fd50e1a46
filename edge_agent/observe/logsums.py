"""What is logged again and again within a minute, as one line with a number."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.observe.journal import OUTCOMES, REJECTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from loguru import Record

#: A kind is summed for so long before its line is written.
WINDOW_SECONDS = 60.0
#: Kinds that are told apart at a time; what comes beyond is summed by its sentence.
MOST_KINDS = 500
#: Records of a kind that are written at once within a minute; of what nodes send wrongly only the first is.
AT_ONCE = 10
_AT_ONCE = {REJECTED: 1} | {sentence: 6 * AT_ONCE for _, sentence in OUTCOMES.values()}  # of all equipment together
#: What tells two records with the same sentence apart: the first of these that is there.
_PLACES = ("alarm", "actuator", "node", "sensor", "topic", "logger")
_INFO = 20  # what is less severe is logged because somebody looks for something


class Summed(NamedTuple):
    """Records of one kind that were not written: how many, within how many seconds, and the last of them."""

    more: int
    seconds: float
    level: str
    sentence: str
    source: str | None
    fields: dict[str, Any]


class _Kind:
    __slots__ = ("at_once", "began", "last", "left", "more")

    def __init__(self, began: float, at_once: int) -> None:
        self.began, self.at_once, self.left, self.more = began, at_once, at_once, 0
        self.last: tuple[str, str, str | None, dict[str, Any]] | None = None


class LogSums:
    """Passes the first records of a kind, and sums the others of a minute.

    A kind is a level, a sentence and what it is about: the reason of a rejection, an alarm, an actuator, a node. What
    a library logs is of one kind by its logger. Safe to use from several threads.
    """

    def __init__(self, steady: Callable[[], float], *, most_kinds: int = MOST_KINDS) -> None:
        """Measure the minutes with a monotonic clock, in seconds."""
        self._steady, self._most = steady, most_kinds
        self._kinds: dict[tuple[int, str, str], _Kind] = {}
        self._lock = Lock()

    def admits(self, record: Record) -> bool:
        """Return whether a record is to be written at once; if not it is summed."""
        level, fields = record["level"], record["extra"]
        if level.no < _INFO:
            return True
        sentence, place = _kind(record)
        with self._lock:
            kind = self._find(level.no, sentence, place)
            if kind.left > 0:
                kind.left -= 1
                return True
            count = fields.get("count", 1)
            kind.more += count if isinstance(count, int) else 1
            kind.last = (level.name, record["message"], record["name"], fields)
        return False

    def _find(self, level: int, sentence: str, place: str) -> _Kind:
        wanted = key = (level, sentence, place)
        found = self._kinds.get(key)
        if found is None:
            if len(self._kinds) >= self._most:  # sentences are few; should they ever not be, levels are
                key = (level, sentence if len(self._kinds) < 2 * self._most else "", "")
                found = self._kinds.get(key)
            if found is None:
                at_once = 0 if key != wanted else _AT_ONCE.get(sentence, AT_ONCE)
                found = self._kinds[key] = _Kind(self._steady(), at_once)
        return found

    def due(self, *, everything: bool = False) -> list[Summed]:
        """Return the sums whose minute is over. A kind that was silent for a minute begins anew."""
        found = []
        with self._lock:
            now = self._steady()
            for key, kind in list(self._kinds.items()):
                if not everything and now - kind.began < WINDOW_SECONDS:
                    continue
                if kind.last is None:
                    del self._kinds[key]
                    continue
                level, sentence, source, fields = kind.last
                found.append(Summed(kind.more, now - kind.began, level, sentence, source, fields))
                kind.began, kind.more, kind.last = now, 0, None
                kind.left = max(kind.at_once - 1, 0)  # the sum is a line too
        return found

    def patience(self) -> float | None:
        """Return in how many seconds something may come due; None where nothing will by itself."""
        with self._lock:
            began = min((kind.began for kind in self._kinds.values()), default=None)
            return None if began is None else max(began + WINDOW_SECONDS - self._steady(), 0.0)


def _kind(record: Record) -> tuple[str, str]:
    fields, sentence = record["extra"], record["message"]
    if sentence == REJECTED:
        return sentence, str(fields.get("reason", ""))
    if "logger" in fields:  # what libraries say is no fixed sentence
        return "", str(fields["logger"])
    return sentence, next((str(fields[name]) for name in _PLACES if name in fields), "")


def worded(summed: Summed) -> str:
    """Write the sentence of a sum."""
    minutes = round(summed.seconds / WINDOW_SECONDS)
    time = "minute" if minutes <= 1 else f"{minutes} minutes"
    return f"{summed.sentence}: {summed.more:,} more in the last {time}"
