"""A plant and the core in lock-step: no broker, no clock, no waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.inbox import DispatchReport, Inbox, Message
from edge_agent.model.time import MICROSECONDS, Moment
from edge_agent.mqtt import wire
from edge_agent.mqtt.topics import Topics
from edge_agent.turn import run_turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_agent.known import Knowledge
    from edge_agent.model.turn import Turn
    from edge_agent.simulate.nodewire import Outgoing
    from edge_agent.simulate.plant import PlantSimulation

START = 1_767_225_600 * MICROSECONDS  # 2026-01-01T00:00:00Z


class LockStep:
    """Hands messages from the plant to the core and commands back, within the same instant."""

    def __init__(self, simulation: PlantSimulation, knowledge: Knowledge) -> None:
        self.simulation, self.knowledge = simulation, knowledge
        self.topics = Topics("water", simulation.plant.site, "lock-step")
        self.turns: list[Turn] = []

    def run(self, seconds: int, step_seconds: int) -> Iterator[int]:
        """Run for plant seconds; yields the time after each step."""
        for at in range(0, seconds + 1, step_seconds):
            now = Moment(START + at * MICROSECONDS, float(at))
            self._exchange(self.simulation.step(now), now)
            yield at

    def _exchange(self, outgoing: Iterable[Outgoing], now: Moment) -> None:
        waiting, reports = list(outgoing), []
        while waiting or reports:
            inbox = Inbox([self._message(each) for each in waiting], reports)
            turn = run_turn(self.knowledge, inbox, now)
            self.turns.append(turn)
            waiting, reports = [], []
            for command in turn.commands:
                reports.append(DispatchReport(command.id, "published", "lock-step"))
                waiting += self.simulation.deliver(command.node, command.actuator, wire.command(command), now)
        self.turns.append(run_turn(self.knowledge, Inbox(), now))

    def _message(self, outgoing: Outgoing) -> Message:
        return Message(outgoing.route, self.topics.format(outgoing.route), outgoing.payload)
