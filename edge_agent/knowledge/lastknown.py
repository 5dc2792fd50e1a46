"""The plant in force by the utility's store, and the last known of it where the gateway keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.sealed import Mark

if TYPE_CHECKING:
    from edge_agent.model.plant import Plant, Policy


class _Primary(Protocol):
    """What is needed of the store that governs."""

    seen: str | None

    async def plant(self) -> Plant: ...

    async def version(self) -> object: ...

    async def applied(self) -> str | None: ...

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> object: ...


class _Keeper(Protocol):
    """What is needed of the store that keeps the last known."""

    async def policy(self) -> Policy: ...

    async def applied(self) -> str | None: ...

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> object: ...

    async def keep(self, plant: Plant, mark: str | None) -> None: ...

    async def note(self, key: str, value: str) -> None: ...

    async def mark(self) -> str | None: ...


class _Marked(Protocol):
    """Knows the mark of the policy in force, and must be told that of the last known."""

    mark: Mark | None


#: What the keeper notes: digest of the plant that was applied to the utility's store and is in force.
SEEN = "seen"


class LastKnownPlant:
    """The plant in force by `primary`; each that is read is kept in `keeper`, for a start without `primary`.

    A site that `primary` has never heard of is made known to it with the plant file. Raises StoreError as `primary`
    does; who asks keeps what is in force then. A keeper that fails keeps nothing from being in force: it is told again.
    """

    def __init__(self, primary: _Primary, keeper: _Keeper, plant: Plant, marked: _Marked | None = None) -> None:
        self._primary, self._keeper, self._plant, self._marked = primary, keeper, plant, marked
        self._in_force: tuple[Plant, str | None, str | None] | None = None
        self._kept: tuple[Plant, str | None, str | None] | None = None

    async def version(self) -> object:
        """Tell whether anything may have changed."""
        version = await self._primary.version()
        await self._keep()
        return version

    async def plant(self) -> Plant:
        """Read the plant in force, and keep it."""
        if await self._primary.applied() is None:
            await self._primary.apply(self._plant)
        plant = await self._primary.plant()
        mark = self._marked.mark if self._marked else None
        self._in_force = (plant, mark.text() if mark else None, self._primary.seen)
        await self._keep()
        return plant

    async def _keep(self) -> None:
        if self._in_force is None or self._in_force is self._kept:
            return
        plant, mark, seen = self._in_force
        try:
            await self._keeper.keep(plant, mark)
            if seen is not None:
                await self._keeper.note(SEEN, seen)
        except StoreError as error:
            logger.bind(error=str(error)).debug("The plant in force could not be kept for a start")
        else:
            self._kept = self._in_force


async def last_known(keeper: _Keeper, plant: Plant, marked: _Marked | None = None) -> Policy:
    """Read the last known thresholds and plans; before there are any, those of the plant file."""
    if await keeper.applied() is None:
        await keeper.apply(plant)
    policy, mark = await keeper.policy(), await keeper.mark()
    if marked is not None:
        marked.mark = Mark.parse(mark)
    return policy
