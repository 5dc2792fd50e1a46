"""What could not be read of a payload and why; of one message so much and no more, whatever it holds."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pydantic import ValidationError

#: So many elements of one message are read. No array of readings with a time each has more within 64 KiB.
MOST_ELEMENTS = 2_500
#: So many dead letters are made of one message; the last of them sums up the rest.
MOST_LETTERS = 10
MOST_SEQ = 2**63 - 1


class Rejected(NamedTuple):
    """What could not be read: the reason, the element of the payload it was, and its number where that could be.

    Of many the payload is left out: it is not shown.
    """

    reason: str
    payload: bytes
    seq: int | None = None


class Bad(NamedTuple):
    """A rejected element as it was parsed."""

    reason: str
    element: object
    seq: int | None = None


def beyond(elements: int) -> Rejected:
    """Reject what a message of so many elements holds beyond MOST_ELEMENTS."""
    return Rejected("too_many_elements", rendered({"elements": elements, "read": MOST_ELEMENTS}))


def summed_up(problems: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Keep the first problems of a message as they are; one stands for all the others, and counts them."""
    if len(problems) <= MOST_LETTERS:
        return problems
    apart, rest = problems[: MOST_LETTERS - 1], problems[MOST_LETTERS - 1 :]
    reasons = Counter(reason for reason, _ in rest)
    return [*apart, ("too_many_rejected", rendered({"rejected": len(rest), "reasons": reasons}))]


def seq_of(element: object) -> int | None:
    """Find the number of what is otherwise no good: the message came, it is not missing."""
    seq = element.get("seq") if isinstance(element, dict) else None
    return seq if type(seq) is int and 0 <= seq <= MOST_SEQ else None


def reason_of(error: ValidationError) -> str:
    """Name what is wrong by the first member that is: value, then time, then the rest."""
    found = {str(part["loc"][0]): part for part in reversed(error.errors(include_url=False)) if part["loc"]}
    if "value" in found:
        missing = found["value"]["type"] == "missing"
        return "value_missing" if missing else value_reason(found["value"]["input"])
    reasons = {"ts": "timestamp_invalid", "unit": "unit_invalid", "seq": "seq_invalid"}
    return next((reasons[member] for member in reasons if member in found), "malformed")


def value_reason(value: object) -> str:
    """Name what is wrong with a value."""
    if not isinstance(value, int | float):
        return "value_not_numeric"
    if value != value:  # noqa: PLR0124  # only NaN differs from itself
        return "value_nan"
    # A number or boolean that is fine as a value stands where a reading should.
    return "malformed" if abs(value) <= sys.float_info.max else "value_infinite"


def rendered(element: object) -> bytes:
    """Write an element as JSON again."""
    return json.dumps(element, ensure_ascii=False).encode()


def excerpt(payload: bytes, sensor: str, value: float) -> bytes:
    """Return what of a payload a dead letter shows: the one sample that it is about, if that names its sensor."""
    return json.dumps({sensor: value}).encode() if sensor else payload
