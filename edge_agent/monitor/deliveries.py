"""Knows messages again that carry no identity of their own: no time and no number, or what could not be read."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from edge_agent.model.readings import KEPT_DELIVERIES, Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.inbox import Message


class Deliveries:
    """The latest deliveries that neither the times nor the numbers in them would tell from new ones."""

    def __init__(self, remembered: Iterable[Delivery]) -> None:
        self._digests = {delivery.packet: delivery.digest for delivery in remembered}

    def hold(self, message: Message) -> bool:
        """Whether a redelivered message was kept the first time."""
        delivery = _delivery(message)
        return delivery is not None and self._digests.get(delivery.packet) == delivery.digest

    def keep(self, message: Message) -> Delivery | None:
        """Remember a message, and return what a restart must know of it; None where the broker repeats it never."""
        delivery = _delivery(message)
        if delivery is None:
            return None
        self._digests.pop(delivery.packet, None)
        self._digests[delivery.packet] = delivery.digest
        if len(self._digests) > KEPT_DELIVERIES:
            del self._digests[next(iter(self._digests))]
        return delivery

    def __len__(self) -> int:
        return len(self._digests)


def _delivery(message: Message) -> Delivery | None:
    if message.receipt is None:
        return None
    digest = blake2b(message.topic.encode(), digest_size=8)
    digest.update(message.payload)
    return Delivery(message.receipt.packet, digest.digest())
