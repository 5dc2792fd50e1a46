"""Nodes that are slow, deaf, gone or switched by hand; and what the agent makes of it."""

from __future__ import annotations

import pytest
from support.plants import Bench, ack, failed, message, plant, published, pump, state, status

from edge_agent.model.commands import CommandState
from edge_agent.model.inbox import BreakerReport, Kind, Operation


def low(**protections):
    bench = Bench(plant(actuators=[pump(**protections)]))
    bench.level(1.0)
    return bench


def states(bench):
    return [str(record.state) for record in bench.memory.commands]


def keep_low(bench, seconds):
    """The level goes on being told while time passes."""
    for _ in range(int(seconds / 10)):
        bench.level(1.0, after=10)


def test_a_deaf_node_fails_its_command_and_the_breaker_holds_the_next():
    bench = low()
    for _ in range(3):
        bench.turn(deliveries=[published(bench.commands[0])], after=5)
    bench.turn(deliveries=[failed(bench.commands[0])], breakers=[BreakerReport("station", "open")], after=5)
    assert states(bench) == ["failed"]
    assert bench.memory.commands[0].attempts == 3
    keep_low(bench, 60)
    assert len(bench.commands) == 1
    assert bench.verdicts() == [("start", "commanded"), ("start", "held")]
    bench.turn(breakers=[BreakerReport("station", "half_open")])
    assert len(bench.commands) == 2
    assert bench.commands[0].id != bench.commands[1].id


def test_a_word_that_comes_in_the_turn_of_its_failure_counts():
    bench = low()
    bench.turn(deliveries=[published(bench.commands[0])])
    bench.turn(ack(bench.commands[0], "accepted"), deliveries=[failed(bench.commands[0])], after=5)
    assert states(bench) == ["accepted"]
    bench.turn(ack(bench.commands[0], "done"))
    assert states(bench) == ["done"]


def test_done_in_the_turn_of_the_publication_counts_the_attempt():
    bench = low()
    bench.turn(ack(bench.commands[0], "done"), deliveries=[published(bench.commands[0])])
    [record] = bench.memory.commands
    assert (record.state, record.attempts) == (CommandState.DONE, 1)


def test_a_simple_node_that_only_acknowledges_is_not_asked_again():
    bench = Bench(plant())
    bench.turn(status(True))
    bench.level(1.0)
    bench.turn(deliveries=[published(bench.commands[0])])
    bench.turn(ack(bench.commands[0], "accepted"), ack(bench.commands[0], "done"), after=1)
    keep_low(bench, 400)
    assert len(bench.commands) == 1


def test_an_offline_node_is_asked_when_it_is_back():
    bench = Bench(plant())
    bench.turn(status(False))
    bench.level(1.0)
    keep_low(bench, 60)
    assert bench.commands == []
    assert bench.raised() == ["station:offline raised", "tank1/level:low raised"]
    bench.turn(status(True))
    assert len(bench.commands) == 1


def test_a_pump_stopped_by_hand_is_left_alone_until_it_is_released():
    bench = low(min_off_seconds=120)
    bench.turn(ack(bench.commands[0], "done"), state("running"), deliveries=[published(bench.commands[0])])
    keep_low(bench, 60)
    bench.turn(state("stopped"))
    keep_low(bench, 2000)
    assert len(bench.commands) == 1
    assert bench.raised()[-1] == "station/pump1:not_in_auto raised"
    bench.turn(operations=[Operation("release", "station/pump1", "ada", "maintenance is over")])
    keep_low(bench, 10)
    assert [c.action for c in bench.commands] == ["start", "start"]
    assert bench.raised()[-1] == "station/pump1:not_in_auto cleared"


def test_a_pump_stopped_by_hand_is_tried_again_as_often_as_the_plant_file_says():
    bench = low(min_off_seconds=120, unexpected_retries=1)
    bench.turn(ack(bench.commands[0], "done"), state("running"), deliveries=[published(bench.commands[0])])
    keep_low(bench, 60)
    bench.turn(state("stopped"))
    keep_low(bench, 110)
    assert len(bench.commands) == 1
    keep_low(bench, 20)
    assert [c.action for c in bench.commands] == ["start", "start"]
    assert bench.commands[1].reason.startswith("the equipment does otherwise: ")


def test_a_long_filling_renews_its_lease():
    bench = low()
    bench.turn(ack(bench.commands[0], "done"), state("running"), deliveries=[published(bench.commands[0])])
    for _ in range(3):
        keep_low(bench, 450)
        bench.turn(ack(bench.commands[-1], "done"), deliveries=[published(bench.commands[-1])])
    assert [c.action for c in bench.commands] == ["start"] * 4
    assert [c.counter for c in bench.commands] == [1, 2, 3, 4]


def test_a_stop_waits_for_the_minimum_on_time():
    bench = low(min_on_seconds=300)
    bench.turn(ack(bench.commands[0], "done"), state("running"), deliveries=[published(bench.commands[0])])
    bench.level(5.5, after=60)
    for _ in range(23):
        bench.level(5.5, after=10)
    assert bench.verdicts() == [("start", "commanded"), ("stop", "held")]
    bench.level(5.5, after=10)
    assert [c.action for c in bench.commands] == ["start", "stop"]


def test_the_snapshot_shows_what_is():
    bench = low()
    bench.turn(state("running", 0.8), status(True))
    snapshot = bench.knowledge.snapshot(bench.now)
    [level], [pump1] = snapshot.sensors, snapshot.actuators
    assert (level.value, level.flag, level.age_seconds) == (1.0, 1, 0.0)
    assert (pump1.state, pump1.value, pump1.desired, pump1.plan, pump1.command) == (
        "running",
        0.8,
        "start",
        "fill_tank1",
        "decided",
    )
    assert {node.node: node.online for node in snapshot.nodes} == {"tank1": None, "station": True}
    assert [str(alarm.key) for alarm in snapshot.alarms] == ["tank1/level:low"]
    bench.wait(40)
    assert bench.knowledge.snapshot(bench.now).sensors[0].flag == 9


@pytest.mark.parametrize(("node", "actuator"), [("station", "pump2"), ("well", "pump1")])
def test_only_the_actuator_itself_settles_its_command(node, actuator):
    bench = Bench(plant(actuators=[pump(), pump("station/pump2"), pump("well/pump1")]))
    bench.level(1.0)
    [command] = bench.commands
    bench.turn(deliveries=[published(command)])
    strange = message(Kind.ACK, node, actuator, {"id": command.id, "status": "done"}, packet=7)
    turn = bench.turn(strange)
    assert states(bench) == ["published"]
    assert [(letter.reason, letter.topic) for letter in turn.dead_letters] == [("ack_mismatch", strange.topic)]
    assert bench.turn(strange._replace(redelivered=True)).dead_letters == []
    bench.turn(ack(command, "done"))
    assert states(bench) == ["done"]
