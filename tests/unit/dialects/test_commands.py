"""Equipment behind devices of other makers: the whole way of a command holds as for our own nodes."""

from __future__ import annotations

import json

import pytest
from support.foreigners import foreign_plant, heard
from support.plants import Bench, failed, later, published, reading

from edge_agent.dialects.commanding import written
from edge_agent.model.commands import CommandState

PLANT = """
[nodes.tank1.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 10
thresholds = { low = { limit = 1.5 }, high = { limit = 5.2 } }
[nodes.relay]
device = "R1"
profile = "shelly_gen2"
[nodes.relay.actuators.pump1]
kind = "pump"
fail_safe = "stop"
lease_seconds = 900
min_off_seconds = 0
min_on_seconds = 0
PUMP
[plans.fill]
when = ["tank1/level:low"]
do = [{ actuator = "relay/pump1", action = "start" }]
[plans.stop]
when = ["tank1/level:high"]
do = [{ actuator = "relay/pump1", action = "stop" }]
"""
SWITCH = "R1/status/switch:0"


def bench(pump=""):
    made = Bench(foreign_plant(PLANT.replace("PUMP", pump)))
    made.turn(heard("R1/online", "true", retained=True), state(on=False), after=1)
    return made


def state(*, on, **more):
    return heard(SWITCH, {"id": 0, "output": on, **more})


def level(made, value, *messages, after=1.0, **more):
    return made.turn(reading(value, later(after, made.now)), *messages, after=after, **more)


def outcomes(made):
    return [str(event.state) for turn in made.turns for event in turn.command_events]


def started(made):
    """Begin to fill, and let the device do so."""
    [command] = level(made, 1.0).commands
    made.turn(state(on=True), dispatches=[published(command)], after=0.1)
    return command


def test_the_state_that_the_device_reports_is_its_acknowledgement():
    made = bench()
    started(made)
    assert outcomes(made) == [CommandState.DONE]
    [view] = made.knowledge.snapshot(made.now).actuators
    assert view.state == "running"


def test_a_state_that_comes_before_the_broker_has_confirmed_counts_where_it_has_changed():
    made = bench()
    level(made, 1.0)
    made.turn(state(on=True), after=0.1)
    assert outcomes(made)[-1] == CommandState.DONE


def test_a_device_that_stays_silent_has_not_done_it():
    made = bench()
    [command] = level(made, 1.0).commands
    made.turn(dispatches=[published(command)], after=0.1)
    made.turn(dispatches=[failed(command)], after=6)
    assert outcomes(made)[-1] == CommandState.FAILED
    assert "relay/pump1:failed raised" in made.raised()


def test_a_device_that_reports_otherwise_has_not_done_it():
    made = bench()
    [command] = level(made, 1.0).commands
    made.turn(state(on=False), dispatches=[published(command)], after=0.1)
    assert CommandState.DONE not in outcomes(made)


def renewal(made):
    """Keep the level low until the lease is renewed."""
    for _ in range(200):
        turn = level(made, 1.0, after=10)
        if turn.commands:
            return turn.commands[0]
    raise AssertionError("the lease is never renewed")


def test_a_lease_is_renewed_and_what_the_device_says_after_that_proves_it():
    made = bench()
    started(made)
    command = renewal(made)
    assert command.action == "start"
    made.turn(state(on=True), after=0.1)  # may have been on its way before: nothing tells
    assert outcomes(made) == [CommandState.DONE]
    made.turn(state(on=True, timer_duration=900), dispatches=[published(command)], after=0.1)
    assert outcomes(made)[1:] == [CommandState.PUBLISHED, CommandState.DONE]


def test_a_renewal_that_the_device_does_not_speak_of_fails():
    made = bench()
    started(made)
    command = renewal(made)
    made.turn(dispatches=[published(command)], after=0.1)
    made.turn(dispatches=[failed(command)], after=6)
    assert outcomes(made)[-1] == CommandState.FAILED


def test_a_stop_at_the_device_is_a_hand_at_the_panel():
    made = bench()
    started(made)
    level(made, 1.0, state(on=False), after=60)
    assert "relay/pump1:not_in_auto raised" in made.raised()
    assert made.turns[-1].commands == []


def test_without_a_lease_on_the_device_it_is_only_advised():
    made = bench('lease = "none"')
    turn = level(made, 1.0)
    assert [str(event.state) for event in turn.command_events] == [CommandState.ADVISED]
    assert turn.command_events[0].detail == "its device has no lease"
    assert [decision.verdict for decision in turn.decisions] == ["advised"]
    assert not any(turn.commands for turn in made.wait(5))


def test_without_a_lease_it_is_commanded_where_that_is_allowed():
    made = bench('lease = "none"\nallow_without_lease = true')
    started(made)
    assert outcomes(made)[-1] == CommandState.DONE


