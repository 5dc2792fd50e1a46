"""How fast an agent turns while something else is broken, by its own histograms, beside the machine's own stalls."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from support.processes import AgentProcess

#: What a fault elsewhere must not add to a turn, in seconds: a bound of the agent's histograms.
BAR_SECONDS = 0.05
_BUCKET = re.compile(r'edge_agent_(stage|reaction)_seconds_bucket\{le="([^"]+)"(?:,stage="(\w+)")?\} (\S+)')
_BEAT_SECONDS = 0.005
#: A turn waits for the processor more often than a bystander: for the loop, the store's thread and back.
_STALLS_OF_A_TURN = 5


class Pulse:
    """The turns from entering to leaving. Look at it afterwards; it cannot be used while the agent is away.

    A machine that is busy with something else stalls everything on it, so a bystander looks at the same time how long
    a short sleep and a small synced write beside the store take at the worst.
    """

    def __init__(self, agent: AgentProcess, folder: Path) -> None:
        self._agent, self._file = agent, folder / "bystander"
        self._thread = threading.Thread(target=self._stand_by, name="bystander", daemon=True)
        self._over = threading.Event()
        self._turns: dict[str, dict[float, float]] = {}
        self.worst_stall = 0.0

    def __enter__(self) -> Self:
        self._before = _buckets(self._agent)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if kind is None:
            after = _buckets(self._agent)
            self._turns = {
                name: {le: count - self._before[name][le] for le, count in found.items()}
                for name, found in after.items()
            }

    @property
    def turns(self) -> int:
        """How many turns had something in them."""
        return round(self._counted("analyze"))

    @property
    def beats(self) -> bool:
        """Whether a command has gone out since entering; to be asked meanwhile."""
        forever = float("inf")
        return _buckets(self._agent)["reaction"][forever] > self._before["reaction"][forever]

    @property
    def reactions(self) -> int:
        """How many commands went out."""
        return round(self._counted("reaction"))

    @property
    def slowest(self) -> float:
        """Bound (s) under which every stage and every reaction, from a reading to its command, stayed."""
        return max(self._highest().values())

    @property
    def steady(self) -> bool:
        """Whether nothing took longer than the bar, or than the machine itself made it."""
        allowed = max(BAR_SECONDS, _STALLS_OF_A_TURN * self.worst_stall)
        return all(
            max((le for le in self._turns[name] if le < highest), default=0.0) < allowed
            for name, highest in self._highest().items()
        )

    def __str__(self) -> str:
        told = f"{self.turns} turns and {self.reactions} reactions, none slower than {1000 * self.slowest:g} ms"
        if self.slowest > BAR_SECONDS:
            told += f", while the machine stalled a bystander for up to {1000 * self.worst_stall:.0f} ms"
        return told

    def _highest(self) -> dict[str, float]:
        """Find by stage the highest bucket that has something in it, as its upper bound."""
        return {
            name: next(le for le in sorted(found) if found[le] >= self._counted(name))
            for name, found in self._turns.items()
        }

    def _counted(self, name: str) -> float:
        return self._turns[name][float("inf")]

    def _stand_by(self) -> None:
        with self._file.open("wb", buffering=0) as file:
            while not self._over.is_set():
                began = time.perf_counter()
                time.sleep(_BEAT_SECONDS)
                file.seek(0)
                file.write(bytes(512))
                os.fsync(file.fileno())
                self.worst_stall = max(self.worst_stall, time.perf_counter() - began)


def unaffected(pulse: Pulse, log: str) -> None:
    """Assert that the loop went on: commands went out, and no turn was slow but for the machine's own stalls."""
    assert pulse.reactions > 0, "no command went out meanwhile"
    assert pulse.steady, f"{pulse}\n{log[-2000:]}"


def _buckets(agent: AgentProcess) -> dict[str, dict[float, float]]:
    found: dict[str, dict[float, float]] = defaultdict(dict)
    for kind, le, stage, count in _BUCKET.findall(agent.get("/metrics")):
        found[stage or kind][float(le)] = float(count)
    return found
