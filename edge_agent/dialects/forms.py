"""Forms of commands: text with places to be filled in, such as `{counter}` or `{lease_seconds+100}`."""

from __future__ import annotations

import re
from math import floor
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.time import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.commands import Command
    from edge_agent.model.sources import Scalar

_PLACE = re.compile(r"\{([a-z_]+)(?:([+-]\d{1,6}))?\}")
_NUMBERS = frozenset({"counter", "epoch", "lease_seconds", "value", "percent"})
#: The places that any form may have, and an example of each. Texts among them are ids, but for `reason`.
EXAMPLES: Mapping[str, Scalar] = {
    "action": "start",
    "actuator": "pump1",
    "agent": "gateway-1",
    "counter": 1042,
    "epoch": 7,
    "expires_at": "2026-11-22T10:00:40.512Z",
    "id": "0199c3a2-7b1e-7c5a-9d52-0f3b2a1c4d5e",
    "issued_at": "2026-11-22T10:00:10.512Z",
    "lease_seconds": 900,
    "node": "well",
    "percent": 80,
    "plan": "fill_tank1",
    "reason": 'tank1/level (1.42 m) has been "below" low',
    "site": "riverside",
    "value": 0.8,
}
#: What the plant file says of the device; filled into topics and pointers too.
GIVEN = ("channel", "device")


class Piece(NamedTuple):
    """A piece of a form: text as it is, then a place where there is one, and what is added to its number."""

    text: str
    place: str = ""
    plus: int = 0

    def filled(self, values: Mapping[str, Scalar | None]) -> Scalar | None:
        """Return what stands at the place."""
        value = values[self.place]
        if self.plus and isinstance(value, int | float) and not isinstance(value, bool):
            return value + self.plus
        return value


def pieces(form: str) -> Iterator[Piece]:
    """Divide a form at its places. What is not written like a place is text.

    >>> [piece.place for piece in pieces('{"id":{counter},"for":{lease_seconds+100}}')]
    ['counter', 'lease_seconds', '']
    """
    at = 0
    for found in _PLACE.finditer(form):
        yield Piece(form[at : found.start()], found[1], int(found[2] or 0))
        at = found.end()
    yield Piece(form[at:])


def places(form: str) -> set[str]:
    """Return the names of the places in a form."""
    return {piece.place for piece in pieces(form)} - {""}


def unknown_places(form: str) -> Iterator[str]:
    """Find places that nothing can be filled into, each in a sentence without its subject."""
    for piece in pieces(form):
        if piece.place and piece.place not in EXAMPLES and piece.place not in GIVEN:
            yield f"has a place {{{piece.place}}} that nobody knows"
        elif piece.plus and piece.place not in _NUMBERS:
            yield f"adds {piece.plus} to {{{piece.place}}}, which is no number"


def values_of(command: Command, agent: str, given: tuple[tuple[str, Scalar], ...]) -> dict[str, Scalar | None]:
    """Return what may be filled in for a command. A lease in whole seconds, never longer than it is."""
    percent = None if command.value is None else round(100 * command.value)
    return {
        "action": command.action,
        "actuator": command.actuator,
        "agent": agent,
        "counter": command.counter,
        "epoch": command.epoch,
        "expires_at": rfc3339(command.expires_at),
        "id": command.id,
        "issued_at": rfc3339(command.issued_at),
        "lease_seconds": max(1, floor(command.lease_seconds)),
        "node": command.node,
        "percent": percent,
        "plan": command.plan,
        "reason": command.reason,
        "site": command.site,
        "value": command.value,
        **dict(given),
    }
