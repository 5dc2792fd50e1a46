"""Keeps the session subscribed to the topics of devices that speak languages of their own, as the plant changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edge_agent.dialects.listening import states, topics

if TYPE_CHECKING:
    from edge_agent.model.plant import Plant
    from edge_agent.model.turn import Turn
    from edge_agent.mqtt.session import Session

#: So many topics of a former run are ended at once; what is beyond comes again.
_MOST_STRANGE = 1_000


class PlantTopics:
    """Wants the topics of the plant in force, and ends subscriptions that nobody has a use for.

    The broker keeps subscriptions with the session. Those of a plant that was changed while the agent was away show
    themselves by a message that means nothing: it is a dead letter, and the last one of its topic.
    """

    def __init__(self, session: Session, base: str, plant: Plant) -> None:
        """Begin with a plant; `base` begins the topics of our own language."""
        self._session, self._base = session, base
        self._wanted = topics(plant)
        self._parting: set[str] = set()  # where actuators that have left the plant show what they do
        self._actuators = plant.actuators
        self._strange: set[str] = set()
        self._changed = asyncio.Event()
        session.subscriptions.want(self._wanted)

    def __repr__(self) -> str:
        return f"PlantTopics({len(self._wanted)} topics, {len(self._strange)} to be ended)"

    def equip(self, plant: Plant) -> None:
        """Subscribe to the topics of a changed plant, which was reported before: what comes finds it in force."""
        wanted = topics(plant)
        gone = [actuator for actuator in self._actuators if plant.actuator(actuator.name) is None]
        self._actuators = plant.actuators
        parting = {source.topic for actuator in gone for source in states(actuator)} - wanted
        if (wanted, parting) != (self._wanted, self._parting):
            self._wanted, self._parting = wanted, parting
            self._changed.set()

    def turn(self, turn: Turn) -> None:
        """Note which topics mean nothing."""
        for letter in turn.dead_letters:
            if letter.reason == "unknown_topic" and not letter.topic.startswith(self._base):
                if len(self._strange) < _MOST_STRANGE:
                    self._strange.add(letter.topic)
                self._changed.set()

    async def run(self) -> None:
        """Carry out what has changed, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            strange, self._strange = self._strange, set()
            self._parting -= strange  # nobody waits for it any more
            await self._session.listen(self._wanted | self._parting)
            await self._session.forget(strange)
