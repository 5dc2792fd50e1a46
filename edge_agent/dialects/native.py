"""Our own language: payloads read strictly. What is not exactly as agreed becomes a reason, never a guess.

Each payload is validated by pydantic once. Only a payload that fails is looked at again, element by element, so that
one bad element of an array does not take the good ones with it.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, NamedTuple, NotRequired

from pydantic import ConfigDict, FailFast, Field, TypeAdapter, ValidationError, with_config
from pydantic_core import from_json
from typing_extensions import TypedDict

from edge_agent.dialects.rejects import (
    MOST_ELEMENTS,
    MOST_LETTERS,
    MOST_SEQ,
    Bad,
    Rejected,
    beyond,
    reason_of,
    rendered,
    seq_of,
    value_reason,
)
from edge_agent.dialects.timestamps import WRITTEN, TimestampError, told_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_agent.model.plant import TimestampFormat
    from edge_agent.model.time import Instant

Number = Annotated[float, Field(allow_inf_nan=False)]
_Value = bool | Number
_Rfc3339 = Annotated[str, Field(pattern=WRITTEN)]
STRICT = ConfigDict(strict=True, extra="ignore")


@with_config(STRICT)
class _OneReading(TypedDict):
    value: _Value
    unit: NotRequired[Annotated[str, Field(max_length=16)]]
    ts: NotRequired[_Rfc3339 | Number]
    seq: NotRequired[Annotated[int, Field(ge=0, le=MOST_SEQ)]]


@with_config(STRICT)
class _ManyReadings(TypedDict):
    readings: dict[str, _Value]
    ts: NotRequired[_Rfc3339 | Number]
    seq: NotRequired[Annotated[int, Field(ge=0, le=MOST_SEQ)]]


_ONE = TypeAdapter(_OneReading)
_ONES = TypeAdapter(Annotated[list[_OneReading], FailFast()])
_MANY = TypeAdapter(_ManyReadings)
_MANIES = TypeAdapter(Annotated[list[_ManyReadings], FailFast()])
# The adapters' own method asks for eight options at each call: 0.8 µs.
_ONE_JSON, _MANY_JSON = _ONE.validator.validate_json, _MANY.validator.validate_json
_BARE = TypeAdapter(_Value, config=ConfigDict(strict=True))


class Sample(NamedTuple):
    """One value as a node sent it. `sensor` is empty where the topic names it; `observed_at` None means at receipt."""

    sensor: str
    value: float
    unit: str | None
    observed_at: Instant | None
    seq: int | None


class Frame(NamedTuple):
    """Values of many sensors at one instant, by sensor. `observed_at` None means at receipt."""

    values: dict[str, bool | float]
    observed_at: Instant | None
    seq: int | None


def one(payload: bytes, timestamps: TimestampFormat) -> Sample | None:
    """Read a payload of `telemetry/{sensor}` as one reading with its time; None where it is anything else."""
    try:
        found: _OneReading = _ONE_JSON(payload)
        ts = found.get("ts")
        return Sample("", float(found["value"]), found.get("unit"), told_instant(ts, timestamps), found.get("seq"))
    except (ValidationError, TimestampError):
        return None


def frame(payload: bytes, timestamps: TimestampFormat) -> Frame | None:
    """Read a payload of `telemetry` as many sensors at one instant; None where it is anything else."""
    try:
        found: _ManyReadings = _MANY_JSON(payload)
        return Frame(found["readings"], told_instant(found.get("ts"), timestamps), found.get("seq"))
    except (ValidationError, TimestampError):
        return None


def telemetry(payload: bytes, timestamps: TimestampFormat) -> Iterator[Sample | Rejected]:
    """Read a payload of `telemetry/{sensor}`: a reading, an array of them, or a bare number."""
    head = payload.lstrip()[:1]
    try:
        if head == b"{":
            yield _sample(_ONE.validate_json(payload), timestamps)
        elif head == b"[":
            yield from _bounded([_sample(one, timestamps) for one in _ONES.validate_json(payload)])
        else:
            yield Sample("", float(_BARE.validate_json(payload)), None, None, None)
    except (ValidationError, TimestampError):
        yield from _each(payload, timestamps, _one_again)


def telemetry_of_many(payload: bytes, timestamps: TimestampFormat) -> Iterator[Sample | Rejected]:
    """Read a payload of `telemetry`: many sensors at one instant, or an array of those."""
    try:
        if payload.lstrip()[:1] == b"[":
            many = [sample for one in _MANIES.validate_json(payload) for sample in _samples(one, timestamps)]
        else:
            many = list(_samples(_MANY.validate_json(payload), timestamps))
        yield from _bounded(many)
    except (ValidationError, TimestampError):
        yield from _each(payload, timestamps, _many_again)


def _bounded(samples: list[Sample]) -> Iterator[Sample | Rejected]:
    yield from samples[:MOST_ELEMENTS]
    if len(samples) > MOST_ELEMENTS:
        yield beyond(len(samples))


def _sample(one: _OneReading, timestamps: TimestampFormat) -> Sample:
    at = told_instant(one.get("ts"), timestamps)
    return Sample("", float(one["value"]), one.get("unit"), at, one.get("seq"))


def _samples(many: _ManyReadings, timestamps: TimestampFormat) -> Iterator[Sample]:
    at, seq = told_instant(many.get("ts"), timestamps), many.get("seq")
    for sensor, value in many["readings"].items():
        yield Sample(sensor, float(value), None, at, seq)


def _each(
    payload: bytes, timestamps: TimestampFormat, again: Callable[[object, TimestampFormat], Iterator[Sample | Bad]]
) -> Iterator[Sample | Rejected]:
    """Yield what is good in a payload that failed as a whole, and the reasons for the rest."""
    try:
        content = from_json(payload)
    except ValueError as error:
        yield Rejected("too_deep" if "recursion limit" in str(error) else "invalid_json", payload)
        return
    elements = content if isinstance(content, list) else [content]
    found = chain.from_iterable(again(element, timestamps) for element in elements)
    shown = 0
    for item in islice(found, MOST_ELEMENTS):
        if isinstance(item, Sample):
            yield item
            continue
        raw = b""
        if shown < MOST_LETTERS:  # rendering all of them would take longer than all else
            raw = payload if item.element is content else rendered(item.element)
        shown += 1
        yield Rejected(item.reason, raw, item.seq)
    if next(found, None) is not None:
        yield beyond(sum(_size(element) for element in elements))


def _size(element: object) -> int:
    values = element.get("readings") if isinstance(element, dict) else None
    return len(values) if isinstance(values, dict) else 1


def _one_again(element: object, timestamps: TimestampFormat) -> Iterator[Sample | Bad]:
    if not isinstance(element, dict):
        yield Bad("malformed" if isinstance(element, list) else value_reason(element), element)
        return
    try:
        yield _sample(_ONE.validate_python(element), timestamps)
    except ValidationError as error:
        yield Bad(reason_of(error), element, seq_of(element))
    except TimestampError as error:
        yield Bad(str(error), element, seq_of(element))


def _many_again(element: object, timestamps: TimestampFormat) -> Iterator[Sample | Bad]:
    values = element.get("readings") if isinstance(element, dict) else None
    if not isinstance(element, dict) or not isinstance(values, dict):
        yield Bad("malformed", element, seq_of(element))
        return
    try:
        frame = _MANY.validate_python({**element, "readings": {}})
        at = told_instant(frame.get("ts"), timestamps)
    except ValidationError as error:
        yield Bad(reason_of(error), element, seq_of(element))
        return
    except TimestampError as error:
        yield Bad(str(error), element, seq_of(element))
        return
    for sensor, value in values.items():
        try:
            yield Sample(sensor, float(_BARE.validate_python(value)), None, at, frame.get("seq"))
        except ValidationError:
            yield Bad(value_reason(value), {sensor: value}, frame.get("seq"))


def said_at(payload: bytes, timestamps: TimestampFormat) -> Instant | None:
    """Return the time that a state bears; None where there is none that can be read."""
    try:
        ts = from_json(payload).get("ts")
        return told_instant(ts, timestamps) if isinstance(ts, str | int | float) else None
    except (ValueError, AttributeError, OverflowError, RecursionError):
        return None
