"""Keeps the plant in force that of the repository, while the agent runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import PolicyRefusedError, StoreError
from edge_agent.model.revision import revisions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from edge_agent.model.plant import Plant
    from edge_agent.model.revision import Revision
    from edge_agent.ports.policy import PlantSource

#: With so many beats a source is asked that tells of changes, five seconds or so: a notification may be lost.
SLOW_BEATS = 7
#: So long it rests before it listens again.
LISTEN_AGAIN_SECONDS = 1.0
_UNSEEN = object()


class PolicyWatch:
    """Asks the source whether anything has changed, at once when it tells so, and hands on what has.

    `plant` is in force at first. `adopt` is given what changes of thresholds and plans, part by part; `equip` a plant
    with other nodes, sensors or actuators, which are not looked at without it.

    `changes` yields at each change, if the source can tell; it may raise StoreError. One that cannot is asked with
    each beat with which the store may have changed. While the source cannot be reached, or gives a policy that it
    refuses (PolicyRefusedError), the last good one holds. `refuse` is called with the reason; with an empty text when
    the newest one is in force again.
    """

    def __init__(
        self,
        source: PlantSource,
        plant: Plant,
        adopt: Callable[[Revision], None],
        changes: Callable[[], AsyncIterator[None]] | None = None,
        refuse: Callable[[str], None] | None = None,
        *,
        equip: Callable[[Plant], None] | None = None,
    ) -> None:
        self._source, self._adopt, self._changes, self._refuse = source, adopt, changes, refuse
        self._equip, self._plant = equip, plant
        self.refusal = ""  # why the newest policy is not in force
        self._told = asyncio.Event()
        self._beats = 0  # since it was looked
        self._seen: object = _UNSEEN
        self._failing = False

    async def listen(self) -> None:
        """Be told of changes, until cancelled; returns at once where the source cannot tell."""
        while self._changes is not None:
            try:
                async for _ in self._changes():
                    self._told.set()
            except StoreError as error:
                logger.bind(error=str(error)).debug("Changes of thresholds and plans are not told now")
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)

    async def run(self) -> None:
        """Ask at first, at each notification, and as the beat has it, until cancelled."""
        while True:
            self._told.clear()
            await self.look()
            await self._told.wait()

    def beat(self, *, changed: bool) -> None:
        """Look soon, where that may show something."""
        self._beats += 1
        due = changed or self._failing if self._changes is None else self._beats >= SLOW_BEATS
        if due:
            self._beats = 0
            self._told.set()

    async def look(self) -> None:
        """Ask once; hand the policy on if it may be another than the last."""
        try:
            version = await self._source.version()
            if version != self._seen:
                await self._take(version)
        except StoreError as error:
            level = "DEBUG" if self._failing else "WARNING"
            logger.bind(error=str(error)).log(level, "Thresholds and plans cannot be read; the last known hold")
            self._failing = True
        else:
            if self._failing:
                logger.info("Thresholds and plans can be read again")
            self._failing = False

    async def _take(self, version: object) -> None:
        """Read a policy that may be new, and hand it on or refuse it. Raises StoreError where it cannot be read."""
        try:
            # The first time too: it may have changed since the agent was given what it knows.
            await self._hand_on(await self._source.plant())
        except PolicyRefusedError as error:
            logger.bind(error=str(error)).error("Changed thresholds or plans are refused; the last good ones hold")
            self._judge(str(error))
        else:
            if self._seen is not _UNSEEN:
                logger.info("Changed thresholds or plans are in force")
            self._judge("")
        self._seen = version

    async def _hand_on(self, plant: Plant) -> None:
        before, self._plant = self._plant, plant
        if self._equip is None or plant.nodes is before.nodes:
            # In a thread: a large plant has tens of thousands of limits, and the loop turns meanwhile.
            for part in await asyncio.to_thread(revisions, before.policy, plant.policy):
                self._adopt(part)
            return
        self._equip(plant)
        logger.bind(nodes=len(plant.nodes)).info("A changed plant is in force")

    def _judge(self, refusal: str) -> None:
        if refusal != self.refusal:
            self.refusal = refusal
            if self._refuse is not None:
                self._refuse(refusal)

    def notes(self) -> dict[str, str]:
        """Return the note of the health, `policy`; empty where the newest policy is in force."""
        return {"policy": f"refused, the last good one holds: {self.refusal}"} if self.refusal else {}
