"""The policy of the utility's store, with a cache that gateways share before it and in its place."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from loguru import logger

from edge_agent.errors import StoreError, StoreUnavailableError
from edge_agent.knowledge.policy.sealed import Mark, UnsoundError, sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.model.plant import Plant, Policy
    from edge_agent.ports.policy import Cache, Change, Edition, Issue

#: So often what is in force is written again: a cache that was emptied or spoilt has it back after that.
SHARE_AGAIN_SECONDS = 30.0


class _Primary(Protocol):
    """What is needed of the store that governs."""

    async def version(self) -> Edition: ...

    async def issue(self) -> Issue: ...

    async def plant(self) -> Plant: ...

    async def applied(self) -> str | None: ...

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> list[Change]: ...


@dataclass(slots=True)
class CacheCounts:
    """What came of reading and writing the cache, by outcome."""

    reads: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("hit", "miss", "refused", "error"), 0))
    writes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("done", "error"), 0))


class CachedPolicy:
    """Thresholds and plans of one site, a PolicyRepository; see docs/decisions/0005-what-redis-may-say.md.

    While `primary` can be reached only what has its edition is taken from `cache`, and only for the first reading; a
    change is read from `primary`. While it cannot, what is newer than `mark` is taken: what this gateway knew last.
    """

    def __init__(self, primary: _Primary, cache: Cache, site: str) -> None:
        self._primary, self._cache, self._site = primary, cache, site
        self.mark: Mark | None = None
        self.counts = CacheCounts()
        self._edition: Edition | None = None  # of `primary`; None while it is away
        self._instead: Issue | None = None  # what stands in its place then
        self._issue: Issue | None = None  # what was read last
        self._news = asyncio.Event()
        self._unsound = False

    async def version(self) -> Edition:
        """See PolicyRepository."""
        try:
            self._edition = await self._primary.version()
        except StoreUnavailableError:
            self._edition = None
            self._instead = await self._newest()
            if self._instead is None:
                raise
            return self._instead.edition
        self._instead = None
        return self._edition

    async def policy(self) -> Policy:
        """See PolicyRepository."""
        issue = self._instead or await self._shared() or await self._primary.issue()
        if self._instead is None:
            self._edition = issue.edition
        self._issue, self.mark = issue, Mark(issue.edition, issue.key)
        self._news.set()
        return issue.policy

    async def plant(self) -> Plant:
        """See PolicyRepository. Nodes, sensors and actuators are not shared through the cache."""
        return await self._primary.plant()

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> list[Change]:
        """See PolicyRepository."""
        return await self._primary.apply(plant, dry_run=dry_run)

    async def applied(self) -> str | None:
        """See PolicyRepository."""
        return await self._primary.applied() if self._instead is None else self._instead.applied

    async def share(self) -> None:
        """Write to the cache what is in force, while `primary` confirms it, until cancelled."""
        while True:
            self._news.clear()
            if self._issue is not None and self._issue.edition == self._edition:
                await self._write(self._issue)
            try:
                async with asyncio.timeout(SHARE_AGAIN_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _shared(self) -> Issue | None:
        """Read the cache, at first only: it cannot have what `primary` has just changed."""
        told = self._edition
        if self._issue is not None or told is None or not told.revision:
            return None
        return await self._read(lambda edition: edition == told)

    async def _newest(self) -> Issue | None:
        """Read the cache in place of `primary`; None where it holds nothing that is at least as new as the mark."""
        if self.mark is None:
            return None
        known = self.mark.edition
        return await self._read(lambda edition: edition == known or edition.revision > known.revision)

    async def _read(self, wanted: Callable[[Edition], bool]) -> Issue | None:
        """Read the cache; None where it does not work, holds nothing, what is not believed, or what is not wanted."""
        found, outcome = None, "error"
        try:
            found = await self._judged()
            outcome = "hit" if found is not None and wanted(found.edition) else "miss"
        except UnsoundError as error:
            outcome = "refused"
            level = "DEBUG" if self._unsound else "WARNING"
            logger.bind(reason=str(error)).log(level, "What Redis holds of thresholds and plans is not believed")
        except StoreUnavailableError:
            pass  # the cache has said so
        self._unsound = outcome == "refused" or (self._unsound and outcome == "error")
        self.counts.reads[outcome] += 1
        return found if outcome == "hit" else None

    async def _judged(self) -> Issue | None:
        """Read the cache and open the seal; without its key nothing can be believed."""
        if self.mark is None:
            return None
        data = await self._cache.read()
        # In a thread: a large policy takes longer than a turn may wait.
        return None if data is None else await asyncio.to_thread(unsealed, data, self._site, self.mark.key)

    async def _write(self, issue: Issue) -> None:
        try:
            await self._cache.write(await asyncio.to_thread(sealed, self._site, issue))
        except StoreError as error:
            self.counts.writes["error"] += 1
            logger.bind(error=str(error)).debug("Thresholds and plans could not be shared through Redis")
        else:
            self.counts.writes["done"] += 1
