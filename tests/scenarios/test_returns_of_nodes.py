"""A node that comes back: what is not the fail-safe action waits for evidence that is newer than its return."""

from __future__ import annotations

from support.plants import Bench, ack, plant, published, state, status


def filling():
    """A bench whose pump runs for its low tank, with a reading every 10 s so far."""
    bench = Bench(plant())
    bench.turn(status(True), state("stopped"))
    bench.level(1.0, after=1)
    bench.turn(deliveries=[published(bench.commands[0])])
    bench.turn(ack(bench.commands[0], "done"), state("running"), after=1)
    return bench


def test_a_pump_that_stands_after_its_nodes_return_waits_for_a_reading():
    bench = filling()
    bench.turn(status(False), after=5)
    bench.wait(20)
    bench.turn(status(True), state("stopped"), after=0.5)
    bench.wait(20)
    assert [c.action for c in bench.commands] == ["start"]
    bench.level(1.0)
    bench.wait(1)
    assert [c.action for c in bench.commands] == ["start", "start"]


def test_a_reading_of_the_turn_of_the_return_is_new_enough():
    bench = filling()
    bench.turn(status(False), after=5)
    bench.wait(20)
    bench.turn(status(True), state("stopped"), after=0.5)
    bench.level(1.0)
    assert [c.action for c in bench.commands] == ["start", "start"]


def test_a_stop_waits_for_no_reading():
    bench = filling()
    bench.turn(status(False), after=5)
    bench.level(5.5, after=20)
    bench.turn(status(True), state("running"), after=0.5)
    assert bench.commands[-1].action == "stop"
