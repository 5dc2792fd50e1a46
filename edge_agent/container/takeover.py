"""Taking control of a site: nodes obey the highest epoch, whoever began it and wherever it was noted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from loguru import logger

from edge_agent.errors import BrokerUnavailableError
from edge_agent.model.commands import MOST_EPOCH_JUMP
from edge_agent.model.inbox import EpochReport
from edge_agent.mqtt import wire
from edge_agent.mqtt.glance import retained, retained_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from edge_agent.mqtt.connection import ConnectionSettings
    from edge_agent.mqtt.topics import Topics

#: Two agents that began the same epoch are told apart within so long after an announcement, by chance.
SETTLE_SECONDS = 3.0
#: How long a raised epoch may take to come into force, before the announcement goes out all the same.
_RAISE_SECONDS = 2.0


class _Claim(NamedTuple):
    """What the retained status of an agent says."""

    agent: str
    epoch: int
    is_online: bool


class Succession:
    """Keeps this agent's epoch above those of agents that are gone, and below that of one that came after it.

    The nodes obey the agent that came last. There are three moments to look: before the first announcement, when every
    epoch counts, that of this agent's former life too; a little after each announcement, when another may have begun
    the same one; and when a node refuses an epoch as over. `epoch` gives the agent's own, `report` takes word of a
    higher one, `chance` gives numbers of [0, 1).
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
        self._looking = False
        self.rival = ""  # who has control of the site instead, in a sentence

    async def before_announcing(self) -> None:
        """At the first connection, look at the epochs of the site and wait for the agent's own to be above them."""
        if self._announced:
            return
        claims = await self._claims() or []
        await self._rise(max((claim.epoch for claim in claims), default=0))

    async def after_announcing(self, announce: Callable[[], object]) -> None:
        """Look again a little later, at a moment by chance: who finds its own epoch taken begins the next one."""
        self._announced = True
        await asyncio.sleep((0.2 + self._chance()) * SETTLE_SECONDS / 1.2)
        others = [claim for claim in await self._claims() or [] if claim.agent != self._topics.agent]
        if not self._yields(others) and await self._rise(max((claim.epoch for claim in others), default=0)):
            logger.bind(epoch=self._epoch()).warning("The epoch was that of another agent: it is raised")
            announce()

    async def refused(self, epoch: int) -> None:
        """Answer a node that has refused a command because its epoch is over, and names this one perhaps.

        An agent that runs and came later has control. Where there is none, the nodes know of one that is gone.
        """
        if self._looking or epoch < self._epoch():  # the answer is on its way, or was given
            return
        self._looking = True
        try:
            claims = await self._claims()
            if claims is None:
                return  # the next refusal asks again
            others = [claim for claim in claims if claim.agent != self._topics.agent]
            if not self._yields(others):
                told = min(epoch, self._epoch() + MOST_EPOCH_JUMP)
                await self._rise(max([told, *(claim.epoch for claim in others)]))
        finally:
            self._looking = False

    def _yields(self, others: Iterable[_Claim]) -> bool:
        """Whether another agent runs that came later; it is told once."""
        later = next((claim for claim in others if claim.is_online and claim.epoch > self._epoch()), None)
        rival = "" if later is None else f"agent {later.agent} came later and has control, with epoch {later.epoch}"
        if rival and rival != self.rival:
            logger.bind(agent=later.agent if later else "").error("Another agent has control of the site")
        self.rival = rival
        return bool(rival)

    async def _rise(self, above: int) -> bool:
        """Let an epoch above another begin, where the agent's own is not; wait for that, and return whether it was."""
        if above < self._epoch():
            return False
        self._report(EpochReport(above, f"epoch {above} has begun on this site"))
        try:
            async with asyncio.timeout(_RAISE_SECONDS):
                while self._epoch() <= above:  # noqa: ASYNC110 - a turn raises it, and tells nobody
                    await asyncio.sleep(0.01)
        except TimeoutError:
            logger.warning("The epoch could not be raised in time")
        return True

    async def _claims(self) -> list[_Claim] | None:
        """Return what the site's agents claim, as far as it can be believed; None where the broker cannot say."""
        try:
            found = await retained_messages(self._connection, self._topics.agent_statuses())
        except BrokerUnavailableError as error:
            logger.bind(error=str(error)).debug("The site's agents are not known now")
            return None
        claims = [_Claim(topic.split("/")[-2], wire.epoch_of(said), wire.is_online(said)) for topic, said in found]
        return [claim for claim in claims if self._is_credible(claim)]

    def _is_credible(self, claim: _Claim) -> bool:
        credible = claim.epoch - self._epoch() <= MOST_EPOCH_JUMP
        if not credible:
            logger.bind(**claim._asdict()).warning("An agent announces an epoch that cannot be: it is not followed")
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