def test_a_pump_that_loses_its_lease_by_an_edit_is_commanded_no_more():
    made = bench()
    started(made)
    edited = foreign_plant(PLANT.replace("PUMP", 'lease = "none"'))
    made.turn(plant=edited, after=1)
    for _ in range(100):
        assert (
            level(made, 1.0, after=10).commands == [] or made.turns[-1].command_events[-1].state == CommandState.ADVISED
        )


def test_one_that_leaves_the_plant_is_stopped_first_and_what_it_shows_is_heard():
    made = bench()
    started(made)
    gone = foreign_plant(PLANT[: PLANT.index("[nodes.relay]")])
    [stop] = made.turn(plant=gone, after=1).commands
    assert (stop.action, stop.target) == ("stop", "relay/pump1")
    turn = made.turn(state(on=False), dispatches=[published(stop)], after=1)
    assert [str(event.state) for event in turn.command_events][-1] == CommandState.DONE
    made.turn(after=1)
    assert [letter.reason for letter in made.turn(state(on=False), after=1).dead_letters] == ["unknown_topic"]


ACK = """
command = { topic = "{device}/rpc", start = '{"id":{counter},"on":true}', stop = '{"id":"{id}","on":false}' }
lease = "none"
allow_without_lease = true
[nodes.relay.actuators.pump1.ack]
topic = "me/rpc"
id = "/id"
done = { "/result" = {} }
failed = { "/error/code" = -109 }
detail = "/error/message"
"""


def answered(command, **members):
    return heard("me/rpc", {"id": command.counter, **members})


@pytest.mark.parametrize(
    ("members", "outcome", "detail"),
    [
        ({"result": {"was_on": False}}, CommandState.DONE, ""),
        ({"error": {"code": -109, "message": "no such switch"}}, CommandState.FAILED, "no such switch"),
        ({}, CommandState.ACCEPTED, ""),
    ],
)
def test_a_reply_settles_a_command_by_its_counter(members, outcome, detail):
    made = bench(ACK)
    [command] = level(made, 1.0).commands
    turn = made.turn(answered(command, **members), dispatches=[published(command)], after=0.1)
    assert (turn.command_events[-1].state, turn.command_events[-1].detail) == (outcome, detail)
    assert turn.counts.ack == 1


def test_a_renewal_waits_for_the_reply_where_the_device_gives_one():
    made = bench(ACK)
    started(made)
    command = renewal(made)
    made.turn(state(on=True), dispatches=[published(command)], after=0.1)
    assert outcomes(made)[-1] == CommandState.PUBLISHED
    made.turn(answered(command, result={"was_on": True}), after=0.1)
    assert outcomes(made)[-1] == CommandState.DONE


def test_a_reply_to_somebody_else_changes_nothing():
    made = bench(ACK)
    [command] = level(made, 1.0).commands
    turn = made.turn(
        heard("me/rpc", {"id": command.counter + 1, "result": 1}), heard("me/rpc", {"id": True, "result": 1}),
        heard("me/rpc", {"result": 1}), dispatches=[published(command)], after=0.1,
    )  # fmt: skip
    assert [str(event.state) for event in turn.command_events] == [CommandState.PUBLISHED]
    assert turn.dead_letters == []


def test_what_means_none_of_our_words_counts_as_unknown_though_it_reads_like_one():
    made = bench('state = { source = "s#/x", running = ["ON"], stopped = ["OFF"], local = ["HAND"] }')
    made.turn(heard("s", {"x": "running"}), after=1)
    [view] = made.knowledge.snapshot(made.now).actuators
    assert view.state == "unknown (running)"
    made.turn(heard("s", {"x": "HAND"}), after=1)
    assert "relay/pump1:not_in_auto raised" in made.raised()


def test_a_restart_goes_on_with_what_it_finds():
    made = bench()
    started(made)
    made.restart(5)
    made.turn(heard("R1/online", "true", retained=True), state(on=True), after=1)
    level(made, 1.0)
    assert [view.state for view in made.knowledge.snapshot(made.now).actuators] == ["running"]
    assert "relay/pump1:not_in_auto raised" not in made.raised()


def test_what_is_written_for_a_shelly_is_what_its_maker_documents():
    made = bench()
    [command] = level(made, 1.0).commands
    wiring = made.site.nodes["relay"].actuators["pump1"].wiring
    said = written(command, wiring, "gateway-1")
    assert said.topic == "R1/rpc"
    assert json.loads(said.payload) == {
        "id": command.counter, "src": "riverside-relay", "method": "Switch.Set",
        "params": {"id": 0, "on": True, "toggle_after": 900},
    }  # fmt: skip
