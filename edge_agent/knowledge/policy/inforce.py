"""The policy in force: which store governs, whether it fits the plant, and what is remembered for the next start."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from loguru import logger

from edge_agent.errors import PolicyRefusedError, StoreError, StoreUnavailableError
from edge_agent.knowledge.policy.digest import digest
from edge_agent.knowledge.policy.sealed import Mark
from edge_agent.plan.fitness import misfits
from edge_agent.ports.policy import LastKnown, PolicyRepository

if TYPE_CHECKING:
    from edge_agent.knowledge.policy.shared import SharedCopy
    from edge_agent.model.plant import Plant, Policy
    from edge_agent.ports.policy import Edition, Issue, UtilityPolicy

#: So often what is in force is shared again: a cache that was emptied or spoilt has it back after that.
SHARE_AGAIN_SECONDS = 30.0
#: Mistakes that are named; the others are counted.
MOST_NAMED = 5
#: What the embedded store notes: digest of the plant file at the last start, and of the plant that was applied to the
#: utility's store and is in force.
_FILE, _SEEN = "file", "seen"


class _Embedded(PolicyRepository, LastKnown, Protocol): ...


class PolicyInForce:
    """The plant in force, a PlantSource: nodes, sensors and actuators, with thresholds and plans that fit them.

    `utility` governs, else `embedded`, which is also told what the utility's store has said last, for a start without
    it. A site that the utility's store has never heard of is made known to it with the plant of the start.

    While `utility` can be reached only what has its edition is taken from `shared`, and only for the first reading; a
    change is read from `utility`. While it cannot, what is newer than the mark is taken: what this gateway knew last.
    """

    def __init__(
        self,
        embedded: _Embedded,
        plant: Plant,
        *,
        utility: UtilityPolicy | None = None,
        shared: SharedCopy | None = None,
    ) -> None:
        self._embedded, self._utility, self.shared = embedded, utility, shared
        self._file = self._start = self._plant = plant
        self._seen: str | None = None  # digest of the plant that was applied when `_plant` came into force
        self._mark: Mark | None = None
        self._edition: Edition | None = None  # of `utility`; None while it is away
        self._instead: Issue | None = None  # what stands in its place then
        self._issue: Issue | None = None  # what was read last
        self._news = asyncio.Event()
        self._in_force: tuple[Plant, Mark | None, str | None] | None = None
        self._kept: tuple[Plant, Mark | None, str | None] | None = None

    async def begin(self) -> Plant:
        """Read the plant in force at a start, from the embedded store; where that does not fit, the plant file's."""
        edited = await self._was_edited()
        try:
            read = self._from_embedded if self._utility is None else self._last_known
            self._plant = await _fitting(await read(edited=edited))
        except PolicyRefusedError as error:
            logger.bind(error=str(error)).error("The stored thresholds and plans are refused; the plant file's hold")
            self._plant = self._file
        if self._utility is None:
            self._seen = await self._embedded.applied()
        self._start = self._plant
        return self._plant

    async def version(self) -> object:
        """Read what changes whenever the plant or its policy does; another plant that was applied counts too."""
        version = await self._version(), await self._applied()
        await self._keep()
        return version

    async def plant(self) -> Plant:
        """Read the plant in force. Raises PolicyRefusedError where not all thresholds and plans fit: none is taken.

        A store that cannot keep it, or a cache that cannot share it, keeps nothing from being in force.
        """
        applied = await self._applied()
        if applied is None and self._utility is not None:
            await self._utility.apply(self._start)
            applied = await self._applied()
        plant = self._plant
        if self._seen is not None and applied is not None and applied != self._seen:
            # In a thread: see _fitting.
            plant = await asyncio.to_thread(_equipped, plant, await self._source.plant())
        fitting = self._plant.policy if plant.nodes is self._plant.nodes else None
        self._plant = await _fitting(replace(plant, policy=await self._policy()), fitting)
        self._seen = applied or self._seen
        self._in_force = (self._plant, self._mark, self._seen)
        await self._keep()
        return self._plant

    async def share(self) -> None:
        """Share what is in force, while the utility's store confirms it, until cancelled."""
        while self.shared is not None:
            self._news.clear()
            if self._issue is not None and self._issue.edition == self._edition:
                await self.shared.write(self._issue)
            try:
                async with asyncio.timeout(SHARE_AGAIN_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                pass

    @property
    def _source(self) -> PolicyRepository:
        return self._embedded if self._utility is None else self._utility

    async def _was_edited(self) -> bool:
        """Return whether the file is new to the gateway, or was edited since the agent last started; note that it has.

        What was put in force last counts: the file where it is, else what was applied since.
        """
        mark, known = digest(self._file), await self._embedded.noted(_FILE)
        if known is None and await self._embedded.has_governed():  # by a version that noted no file
            known = await self._embedded.applied()
        await self._embedded.note(_FILE, mark)
        return known != mark and (known is not None or await self._embedded.applied() is None)

    async def _from_embedded(self, *, edited: bool) -> Plant:
        """Read the plant in force from the embedded store, where a file that was edited is put in force first.

        That store belongs to this gateway: what its technician writes into the plant file counts from the next start.
        What was applied, or changed in the store, after the file was last edited stays.
        """
        if edited:
            changes = await self._embedded.apply(self._file)
            logger.bind(changes=len(changes)).info("The plant file was applied to the store")
        return _once(await self._embedded.plant(), self._file)

    async def _last_known(self, *, edited: bool) -> Plant:
        """Read what the utility's store has said last: all of it, or with a file that was edited the policy alone."""
        if await self._embedded.applied() is None:
            await self._embedded.apply(self._file)
        self._mark = Mark.parse(await self._embedded.mark())
        if edited:
            return replace(self._file, policy=await self._embedded.policy())
        self._seen = await self._embedded.noted(_SEEN)
        return _once(await self._embedded.plant(), self._file)

    async def _version(self) -> object:
        if self._utility is None:
            return await self._embedded.version()
        try:
            self._edition = await self._utility.version()
        except StoreUnavailableError:
            self._edition = None
            self._instead = await self._newest()
            if self._instead is None:
                raise
            return self._instead.edition
        self._instead = None
        return self._edition

    async def _applied(self) -> str | None:
        return await self._source.applied() if self._instead is None else self._instead.applied

    async def _policy(self) -> Policy:
        if self._utility is None or self.shared is None:
            return await self._source.policy()
        issue = self._instead or await self._first() or await self._utility.issue()
        if self._instead is None:
            self._edition = issue.edition
        self._issue, self._mark = issue, Mark(issue.edition, issue.key)
        self._news.set()
        return issue.policy

    async def _first(self) -> Issue | None:
        """Read the shared copy at first only: it cannot have what the utility's store has just changed."""
        told = self._edition
        if self.shared is None or self._issue is not None or told is None or not told.revision:
            return None
        key = None if self._mark is None else self._mark.key
        return await self.shared.read(key, lambda edition: edition == told)

    async def _newest(self) -> Issue | None:
        """Read the shared copy in place of the utility's store; None where it is older than the mark."""
        if self.shared is None or self._mark is None:
            return None
        known = self._mark.edition
        return await self.shared.read(
            self._mark.key, lambda edition: edition == known or edition.revision > known.revision
        )

    async def _keep(self) -> None:
        if self._utility is None or self._in_force is None or self._in_force is self._kept:
            return
        plant, mark, seen = self._in_force
        try:
            await self._embedded.keep(plant, mark.text() if mark else None)
            if seen is not None:
                await self._embedded.note(_SEEN, seen)
        except StoreError as error:
            logger.bind(error=str(error)).debug("The plant in force could not be kept for a start")
        else:
            self._kept = self._in_force


async def _fitting(plant: Plant, fitting: Policy | None = None) -> Plant:
    """Return a plant whose policy fits it, as `fitting` does. Raises PolicyRefusedError naming what does not."""
    # In a thread: a large plant has tens of thousands of limits, and the loop turns meanwhile.
    found = await asyncio.to_thread(misfits, plant, plant.policy, fitting)
    if found:
        more = f"; {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise PolicyRefusedError("; ".join(map(str, found[:MOST_NAMED])) + more)
    return plant


def _equipped(before: Plant, found: Plant) -> Plant:
    """Return the plant that was applied; `nodes` stays the same object where nothing of it changes."""
    if found.site != before.site:
        wrong = f"a plant of site {found.site} was applied; it comes into force with the agent's next start"
        raise PolicyRefusedError(wrong)
    return before if found.nodes == before.nodes else found


def _once(stored: Plant, plant: Plant) -> Plant:
    """Return the plant file's where both are the same: once in memory, and in the order of the file."""
    same = stored.nodes == plant.nodes and stored.site == plant.site
    nodes = plant.nodes if same else stored.nodes
    policy = plant.policy if stored.policy == plant.policy else stored.policy
    return replace(stored, nodes=nodes, policy=policy)
