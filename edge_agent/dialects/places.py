"""One thing that is said at a place of a document: a sensor's value, a word on what is the case, or an answer."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.dialects.native import Sample
from edge_agent.dialects.pointer import MISSING, find, same, steps
from edge_agent.dialects.rejects import MOST_SEQ, Rejected, rendered, value_reason
from edge_agent.dialects.timestamps import TimestampError, told_instant

if TYPE_CHECKING:
    from edge_agent.dialects.pointer import Steps
    from edge_agent.model.sources import ReadingSource, ReplySource, Scalar, Source, WordSource
    from edge_agent.model.time import Instant

_NUMBER = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*", re.ASCII)
_LEAST_WRITTEN = len("2026-11-22T10:00:00")
_LONGEST_WORD = 64
_LONGEST_SHOWN = 120
_LONGEST_UNIT = 16
#: Makes a sample without its own constructor.
_new = tuple.__new__


class DocumentConditions(NamedTuple):
    """What a document must hold, so that anything is said in it."""

    held: tuple[tuple[Steps, Scalar], ...]

    def hold(self, document: Any) -> bool:  # noqa: ANN401 - whatever a payload holds
        """Whether all of them hold."""
        return all(same(find(document, way), expected) for way, expected in self.held)


def conditions(source: Source) -> DocumentConditions:
    """Return the conditions of a source."""
    return DocumentConditions(tuple((steps(place), expected) for place, expected in source.only_if))


class _RejectedError(ValueError):
    """Its text is the reason."""


class ReadingPlace:
    """Where the values of one sensor stand."""

    __slots__ = ("_conditions", "_quality", "_seq", "_source", "_ts", "_unit", "_value", "_words", "name", "sensor")

    def __init__(self, node: str, sensor: str, source: ReadingSource) -> None:
        self.name, self.sensor, self._source = f"{node}/{sensor}", sensor, source
        self._conditions, self._value, self._words = conditions(source), steps(source.value), dict(source.words)
        self._ts, self._seq, self._quality = (
            None if place is None else steps(place) for place in (source.ts, source.seq, source.quality)
        )
        is_place = source.unit is not None and source.unit.startswith("/")
        self._unit = steps(source.unit or "") if is_place else None

    def __repr__(self) -> str:
        return f"<ReadingPlace of {self.name}: {self._source.topic}#{self._source.value}>"

    @property
    def skips_retained(self) -> bool:
        """Whether retained messages say nothing."""
        return self._source.retained == "skip"

    def read(self, document: Any) -> Sample | Rejected | None:  # noqa: ANN401 - whatever a payload holds
        """Return what is said, why it cannot be read, or None where nothing is said: that is never 0."""
        source = self._source
        if source.only_if and not self._conditions.hold(document):
            return None
        found = find(document, self._value)
        if found is MISSING or found is None or (source.missing and self._is_missing(found)):
            return None
        seq = None
        try:
            if self._seq is not None:
                seq = self._read_seq(document)
            if self._quality is not None:
                self._check_quality(document)
            value = self._number(found)
            unit = source.unit if self._unit is None else self._read_unit(document)
            at = None if self._ts is None else self._observed_at(find(document, self._ts))
            return _new(Sample, (self.sensor, value, unit, at, seq))
        except (_RejectedError, TimestampError) as error:
            return Rejected(str(error), self._excerpt(found), seq)

    def _is_missing(self, found: object) -> bool:
        return any(same(found, each) for each in self._source.missing)

    def _check_quality(self, document: Any) -> None:  # noqa: ANN401 - as above
        code = find(document, self._quality or ())
        if not any(same(code, good) for good in self._source.good):
            raise _RejectedError("quality_not_good")

    def _number(self, found: Any) -> float:  # noqa: ANN401 - as above
        kind = type(found)
        if kind is str:
            found = self._spelled(found)
        elif kind is not float and kind is not int and kind is not bool:
            raise _RejectedError("value_not_numeric")
        try:
            value = found * self._source.scale + self._source.offset
        except OverflowError:
            raise _RejectedError("value_infinite") from None
        if not isfinite(value):
            raise _RejectedError(value_reason(found) if value_reason(found) != "malformed" else "value_infinite")
        return float(value)

    def _spelled(self, text: str) -> float:
        number = self._words.get(text)
        if number is not None:
            return number
        if self._source.text_numbers and _NUMBER.fullmatch(text):
            return float(text)
        raise _RejectedError("value_not_numeric")

    def _read_unit(self, document: Any) -> str | None:  # noqa: ANN401 - as above
        unit = find(document, self._unit or ())
        if not isinstance(unit, str) or len(unit) > _LONGEST_UNIT:
            raise _RejectedError("unit_invalid")
        return unit

    def _read_seq(self, document: Any) -> int | None:  # noqa: ANN401 - as above
        seq = find(document, self._seq or ())
        if seq is MISSING or seq is None:
            return None
        if type(seq) is not int or not 0 <= seq <= MOST_SEQ:
            raise _RejectedError("seq_invalid")
        return seq

    def _observed_at(self, ts: Any) -> Instant | None:  # noqa: ANN401 - as above
        """Return when it was measured; None where nothing is said of it: then the time of receipt counts."""
        if type(ts) is str:
            if not _is_written(ts):
                if not self._source.text_numbers or not _NUMBER.fullmatch(ts):
                    raise TimestampError("timestamp_invalid")
                ts = float(ts)
        elif ts is MISSING or ts is None:
            return None
        elif type(ts) is not int and type(ts) is not float:
            raise TimestampError("timestamp_invalid")
        try:
            return told_instant(ts, self._source.ts_format)
        except OverflowError:
            raise TimestampError("timestamp_invalid") from None

    def _excerpt(self, found: object) -> bytes:
        """Show in a dead letter which sensor it is about, where, and what stood there."""
        return rendered({"sensor": self.name, "place": self._source.value, "found": _shown(found)})


def _is_written(ts: str) -> bool:
    """Whether a text begins like a date with a time, such as 2026-11-22T10:00:00; datetime says whether it is one.

    It reads dates alone, week dates and bare numbers besides.
    """
    return len(ts) >= _LEAST_WRITTEN and ts[4] == ts[7] == "-" and ts[13] == ts[16] == ":"


class WordPlace:
    """Where a device says what is the case, in words that mean one of ours."""

    __slots__ = ("_conditions", "_source", "_value")

    def __init__(self, source: WordSource) -> None:
        self._source, self._conditions, self._value = source, conditions(source), steps(source.value)

    def __repr__(self) -> str:
        return f"<WordPlace {self._source.topic}#{self._source.value}>"

    @property
    def skips_retained(self) -> bool:
        """Whether retained messages say nothing."""
        return self._source.retained == "skip"

    def read(self, document: Any) -> tuple[str, object] | None:  # noqa: ANN401 - whatever a payload holds
        """Return our word, empty for what means none, with what was said; None where nothing is said."""
        if self._conditions.held and not self._conditions.hold(document):
            return None
        found = find(document, self._value)
        if found is MISSING or found is None or found == "":  # an empty retained message takes the last one back
            return None
        for word, said in self._source.means:
            if any(same(found, each) for each in said):
                return word, found
        return "", found

    def excerpt(self, name: str, found: object) -> bytes:
        """Show in a dead letter of what it is, where, and what stood there."""
        return rendered({"of": name, "place": self._source.value, "found": _shown(found)})


class ReplyPlace:
    """Where a device answers the commands of one actuator."""

    __slots__ = ("_conditions", "_detail", "_done", "_failed", "_id")

    def __init__(self, source: ReplySource) -> None:
        self._conditions, self._id = conditions(source), steps(source.value)
        self._done = tuple((steps(place), expected) for place, expected in source.done)
        self._failed = tuple((steps(place), expected) for place, expected in source.failed)
        self._detail = None if source.detail is None else steps(source.detail)

    def __repr__(self) -> str:
        return f"<ReplyPlace {'/'.join(step.name for step in self._id)}>"

    def read(self, document: Any) -> tuple[str, str, str] | None:  # noqa: ANN401 - whatever a payload holds
        """Return the id or counter, `done`, `failed` or `accepted`, and a detail; None where it is no answer."""
        if not self._conditions.hold(document):
            return None
        identity = find(document, self._id)
        if not isinstance(identity, str | int) or isinstance(identity, bool):
            return None
        detail = MISSING if self._detail is None else find(document, self._detail)
        said = "" if detail is MISSING or detail is None else str(_shown(detail))
        if self._failed and all(_holds(document, each) for each in self._failed):
            return _text(identity), "failed", said
        if all(_holds(document, each) for each in self._done):
            return _text(identity), "done", said
        return _text(identity), "accepted", said


def _text(identity: str | int) -> str:
    """Return an id as text, not longer than any of ours."""
    return identity[:_LONGEST_WORD] if isinstance(identity, str) else str(identity) if abs(identity) < 1 << 63 else "?"


def _holds(document: Any, condition: tuple[Steps, Scalar | None]) -> bool:  # noqa: ANN401 - as above
    way, expected = condition
    found = find(document, way)
    return found is not MISSING if expected is None else same(found, expected)


def _shown(found: object) -> object:
    if isinstance(found, dict | list):
        return "an object" if isinstance(found, dict) else f"an array of {len(found)}"
    if isinstance(found, int) and abs(found) >= 1 << 63:
        return "a number beyond 64 bits"
    return found[:_LONGEST_SHOWN] if isinstance(found, str) else found
