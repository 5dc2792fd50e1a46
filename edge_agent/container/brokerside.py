"""The agent's side of the broker: the session, what is published over it, and who has control of the site."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from edge_agent.container.outlet import BrokerOutlet
from edge_agent.container.planttopics import PlantTopics
from edge_agent.container.takeover import Succession
from edge_agent.mqtt import wire
from edge_agent.mqtt.connection import Will
from edge_agent.mqtt.session import Session
from edge_agent.version import installed_version

if TYPE_CHECKING:
    from edge_agent.container.outlet import BrokerAddress
    from edge_agent.known import Knowledge
    from edge_agent.model.plant import Plant
    from edge_agent.runtime.agent import Agent
    from edge_agent.runtime.inbox import BoundedInbox


class BrokerSide:
    """Joins the session and the succession, which need each other, and the agent, which is made of both.

    `has_received`: this agent was connected before, so that a broker without its session has lost one.
    """

    def __init__(
        self, address: BrokerAddress, knowledge: Knowledge, inbox: BoundedInbox, *, has_received: bool
    ) -> None:
        self._address, self._knowledge = address, knowledge
        self._agent: Agent | None = None
        self.succession = Succession(
            address,
            epoch=self._epoch,
            report=inbox.report,
            chance=random.random,
            renew=lambda: self.session.renew(),  # noqa: PLW0108 - it is made below
        )
        self.session = Session(
            address.connection,
            subscriptions=address.topics.subscriptions(),
            will=self._will,
            on_messages=inbox.extend,
            parse=address.topics.parse,
            on_connected=self._announce,
            on_lost=self._lose,
            expects_session=has_received,
            stay_away=self.succession.stays_away,
            hasty=lambda: bool(knowledge.executor.open_commands),  # a node's word on an open command is to come
        )
        self.outlet = BrokerOutlet(self.session, address.topics, mode=knowledge.executor.mode, epoch=self._epoch)
        self.outlet.equip(knowledge.plant)
        self.topics = PlantTopics(self.session, address.topics.base, knowledge.plant)

    def __repr__(self) -> str:
        return f"BrokerSide({self.session!r}, {self.succession!r})"

    def attach(self, agent: Agent) -> None:
        """Name the agent that is announced on each connection."""
        self._agent = agent
        agent.run_beside("topics of the plant", self.topics.run)

    def equip(self, plant: Plant) -> None:
        """Speak and listen to the devices of a changed plant. It is reported before, so that it is in force first."""
        self.outlet.equip(plant)
        self.topics.equip(plant)

    def _epoch(self) -> int:
        return self._knowledge.executor.epoch

    def _will(self) -> Will:
        mode, topic = self._knowledge.executor.mode, self._address.topics.agent_status()
        return Will(topic, wire.agent_status("offline", mode, installed_version(), self._epoch()))

    async def _announce(self, _session_present: bool) -> None:  # noqa: FBT001  # the session's signature
        succession = self.succession
        if self._agent is not None and await succession.before_announcing():
            await self._agent.announce(succession.settle, succession.after_announcing)

    def _lose(self) -> None:
        if self._agent is not None:
            self._agent.lost()
