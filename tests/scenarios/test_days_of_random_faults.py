"""Forty faults, repairs, edits and kills in random order: no drop over the brim, and no command that must not be."""

from __future__ import annotations

import json
from random import Random

import pytest
from support.plants import plan
from support.waterworks import FILL, HOUR, STOP, World, broken_wire, silent

from edge_agent.model.inbox import Operation
from edge_agent.model.plant import EVIDENCE_SECONDS

EDITED = plan("fill_tank1", FILL.when, ("station/pump1", "start"), cooldown_seconds=60.0)


def doubtful(true, _seconds):
    return max(5.85, true) if true > 3 else min(0.1, true)


class Day(World):
    """A world that judges every command by what the agent has been told."""

    def __init__(self, chance):
        self.chance, self.heard, self.mistakes = chance, None, []
        super().__init__(at_level=chance.uniform(1.0, 4.0), fall=1 / 2000)

    def _turn(self, messages=None, deliveries=(), **more):
        for message in messages or []:
            if message.route.kind == "telemetry" and 0.2 <= json.loads(message.payload)["value"] <= 5.8:
                self.heard = self.at
        given = len(self.given)
        super()._turn(messages, deliveries, **more)
        for at, command in self.given[given:]:
            self._judge(at, command)

    def _judge(self, at, command):
        if self.station.local:
            self.mistakes.append(f"{command.action} in local: {command.reason}")
        if command.action == "start" and not self.station.online:
            self.mistakes.append(f"start to an offline node: {command.reason}")
        if command.action == "start" and (self.heard is None or at - self.heard > EVIDENCE_SECONDS + 1):
            self.mistakes.append(f"start at {at} s without evidence since {self.heard}: {command.reason}")

    def repair(self):
        """Put everything right; others take or bring water meanwhile."""
        self.mend()
        self.station.way, self.station.local, self.station.online = "obeys", False, True
        self.tell(*self.station.announce())
        self.edit(FILL, STOP)
        self.tell(operations=[Operation("reset", "station/pump1", "ada", "all is well")])
        self.level = self.chance.choice([1.3, self.level, 4.9])

    def happen(self):
        """Let one thing happen."""
        chance, station = self.chance, self.station
        kind = chance.choice(["sensor", "sensor", "restart", "way", "way", "line", "hand", "panel", "operate", "plans"])
        if kind == "sensor":
            self.mend()
            shows = chance.choice([silent, broken_wire, doubtful, None, None])
            if shows is not None:
                self.fault(shows)
        elif kind == "restart":
            self.heard = None
            self.restart(chance.choice([1, 10, 600]))
        elif kind == "way":
            station.way = chance.choice(["deaf", "rejects", "fails", "pretends", "obeys", "obeys", "obeys"])
        elif kind == "line":
            station.online = not station.online
            self.tell(*(station.announce() if station.online else station.announce()[:1]))
        elif kind == "hand":
            self.by_hand(on=False)
        elif kind == "panel":
            self.control(local=not station.local)
        elif kind == "operate":
            self.tell(operations=[Operation(chance.choice(["release", "reset"]), "station/pump1", "ada", "checked")])
        else:
            self.edit(*chance.choice([(FILL, STOP), (FILL, STOP), (EDITED, STOP), (FILL,), (STOP,), ()]))


@pytest.mark.parametrize("seed", range(4))
def test_a_day_of_random_faults_spills_nothing_and_commands_nothing_that_must_not_be(seed):
    day = Day(Random(seed))
    for _ in range(40):
        day.run(day.chance.randint(10, 1200))
        day.happen()
        if day.chance.random() < 0.4:
            day.repair()
    day.run(6 * HOUR)
    assert day.mistakes == []
    assert day.spilled == 0.0
    assert len(day.starts()) >= 2
