"""A flood whose messages come twice, in another order, or never were sent: what networks and nodes do to them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from support.ledgerflood import LEVEL, LOAD, Flood

if TYPE_CHECKING:
    import random
    from typing import Any

_DUP = 0x08


class UnrulyFlood(Flood):
    """Misbehaves as far as it is told to: at first not at all.

    A share `twice` of the messages is sent twice, half of those marked as repeated; a share `shuffled` changes places
    with others of its window; a share `skipped` of the numbers is never sent; levels are `late_seconds` old.
    `doubled`, `moved` and `left_out` count what it did.
    """

    def __init__(self, port: int, chance: random.Random, **flood: Any) -> None:
        self._chance = chance
        self.twice = self.shuffled = self.skipped = self.late_seconds = 0.0
        self.doubled = self.moved = self.left_out = 0
        super().__init__(port, **flood)

    def _more(self) -> bytes:
        packets: list[bytes] = []
        for _ in range(self._room()):
            if self._chance.random() < self.skipped:
                self._numbers[LOAD] += 1
                self.left_out += 1
            packets.append(self._message())
        return b"".join(self._disturbed(packets))

    def _payload(self, sensor: str, number: int) -> bytes:
        payload = super()._payload(sensor, number)
        if sensor != LEVEL or not self.late_seconds:
            return payload
        reading = json.loads(payload)
        reading["ts"] = (datetime.fromisoformat(reading["ts"]) - timedelta(seconds=self.late_seconds)).isoformat()
        return json.dumps(reading).encode()

    def _room(self) -> int:
        return min(self._wanted - self._made, self._window - len(self._unacknowledged), self._allowed())

    def _disturbed(self, packets: list[bytes]) -> list[bytes]:
        chance, order = self._chance, list(range(len(packets)))
        for place in range(len(order)):
            if chance.random() < self.shuffled:
                other = chance.randrange(len(order))
                order[place], order[other] = order[other], order[place]
                self.moved += place != other
        sent = [packets[place] for place in order]
        for _ in range(sum(chance.random() < self.twice for _ in packets)):
            again = chance.choice(packets)
            self.doubled += 1
            if chance.random() < 0.5:
                again = bytes((again[0] | _DUP,)) + again[1:]
            sent.insert(chance.randrange(len(sent) + 1), again)
        return sent
