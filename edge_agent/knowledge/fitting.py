"""The plant in force as a store gives it out: what was applied last, with thresholds and plans that fit it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from edge_agent.errors import PolicyRefusedError
from edge_agent.model.fitness import misfits

if TYPE_CHECKING:
    from edge_agent.model.plant import Plant, Policy

#: Mistakes that are named; the others are counted.
MOST_NAMED = 5


class _Source(Protocol):
    """What is needed of the source behind it."""

    async def policy(self) -> Policy: ...

    async def plant(self) -> Plant: ...

    async def version(self) -> object: ...

    async def applied(self) -> str | None: ...

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> object: ...


async def fitting(plant: Plant) -> Plant:
    """Return a plant whose policy fits it. Raises PolicyRefusedError naming what does not."""
    # In a thread: a large plant has tens of thousands of limits, and the loop turns meanwhile.
    found = await asyncio.to_thread(misfits, plant, plant.policy)
    if found:
        more = f"; {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise PolicyRefusedError("; ".join(map(str, found[:MOST_NAMED])) + more)
    return plant


class FittingPlant:
    """The plant in force by `source`, refused as a whole where its thresholds and plans do not fit it.

    It begins with `plant`; nodes, sensors and actuators are read anew only where another plant was applied than
    `seen`, the digest of the one that was applied when `plant` came into force. None: whichever is there at first.
    """

    def __init__(self, source: _Source, plant: Plant, seen: str | None = None) -> None:
        self._source, self._plant, self.seen = source, plant, seen

    async def plant(self) -> Plant:
        """Read the plant in force. Raises PolicyRefusedError, and StoreError as the source does.

        While nodes, sensors and actuators stay the same, so does the object `nodes`.
        """
        applied = await self._source.applied()
        base = self._plant
        if self.seen is not None and applied is not None and applied != self.seen:
            base = await asyncio.to_thread(_equipped, base, await self._source.plant())
        self._plant = await fitting(replace(base, policy=await self._source.policy()))
        self.seen = applied or self.seen
        return self._plant

    async def version(self) -> object:
        """See PolicyRepository; another plant that was applied counts too."""
        return await self._source.version(), await self._source.applied()

    async def applied(self) -> str | None:
        """See PolicyRepository."""
        return await self._source.applied()

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> object:
        """See PolicyRepository."""
        return await self._source.apply(plant, dry_run=dry_run)


def _equipped(before: Plant, found: Plant) -> Plant:
    """Return the plant that was applied. Raises PolicyRefusedError where it is of another site."""
    if found.site != before.site:
        wrong = f"a plant of site {found.site} was applied; it comes into force with the agent's next start"
        raise PolicyRefusedError(wrong)
    return before if found.nodes == before.nodes else found
