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

    from edge_agent.container.outlet import BrokerAddress
    from edge_agent.model.alarms import AlarmKey

#: How long after an announcement it is looked again, by chance; and how long an agent leaves it to another one to begin
#: a higher epoch, where both have begun the same.
SETTLE_SECONDS = 3.0
#: How long a raised epoch may take to come into force, before the announcement goes out all the same.
_RAISE_SECONDS = 2.0
#: So often it is looked before the first command; whoever answers each with a higher one must not stop control.
_MOST_TRIES = 5


#: How long the look at the alarms may take, and how many it takes: nothing waits for it, and it is repeated.
ALARMS_SECONDS, MOST_ALARMS = 30.0, 10_000


class _Claim(NamedTuple):
    """What the retained status of an agent says."""

    agent: str
    epoch: int
    is_online: bool


class Succession:
    """Keeps this agent's epoch above those of agents that are gone, and below that of one that came after it.

    The nodes obey the agent that came last. There are four moments to look: before the first announcement, when every
    epoch counts, that of this agent's former life too; after it and before the first command, when another may have
    announced the same one; a little later once more; and when a node refuses an epoch as over. `epoch` gives the
    agent's own, `report` takes word of a higher one, `chance` gives numbers of [0, 1). `renew` is called when the epoch
    was raised: the connection is begun anew, so that the last will does not tell of a lower one.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        epoch: Callable[[], int],
        report: Callable[[EpochReport], None],
        chance: Callable[[], float],
        renew: Callable[[], None],
    ) -> None:
        self._connection, self._topics = address
        self._epoch, self._report, self._chance, self._renew = epoch, report, chance, renew
        self._announced = False
        self._looking = False
        self._settled = self._tries = 0
        self.rival = ""  # who has control of the site instead, in a sentence
        self.twin = ""  # who has the connection instead, by the same id

    def __repr__(self) -> str:
        return f"Succession(epoch {self._epoch()}, {self.twin or self.rival or 'in control'})"

    async def before_announcing(self) -> bool:
        """At the first connection, look at the epochs of the site; return whether the agent's own is above them."""
        if self._announced or self._tries >= _MOST_TRIES:
            return True
        claims = await self._claims() or []
        self._tries += 1
        return not await self._rise(max((claim.epoch for claim in claims), default=0))

    async def settle(self) -> bool:
        """Return whether commands may go out under this epoch: whether no other agent has announced the same one.

        Whoever announces first and looks then sees the other, or is seen by it: of two, one at least begins the next
        epoch before it commands. Where both run and have seen each other, the one whose id sorts last does.
        """
        self._announced = True
        if self._settled == self._epoch() or self._tries >= _MOST_TRIES:
            return True
        others = await self._others()
        peers = [claim.agent for claim in others or [] if claim.is_online and claim.epoch == self._epoch()]
        if peers and self._topics.agent < max(peers):
            await asyncio.sleep(SETTLE_SECONDS / 2)
            others = await self._others()
        if others is None:  # the look a little later is left
            return True
        self._tries += 1
        if await self._outdo(others):
            return False
        self._settled = self._epoch()
        return True

    async def after_announcing(self) -> None:
        """Check again a little later, at a random moment: who finds its own epoch taken begins the next one."""
        await asyncio.sleep((0.2 + self._chance()) * SETTLE_SECONDS / 1.2)
        await self._outdo(await self._others() or [])

    async def stays_away(self, contested: bool) -> bool:  # noqa: FBT001  # the session's signature
        """Whether another agent with this one's id has its connection and came later: it is left to that one.

        Where the two have begun the same epoch and take the connection from each other, the first to look begins the
        next one: `contested`.
        """
        claims = await self._claims() or []
        twin = next((claim for claim in claims if claim.agent == self._topics.agent and claim.is_online), None)
        if twin is None or twin.epoch <= self._epoch():
            if twin is not None and contested:
                await self._rise(twin.epoch)
            self.twin = ""
            return False
        if not self.twin:
            logger.bind(agent=twin.agent).error(
                "Another agent with the same id has the connection: this one stays away"
            )
        self.twin = (
            f"another agent is called {twin.agent} too and has control, with epoch {twin.epoch}: give each its own id"
        )
        return True

    async def _outdo(self, others: list[_Claim]) -> bool:
        """Begin an epoch above those of others, unless one of them came later and runs; return whether it began."""
        if not self._yields(others) and await self._rise(max((claim.epoch for claim in others), default=0)):
            logger.bind(epoch=self._epoch()).warning("The epoch was that of another agent: it is raised")
            return True
        return False

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
            others = self._but_own(claims)
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
        """Begin an epoch above another, where the agent's own is not; wait for that, and return whether it did."""
        if above < self._epoch():
            return False
        self._report(EpochReport(above, f"epoch {above} has begun on this site"))
        try:
            async with asyncio.timeout(_RAISE_SECONDS):
                while self._epoch() <= above:  # noqa: ASYNC110 - a turn raises it, and tells nobody
                    await asyncio.sleep(0.01)
        except TimeoutError:
            logger.warning("The epoch could not be raised in time")
            return False
        self._renew()
        return True

    async def _others(self) -> list[_Claim] | None:
        claims = await self._claims()
        return None if claims is None else self._but_own(claims)

    def _but_own(self, claims: list[_Claim]) -> list[_Claim]:
        return [claim for claim in claims if claim.agent != self._topics.agent]

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


async def highest_epoch(address: BrokerAddress) -> int:
    """Return the highest epoch of the site's agents, this one's former life included; 0 if the broker cannot say.

    Epochs that cannot be, for nobody has begun so many, are left out. The store knows only those that were begun with
    it: on a new card, or beside a second gateway, the nodes would take this agent for one that is over.
    """
    try:
        statuses = await retained(address.connection, address.topics.agent_statuses())
    except BrokerUnavailableError as error:
        logger.bind(error=str(error)).warning("The site's agents are not known; the epoch of the store counts alone")
        return 0
    epochs = (wire.epoch_of(status) for status in statuses)
    return max((epoch for epoch in epochs if epoch <= MOST_EPOCH_JUMP), default=0)


async def standing_alarms(address: BrokerAddress) -> list[AlarmKey]:
    """Return the alarms whose states stand at the broker. Raises BrokerUnavailableError."""
    connection, topics = address
    found = await retained_messages(connection, topics.alarms(), most=MOST_ALARMS, seconds=ALARMS_SECONDS)
    return [key for topic, _ in found if (key := topics.alarm_of(topic)) is not None]
