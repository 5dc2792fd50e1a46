"""The simulated plant, wired to a broker: what `simulate` runs and the demo runs beside the agent."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_agent.errors import ConfigurationError, Problem
from edge_agent.mqtt.nodelink import open_node_link
from edge_agent.settings.lines import with_lines
from edge_agent.simulate.hydraulics import Hydraulics
from edge_agent.simulate.mapping import parse_mapping
from edge_agent.simulate.plant import PlantSimulation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from edge_agent.mqtt.connection import ConnectionSettings
    from edge_agent.mqtt.nodelink import NodeConnection
    from edge_agent.mqtt.topics import Topics
    from edge_agent.settings.plantfile import PlantFile
    from edge_agent.simulate.faults import Faults
    from edge_agent.simulate.nodewire import Outgoing


class BrokerNodeLink:
    """One virtual node's voice on the broker."""

    def __init__(self, connection: NodeConnection, topics: Topics) -> None:
        self._connection, self._topics = connection, topics

    async def publish(self, message: Outgoing) -> None:
        """Publish one message of the node. Raises BrokerUnavailableError."""
        topic = self._topics.format(message.route)
        await self._connection.publish(topic, message.payload, retain=message.retain)

    async def commands(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield actuator and payload of each command until the connection ends."""
        async for topic, payload in self._connection.messages():
            yield topic.rpartition("/")[2], payload


class BrokerBus:
    """Connects virtual nodes to a broker, each with a connection and a last will of its own."""

    def __init__(self, settings: ConnectionSettings, topics: Topics) -> None:
        self._settings, self._topics = settings, topics

    @asynccontextmanager
    async def connect(self, node: str, will: Outgoing) -> AsyncIterator[BrokerNodeLink]:
        """Connect as one node. Raises BrokerUnavailableError."""
        settings = replace(self._settings, client_id=f"{self._settings.client_id}-{node}")
        commands = self._topics.command(node, "+")
        will_topic = self._topics.format(will.route)
        async with open_node_link(settings, commands, (will_topic, will.payload)) as connection:
            yield BrokerNodeLink(connection, self._topics)


def network_of(file: PlantFile, network: Path | None = None) -> Path:
    """Name the network of a plant: the given one, else that of the simulation section, beside the plant file.

    Raises ConfigurationError where neither is there.
    """
    if network is not None:
        return network
    mapping = parse_mapping(file.simulation, str(file.path))
    if mapping.network is None:
        missing = Problem(str(file.path), "simulation.network", "is not given", "an EPANET file beside this one")
        raise ConfigurationError([missing])
    return file.path.parent / mapping.network


@contextmanager
def open_simulation(
    file: PlantFile, network: Path | None, faults: Faults | None = None, *, speed: float = 1.0
) -> Iterator[PlantSimulation]:
    """Load a plant's network (see `network_of`) and tie its nodes to it. Raises ConfigurationError, SimulationError."""
    with with_lines(file.path):
        mapping = parse_mapping(file.simulation, str(file.path))
        path = network_of(file, network)
    with Hydraulics(path) as hydraulics:
        with with_lines(file.path):
            simulation = PlantSimulation(hydraulics, mapping, file.plant, faults, speed=speed, file=str(file.path))
        yield simulation
