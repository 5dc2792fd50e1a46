"""The policy of the utility's store, and the last known of it where the gateway keeps it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from edge_agent.knowledge.ports import PolicyRepository
    from edge_agent.model.plant import Plant, Policy


class _Primary(Protocol):
    """What is needed of the store that governs."""

    async def policy(self) -> Policy: ...

    async def version(self) -> object: ...

    async def applied(self) -> str | None: ...

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> object: ...


class LastKnownPolicy:
    """Thresholds and plans from `primary`; each that is read is kept in `keeper`, for a start without `primary`.

    A site that `primary` has never heard of is made known to it with the plant file. Raises StoreError as `primary`
    does; who asks keeps what is in force then.
    """

    def __init__(self, primary: _Primary, keeper: PolicyRepository, plant: Plant) -> None:
        self._primary, self._keeper, self._plant = primary, keeper, plant

    async def version(self) -> object:
        """Tell whether anything may have changed."""
        return await self._primary.version()

    async def policy(self) -> Policy:
        """Read the policy in force, and keep it."""
        if await self._primary.applied() is None:
            await self._primary.apply(self._plant)
        policy = await self._primary.policy()
        if policy != await self._keeper.policy():
            await self._keeper.apply(replace(self._plant, policy=policy))
        return policy

    async def kept(self) -> Policy:
        """Read the last known policy; before there is one, that of the plant file."""
        if await self._keeper.applied() is None:
            await self._keeper.apply(self._plant)
        return await self._keeper.policy()
