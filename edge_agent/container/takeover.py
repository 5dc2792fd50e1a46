"""Taking control of a site: nodes obey the highest epoch, whoever began it and wherever it was noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt import wire
from edge_agent.mqtt.glance import retained

if TYPE_CHECKING:
    from edge_agent.mqtt.connection import ConnectionSettings
    from edge_agent.mqtt.topics import Topics


async def highest_epoch(connection: ConnectionSettings, topics: Topics) -> int:
    """Ask the broker for the highest epoch of the site's agents, this one's former life included; 0 if it cannot say.

    The store knows only the epochs that were begun with it: on a new card, or beside a second gateway, the nodes
    would take this agent for one that is over.
    """
    try:
        statuses = await retained(connection, topics.agent_statuses())
    except BrokerUnavailableError as error:
        logger.bind(error=str(error)).warning("The site's agents are not known; the epoch of the store counts alone")
        return 0
    return max((wire.epoch_of(status) for status in statuses), default=0)
