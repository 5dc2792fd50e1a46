"""Knows messages again that carry no identity of their own: no time and no number, or what could not be read."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from edge_agent.model.readings import MOST_DELIVERIES, Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.inbox import Message


_WIDTH = 8
_NONE = bytes(_WIDTH)


class Deliveries:
    """The latest delivery of each packet id that neither time nor number in it would tell from a new one.

    All ids there are: whatever the broker has on its way, it is known again. They stand side by side, half a megabyte.
    """

    def __init__(self, remembered: Iterable[Delivery]) -> None:
        self._digests = bytearray(_WIDTH * (MOST_DELIVERIES + 1))
        for delivery in remembered:
            self._put(delivery)

    def hold(self, message: Message) -> bool:
        """Whether a redelivered message was kept the first time."""
        delivery = _delivery(message)
        return delivery is not None and self._digests[_place(delivery.packet)] == delivery.digest

    def keep(self, message: Message) -> Delivery | None:
        """Remember a message, and return what a restart must know of it; None where the broker repeats it never."""
        delivery = _delivery(message)
        if delivery is None:
            return None
        self._put(delivery)
        return delivery

    def __repr__(self) -> str:
        known = sum(self._digests[at : at + _WIDTH] != _NONE for at in range(0, len(self._digests), _WIDTH))
        return f"Deliveries({known} packets)"

    def _put(self, delivery: Delivery) -> None:
        if 0 <= delivery.packet <= MOST_DELIVERIES:
            self._digests[_place(delivery.packet)] = delivery.digest[:_WIDTH].ljust(_WIDTH, b"\0")


def _place(packet: int) -> slice:
    return slice(_WIDTH * packet, _WIDTH * (packet + 1))


def _delivery(message: Message) -> Delivery | None:
    if message.receipt is None:
        return None
    digest = blake2b(message.topic.encode(), digest_size=_WIDTH)
    digest.update(message.payload)
    return Delivery(message.receipt.packet, digest.digest())
