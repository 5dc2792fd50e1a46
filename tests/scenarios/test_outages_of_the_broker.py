"""The broker away for as long as chance has it: leases are kept where they can be, and never without evidence."""

from __future__ import annotations

from random import Random

import pytest
from support.plants import published, status
from support.waterworks import World, protected, readme, silent

from edge_agent.model.inbox import DispatchReport, LinkReport
from edge_agent.model.plant import EVIDENCE_SECONDS

#: A lease with so much left when the broker is back must be kept.
ENOUGH_SECONDS = 3


class Cut(World):
    """A world between whose agent and nodes the broker may be away. Nodes say later what they could not say."""

    def __init__(self, lease: float) -> None:
        self.cut = False
        self.offline = False  # as the agent has been told of the station
        self.heard = 0  # the last good reading
        self.mistakes: list[str] = []
        self._undelivered: list = []
        self._unsaid: list = []
        pump = protected(
            min_on_seconds=0.0, max_starts_per_hour=None, lease_seconds=lease, command_ttl_seconds=min(30.0, lease)
        )
        super().__init__(readme(actuators=[pump]), at_level=3.0, rise=0.0, fall=0.0)

    def _turn(self, messages=None, deliveries=(), **more):
        said, reports = list(messages or []), list(deliveries)
        if self.cut:
            self._unsaid += said
            said = []
        if any(message.route.kind == "telemetry" for message in said):
            self.heard = self.at
        reports += self._gone()
        turn = self.bench.turn(*said, deliveries=reports, **more)
        while turn.commands:
            reports = []
            for command in turn.commands:
                self._judge(command)
                self.given.append((self.at, command))
                if self.cut:
                    self._undelivered.append(command)
                else:
                    reports.append(published(command))
                    self.station.take(command, self.at)
            turn = self.bench.turn(*self.station.said(), deliveries=reports)

    def _gone(self):
        """What the delivery gives up, because it has expired while the broker was away."""
        gone = [command for command in self._undelivered if command.expires_at <= self.bench.now.at]
        self._undelivered = [command for command in self._undelivered if command not in gone]
        return [DispatchReport(command.id, "expired", "the broker is away") for command in gone]

    def _judge(self, command):
        if command.action == "stop":
            return
        if self.offline:
            self.mistakes.append(f"{command.reason} at {self.at} s, though the station is offline")
        if self.at - self.heard > EVIDENCE_SECONDS + 1:
            self.mistakes.append(f"{command.reason} at {self.at} s, though nothing was heard since {self.heard} s")

    def lose(self, notice_seconds):
        """Cut the connection; the agent notices later."""
        self.cut = True
        self.run(notice_seconds)
        self.tell(links=[LinkReport(connected=False)])

    def restore(self):
        """Connect again: what waited is said and delivered, in one turn with the news."""
        self.cut = False
        reports = self._gone()
        for command in self._undelivered:
            reports.append(published(command))
            self.station.take(command, self.at)
        self._undelivered.clear()
        unsaid, self._unsaid = self._unsaid + self.station.said(), []
        self._turn(unsaid, reports, links=[LinkReport(connected=True)])

    def station_offline(self, offline):
        self.station.online = not offline
        if not offline:
            self.offline = False
            self.tell(*self.station.announce())
        else:
            self.tell(status(False))
            self.offline = True

    @property
    def lease_left(self):
        return self.station._leases.get("station/pump1", self.at) - self.at

    def begin_filling(self):
        self.level = 1.0
        self.run(600, until=lambda: self.runs)
        assert self.runs
        self.level = 3.0


def outage(world, chance, lease):
    """One outage of random length, after a random time of filling; return whether the lease could be kept."""
    world.begin_filling()
    world.run(chance.randint(15, int(lease)))
    blind = chance.random() < 0.25
    if blind:
        world.fault(silent)
    before = len(world.station.switches)
    length = chance.randint(2, int(1.5 * lease))
    notice = chance.randint(0, min(5, length - 1))
    world.lose(notice)
    world.run(length - notice)
    fresh = world.at - world.heard < EVIDENCE_SECONDS - 5
    keeps = world.runs and world.lease_left >= ENOUGH_SECONDS and fresh
    world.restore()
    world.run(ENOUGH_SECONDS + 2)
    kept = world.runs and len(world.station.switches) == before
    if keeps and not kept:
        world.mistakes.append(f"the lease was not kept after an outage of {length} s")
    if keeps and world.lease_left < lease / 2 - 10:
        world.mistakes.append(f"{world.lease_left} s of the lease are left after an outage of {length} s")
    world.run(chance.randint(0, 400) if blind else 30)
    world.mend()
    world.run(60)
    return keeps


@pytest.mark.parametrize(("lease", "outages"), [(24, 17), (90, 17), (900, 16)])
def test_every_lease_that_can_be_kept_over_an_outage_is_kept_and_none_without_evidence(lease, outages):
    world, chance = Cut(float(lease)), Random(lease)
    kept = [outage(world, chance, lease) for _ in range(outages)]
    assert world.mistakes == []
    assert 3 <= sum(kept) < outages


@pytest.mark.parametrize("lease", [24, 90, 900])
def test_a_node_that_was_offline_is_asked_for_nothing_but_the_fail_safe(lease):
    world, chance = Cut(float(lease)), Random(lease + 1)
    for _ in range(5):
        world.begin_filling()
        world.station_offline(True)
        world.lose(chance.randint(0, 5))
        world.run(chance.randint(2, 2 * lease))
        world.restore()
        world.run(chance.randint(2, 60))
        world.station_offline(False)
        world.run(60)
    assert world.mistakes == []


def test_a_stop_that_came_due_while_the_broker_was_away_goes_out_when_it_is_back():
    world = Cut(900.0)
    world.begin_filling()
    world.lose(2)
    world.run(60)
    world.level = 5.5
    world.run(60)
    assert world.runs
    world.restore()
    world.run(15)
    assert not world.runs
