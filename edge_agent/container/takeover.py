"""Taking control of a site: nodes obey the highest epoch, whoever began it and wherever it was noted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import BrokerUnavailableError
from edge_agent.model.commands import MOST_EPOCH_JUMP
from edge_agent.model.inbox import EpochReport
from edge_agent.mqtt import wire
from edge_agent.mqtt.glance import retained, retained_messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.mqtt.connection import ConnectionSettings
    from edge_agent.mqtt.topics import Topics

#: Two agents that began the same epoch are told apart within so long after an announcement, by chance.
SETTLE_SECONDS = 3.0
#: How long a raised epoch may take to come into force, before the announcement goes out all the same.
_RAISE_SECONDS = 2.0


class Succession:
    """Keeps this agent's epoch above those of all agents of the site, each time it connects.

    `epoch` gives the agent's own, `report` takes word of a higher one, `chance` gives numbers of [0, 1).
    """

    def __init__(
        self,
        connection: ConnectionSettings,
        topics: Topics,
        *,
        epoch: Callable[[], int],
        report: Callable[[EpochReport], None],
        chance: Callable[[], float],
    ) -> None:
        self._connection, self._topics = connection, topics
        self._epoch, self._report, self._chance = epoch, report, chance
        self._announced = False
        self._ignored: set[int] = set()

    async def before_announcing(self) -> None:
        """At the first connection, look at the epochs of the site and wait for the agent's own to be above them.

        What its own id has announced is of a former life then, and counts as another's.
        """
        if not self._announced:
            await self._rise(own_too=True)

    async def _rise(self, *, own_too: bool) -> None:
        highest = await self._highest(own_too=own_too)
        if highest is None or highest < self._epoch():
            return
        self._report(EpochReport(highest, f"epoch {highest} has begun on this site"))
        try:
            async with asyncio.timeout(_RAISE_SECONDS):
                while self._epoch() <= highest:  # noqa: ASYNC110 - a turn raises it, and tells nobody
                    await asyncio.sleep(0.01)
        except TimeoutError:
            logger.warning("The epoch could not be raised in time")

    async def after_announcing(self, announce: Callable[[], object]) -> None:
        """Look again a little later: another agent may have begun the same epoch at the same time."""
        self._announced = True
        await asyncio.sleep((0.2 + self._chance()) * SETTLE_SECONDS / 1.2)
        before = self._epoch()
        await self._rise(own_too=False)
        if self._epoch() != before:
            logger.bind(epoch=self._epoch()).warning("Another agent had begun the same epoch: it is raised")
            announce()

    async def _highest(self, *, own_too: bool) -> int | None:
        """Return the highest epoch that is announced, as far as it can be believed; None where nothing is."""
        try:
            found = await retained_messages(self._connection, self._topics.agent_statuses())
        except BrokerUnavailableError as error:
            logger.bind(error=str(error)).debug("The site's agents are not known now")
            return None
        own = self._topics.agent_status()
        epochs = [wire.epoch_of(payload) for topic, payload in found if own_too or topic != own]
        return max((epoch for epoch in epochs if self._is_credible(epoch)), default=None)

    def _is_credible(self, epoch: int) -> bool:
        credible = epoch - self._epoch() <= MOST_EPOCH_JUMP
        if not credible and epoch not in self._ignored and len(self._ignored) < MOST_EPOCH_JUMP:
            self._ignored.add(epoch)
            logger.bind(epoch=epoch).warning("An agent announces an epoch that cannot be: it is not followed")
        return credible


async def highest_epoch(connection: ConnectionSettings, topics: Topics) -> int:
    """Return the highest epoch of the site's agents, this one's former life included; 0 if the broker cannot say.

    Epochs that cannot be, for nobody has begun so many, are left out. The store knows only those that were begun with
    it: on a new card, or beside a second gateway, the nodes would take this agent for one that is over.
    """
    try:
        statuses = await retained(connection, topics.agent_statuses())
    except BrokerUnavailableError as error:
        logger.bind(error=str(error)).warning("The site's agents are not known; the epoch of the store counts alone")
        return 0
    epochs = (wire.epoch_of(status) for status in statuses)
    return max((epoch for epoch in epochs if epoch <= MOST_EPOCH_JUMP), default=0)
