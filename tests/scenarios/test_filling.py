"""A tank is filled and filling stops: the whole chain, from the message to the command's outcome."""

from __future__ import annotations

from support.plants import FILL, HIGH, STOP, Bench, ack, plant, published, pump, state, threshold

from edge_agent.model.commands import CommandState


def filling(**protections):
    low = threshold("low", 1.5, deadband=0.2, on_delay_seconds=10.0, priority="high")
    return Bench(plant(actuators=[pump(**protections)], thresholds=[low, HIGH], plans=[FILL, STOP]))


def test_a_level_below_low_for_its_on_delay_gives_exactly_one_command():
    bench = filling()
    bench.level(1.42)
    bench.wait(9)
    assert bench.commands == []
    bench.wait(30)
    [command] = bench.commands
    assert (command.target, command.action, command.plan) == ("station/pump1", "start", "fill_tank1")
    assert command.reason == "tank1/level (1.42 m) has been below low (1.50 m) for 10 s"
    assert command.expires_at - command.issued_at == 30_000_000
    assert (command.epoch, command.counter, command.lease_seconds) == (1, 1, 900.0)


def test_filling_stops_at_high_and_every_command_is_acknowledged():
    bench = filling()
    bench.level(1.42)
    bench.wait(10)
    bench.turn(deliveries=[published(bench.commands[0])])
    bench.turn(ack(bench.commands[0], "accepted"))
    bench.turn(ack(bench.commands[0], "done"), state("running"))
    for tenths in range(15, 54):
        bench.level(tenths / 10, after=10)
    assert [command.action for command in bench.commands] == ["start", "stop"]
    bench.turn(deliveries=[published(bench.commands[1])])
    bench.turn(ack(bench.commands[1], "done"), state("stopped"))
    bench.wait(60)
    assert [command.action for command in bench.commands] == ["start", "stop"]
    assert [record.state for record in bench.memory.commands] == [CommandState.DONE, CommandState.DONE]
    assert [record.attempts for record in bench.memory.commands] == [1, 1]
    assert bench.raised()[:3] == ["tank1/level:low raised", "tank1/level:low cleared", "tank1/level:high raised"]
