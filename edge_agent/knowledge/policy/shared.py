"""The copy of a policy that gateways share through a cache; see docs/decisions/0005-what-redis-may-say.md."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import StoreError, StoreUnavailableError
from edge_agent.knowledge.policy.sealed import UnsoundError, sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.ports.policy import Cache, Edition, Issue


class SharedCopy:
    """The policy of one site in a cache: sealed where it is written, and believed only where the seal is right.

    A cache that does not work is never an error: then there is no copy. `reads` and `writes` count what came of each.
    """

    def __init__(self, cache: Cache, site: str) -> None:
        self._cache, self._site = cache, site
        self.reads = dict.fromkeys(("hit", "miss", "refused", "error"), 0)
        self.writes = dict.fromkeys(("done", "error"), 0)
        self._unsound = False

    async def read(self, key: bytes | None, wanted: Callable[[Edition], bool]) -> Issue | None:
        """Read the copy; None where there is none, or one that is not believed or not wanted: without a key none is."""
        found, outcome = None, "error"
        try:
            found = await self._judged(key)
            outcome = "hit" if found is not None and wanted(found.edition) else "miss"
        except UnsoundError as error:
            outcome = "refused"
            level = "DEBUG" if self._unsound else "WARNING"
            logger.bind(reason=str(error)).log(level, "What a cache holds of thresholds and plans is not believed")
        except StoreUnavailableError:
            pass  # the cache has said so
        self._unsound = outcome == "refused" or (self._unsound and outcome == "error")
        self.reads[outcome] += 1
        return found if outcome == "hit" else None

    async def write(self, issue: Issue) -> None:
        """Replace the copy."""
        try:
            await self._cache.write(await asyncio.to_thread(sealed, self._site, issue))
        except StoreError as error:
            self.writes["error"] += 1
            logger.bind(error=str(error)).debug("Thresholds and plans could not be shared")
        else:
            self.writes["done"] += 1

    async def _judged(self, key: bytes | None) -> Issue | None:
        if key is None or (data := await self._cache.read()) is None:
            return None
        # In a thread: a large policy takes longer than a turn may wait.
        return await asyncio.to_thread(unsealed, data, self._site, key)
