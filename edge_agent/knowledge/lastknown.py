"""The policy of the utility's store, and the last known of it where the gateway keeps it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.sealed import Mark

if TYPE_CHECKING:
    from edge_agent.model.plant import Plant, Policy


class _Primary(Protocol):
    """What is needed of the store that governs."""

    async def policy(self) -> Policy: ...

    async def version(self) -> object: ...

    async def applied(self) -> str | None: ...

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> object: ...


class _Keeper(Protocol):
    """What is needed of the store that keeps the last known."""

    async def policy(self) -> Policy: ...

    async def applied(self) -> str | None: ...

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> object: ...

    async def keep(self, plant: Plant, mark: str | None) -> None: ...

    async def mark(self) -> str | None: ...


class _Marked(Protocol):
    """Knows the mark of the policy in force, and must be told that of the last known."""

    mark: Mark | None


class LastKnownPolicy:
    """Thresholds and plans from `primary`; each that is read is kept in `keeper`, for a start without `primary`.

    A site that `primary` has never heard of is made known to it with the plant file. Raises StoreError as `primary`
    does; who asks keeps what is in force then. A keeper that fails keeps nothing from being in force: it is told again.
    """

    def __init__(self, primary: _Primary, keeper: _Keeper, plant: Plant, marked: _Marked | None = None) -> None:
        self._primary, self._keeper, self._plant, self._marked = primary, keeper, plant, marked
        self._in_force: tuple[Policy, str | None] | None = None
        self._kept: tuple[Policy, str | None] | None = None

    async def version(self) -> object:
        """Tell whether anything may have changed."""
        version = await self._primary.version()
        await self._keep()
        return version

    async def policy(self) -> Policy:
        """Read the policy in force, and keep it."""
        if await self._primary.applied() is None:
            await self._primary.apply(self._plant)
        policy = await self._primary.policy()
        mark = self._marked.mark if self._marked else None
        self._in_force = (policy, mark.text() if mark else None)
        await self._keep()
        return policy

    async def kept(self) -> Policy:
        """Read the last known policy; before there is one, that of the plant file."""
        if await self._keeper.applied() is None:
            await self._keeper.apply(self._plant)
        policy, mark = await self._keeper.policy(), await self._keeper.mark()
        if self._marked is not None:
            self._marked.mark = Mark.parse(mark)
        self._kept = (policy, mark)
        return policy

    async def _keep(self) -> None:
        if self._in_force is None or self._in_force == self._kept:
            return
        policy, mark = self._in_force
        try:
            await self._keeper.keep(replace(self._plant, policy=policy), mark)
        except StoreError as error:
            logger.bind(error=str(error)).debug("Thresholds and plans in force could not be kept for a start")
        else:
            self._kept = (policy, mark)
