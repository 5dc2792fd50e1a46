from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.noderig import START, Rig, at, contents, make_rig, statuses

from edge_agent.model.inbox import Kind, Route
from edge_agent.model.plant import Actuator, Node, Sensor
from edge_agent.model.time import rfc3339
from edge_agent.simulate.faults import Faults
from edge_agent.simulate.node import REMEMBERED_COMMANDS, VirtualNode


def test_a_node_comes_up_online_with_its_states_retained_and_its_equipment_untouched(rig: Rig) -> None:
    node = VirtualNode(
        "here", Node("station", {}, {"pump1": Actuator("station", "pump1", "pump", "stop")}), rig.bench, Faults()
    )
    messages = node.start(at(0))
    assert [(message.route, message.retain) for message in messages] == [
        (Route(Kind.STATUS, "station"), True),
        (Route(Kind.STATE, "station", "pump1"), True),
    ]
    assert messages[0].payload == b"online"
    assert json.loads(messages[1].payload) == {"state": "stopped", "value": 0.0, "ts": rfc3339(START)}
    assert not rig.bench.done


def test_the_last_will_is_a_retained_offline(rig: Rig) -> None:
    assert rig.node.will == (Route(Kind.STATUS, "station"), b"offline", True)


def test_a_command_is_accepted_executed_reported_and_done(rig: Rig) -> None:
    messages = rig.order(1, "set", value=0.8)
    assert [message.route.kind for message in messages] == [Kind.ACK, Kind.STATE, Kind.ACK]
    assert statuses(messages) == ["accepted", "done"]
    assert contents(messages, Kind.STATE)[0] == {"state": "running", "value": 0.8, "ts": rfc3339(START + 1_000_000)}
    assert not any(message.retain for message in messages if message.route.kind is Kind.ACK)
    assert rig.bench.done == [("pump1", "set", 0.8)]


def test_a_repeated_id_gets_its_last_acknowledgement_and_is_not_executed(rig: Rig) -> None:
    rig.order(1, id="same")
    again = rig.order(2, id="same")
    assert statuses(again) == ["done"]
    assert len(rig.bench.done) == 1
    assert rig.node.repeats == 1


def test_a_rejected_id_stays_rejected(rig: Rig) -> None:
    rig.order(1, id="same", action="open")
    assert statuses(rig.order(2, id="same")) == ["rejected"]
    assert not rig.bench.done


def test_nothing_is_executed_after_its_expiry(rig: Rig) -> None:
    expires_at = rfc3339(START + 10 * 1_000_000)
    assert statuses(rig.order(10, expires_at=expires_at)) == ["accepted", "done"]
    messages = rig.order(10.001, expires_at=expires_at)
    assert contents(messages, Kind.ACK)[0] | {"id": ""} == {"id": "", "status": "rejected", "detail": "expired"}
    assert len(rig.bench.done) == 1


def test_a_repeat_after_the_expiry_still_tells_that_it_was_done(rig: Rig) -> None:
    expires_at = rfc3339(START + 10 * 1_000_000)
    rig.order(1, id="same", expires_at=expires_at)
    assert statuses(rig.order(60, id="same", expires_at=expires_at)) == ["done"]


def test_nothing_of_an_older_epoch_is_executed(rig: Rig) -> None:
    rig.order(1, epoch=8, counter=1)
    messages = rig.order(2, epoch=7, counter=99)
    assert statuses(messages) == ["rejected"]
    assert contents(messages, Kind.ACK)[0]["detail"] == "epoch 7 is over, 8 has begun"
    assert statuses(rig.order(3, epoch=9, counter=1)) == ["accepted", "done"]


def test_an_epoch_is_known_for_all_actuators_of_a_node(rig: Rig) -> None:
    rig.order(1, epoch=8, actuator="pump1")
    assert statuses(rig.order(2, epoch=7, actuator="pump2")) == ["rejected"]


@pytest.mark.parametrize(
    "forged",
    [{"expires_at": rfc3339(START)}, {"node": "elsewhere"}, {"action": "fly"}],
    ids=["late", "of another", "no action"],
)
def test_a_command_that_is_not_executed_ends_no_epoch(rig, forged):
    assert statuses(rig.order(1, epoch=8, **forged)) == ["rejected"]
    assert statuses(rig.order(2, epoch=7)) == ["accepted", "done"]


def test_an_epoch_that_cannot_be_locks_nobody_out(rig):
    assert statuses(rig.order(1, epoch=2**52)) == ["rejected"]
    assert statuses(rig.order(2, epoch=7)) == ["accepted", "done"]


def test_an_agent_that_really_is_so_far_ahead_is_obeyed_after_a_few_refusals(rig):
    """The epochs of its site were driven up while the node was away, or the node is new."""
    rig.order(1, epoch=7)
    answers = [statuses(rig.order(number, epoch=2_000_000 + number)) for number in range(2, 9)]
    assert answers.index(["accepted", "done"]) <= 6
    assert statuses(rig.order(20, epoch=7)) == ["rejected"]


def test_a_number_that_no_epoch_can_be_is_no_command(rig):
    assert statuses(rig.order(1, epoch=2**53 - 1)) == ["rejected"]
    assert rig.node.malformed == 1


def test_an_older_counter_of_the_epoch_is_rejected_for_its_actuator_only(rig: Rig) -> None:
    rig.order(1, counter=5, actuator="pump1")
    assert statuses(rig.order(2, counter=4, actuator="pump1")) == ["rejected"]
    assert statuses(rig.order(2, counter=5, actuator="pump1")) == ["accepted", "done"]  # as new as what it has
    assert statuses(rig.order(3, counter=4, actuator="pump2")) == ["accepted", "done"]


def test_a_broken_motor_fails_the_command_and_is_no_crash(rig: Rig) -> None:
    rig.bench.broken = True
    messages = rig.order(1, id="same")
    assert statuses(messages) == ["accepted", "failed"]
    assert contents(messages, Kind.ACK)[1]["detail"] == "the motor is jammed"
    rig.bench.broken = False
    assert statuses(rig.order(2, id="same")) == ["failed"]
    assert not rig.bench.done


@pytest.mark.parametrize(
    "changed",
    [
        {"site": "elsewhere"},
        {"node": "tower"},
        {"action": "open"},
        {"action": "set"},
        {"action": "set", "value": 1.5},
        {"action": "set", "value": -0.1},
        {"lease_seconds": 0},
        {"epoch": "7"},
        {"epoch": True},
        {"counter": -1},
        {"expires_at": "2026-11-22T10:00:00"},
        {"expires_at": "soon"},
        {"expires_at": 5},
        {"value": "0.5"},
    ],
)
def test_a_command_that_cannot_be_meant_is_rejected(rig: Rig, changed: dict[str, object]) -> None:
    action = changed.pop("action", "start")
    assert statuses(rig.order(1, str(action), **changed)) == ["rejected"]
    assert not rig.bench.done


def test_an_order_for_another_actuator_than_its_topic_is_rejected(rig: Rig) -> None:
    messages = rig.node.receive("pump2", rig.command(actuator="pump1"), at(1))
    assert statuses(messages) == ["rejected"]
    assert messages[0].route.name == "pump2"


def test_an_unknown_actuator_is_ignored_and_counted(rig: Rig) -> None:
    assert rig.node.receive("fan", rig.command(actuator="fan"), at(1)) == []
    assert rig.node.malformed == 1


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_payload_crashes_a_node_or_moves_anything(payload: bytes) -> None:
    rig = make_rig()
    assert rig.node.receive("pump1", payload, at(1)) == []
    assert rig.node.malformed == 1
    assert not rig.bench.done


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda x: st.lists(x, max_size=2)
)


@given(
    st.sampled_from(["id", "site", "node", "actuator", "action", "value", "expires_at", "lease_seconds", "epoch"]), _ANY
)
def test_no_member_crashes_a_node(member: str, value: object) -> None:
    rig = make_rig()
    members = json.loads(rig.command()) | {member: value}
    answers = rig.node.receive("pump1", json.dumps(members).encode(), at(1))
    assert set(statuses(answers)) <= {"accepted", "done", "rejected"}


@pytest.mark.parametrize("payload", [b"[" * 100_000, b'{"id":"a","epoch":' + b"9" * 30_000 + b"}", b"\xff", b""])
def test_monstrous_payloads_are_ignored(rig: Rig, payload: bytes) -> None:
    rig.node.receive("pump1", payload, at(1))
    assert rig.node.malformed == 1
    assert statuses(rig.order(2)) == ["accepted", "done"]


_ORDERS = st.lists(
    st.tuples(
        st.integers(0, 11),  # which command
        st.sampled_from(["pump1", "pump2"]),
        st.integers(0, 40),  # seconds that pass before it
        st.booleans(),  # whether the node restarts before it
    ),
    max_size=60,
)


@settings(max_examples=200)
@given(_ORDERS)
def test_at_most_once_never_expired_never_backwards(deliveries: list[tuple[int, str, int, bool]]) -> None:
    """Twelve commands (six each of two epochs), delivered in any order, any number of times, over restarts."""
    rig = make_rig()
    seconds = 0
    executed: list[tuple[str, int, int]] = []
    for number, actuator, wait, restart in deliveries:
        seconds += wait
        if restart:
            rig.node.restart(at(seconds))
        before = len(rig.bench.done)
        epoch, counter = 7 + number // 6, number % 6
        expires = 100 + 20 * number
        rig.order(
            seconds,
            id=f"{number}-{actuator}",
            actuator=actuator,
            epoch=epoch,
            counter=counter,
            expires_at=rfc3339(START + expires * 1_000_000),
        )
        if len(rig.bench.done) > before:
            assert seconds <= expires
            executed.append((actuator, epoch, counter))
    assert len(set(executed)) == len(executed)
    for name in ("pump1", "pump2"):
        mine = [order[1:] for order in executed if order[0] == name]
        assert mine == sorted(mine)
    assert [epoch for _, epoch, _ in executed] == sorted(epoch for _, epoch, _ in executed)


def test_an_id_that_was_forgotten_is_still_not_executed_again(rig: Rig) -> None:
    rig.order(1, id="first", counter=0)
    for number in range(1, REMEMBERED_COMMANDS + 2):
        rig.order(2, counter=number)
    count = len(rig.bench.done)
    assert statuses(rig.order(3, id="first", counter=0)) == ["rejected"]
    assert len(rig.bench.done) == count


def test_an_unrenewed_lease_ends_in_the_fail_safe_state(rig: Rig) -> None:
    rig.order(1, lease_seconds=100)
    assert not contents(rig.node.tick(at(100.9)), Kind.STATE)
    messages = rig.node.tick(at(101))
    assert contents(messages, Kind.STATE)[0]["state"] == "stopped"
    assert rig.bench.done[-1] == ("pump1", "stop", None)
    assert rig.node.fail_safes == 1
    assert not rig.node.tick(at(500))


def test_a_renewed_lease_holds(rig: Rig) -> None:
    rig.order(1, lease_seconds=100)
    rig.order(60, lease_seconds=100)
    rig.node.tick(at(159))
    assert rig.bench.state("pump1") == ("running", 1.0)
    rig.node.tick(at(160))
    assert rig.bench.state("pump1") == ("stopped", 0.0)


def test_a_retry_of_the_same_command_renews_nothing(rig: Rig) -> None:
    rig.order(1, id="same", lease_seconds=100)
    rig.order(60, id="same", lease_seconds=100)
    rig.node.tick(at(101))
    assert rig.bench.state("pump1") == ("stopped", 0.0)


def test_the_lease_follows_the_monotonic_time_and_not_the_wall(rig: Rig) -> None:
    rig.order(1, lease_seconds=100)
    set_forward = at(50)._replace(at=at(50_000).at)
    rig.node.tick(set_forward)
    assert rig.bench.state("pump1") == ("running", 1.0)


def test_what_is_fail_safe_needs_no_lease(rig: Rig) -> None:
    rig.order(1, lease_seconds=100)
    rig.order(2, "stop", lease_seconds=100)
    rig.node.tick(at(1000))
    assert rig.node.fail_safes == 0


def test_equipment_switched_by_hand_is_reported(rig: Rig) -> None:
    rig.bench.act("pump1", "start", None)
    messages = rig.node.tick(at(5))
    assert [state["state"] for state in contents(messages, Kind.STATE)] == ["running"]
    assert not rig.node.tick(at(6))


def test_readings_come_at_their_interval_and_seq_grows_by_one(rig: Rig) -> None:
    told = []
    for second in range(31):
        now = at(second)
        told += rig.node.observe(dict.fromkeys(rig.node.due(now), 3.5 + second), now)
    readings = contents(told, Kind.TELEMETRY)
    assert [reading["seq"] for reading in readings] == [1, 2, 3, 4]
    assert readings[1] == {"value": 13.5, "unit": "m3/h", "ts": rfc3339(at(10).at), "seq": 2}
    assert not any(message.retain for message in told)


def test_beats_that_were_missed_are_not_made_up_for(rig: Rig) -> None:
    assert rig.node.due(at(35)) == ["flow"]
    rig.node.observe({"flow": 1.0}, at(35))
    assert rig.node.due(at(39)) == []
    assert rig.node.due(at(40)) == ["flow"]


@pytest.mark.parametrize(
    ("timestamps", "expected"), [("unix", START / 1e6), ("unix_ms", START / 1e3), ("rfc3339", rfc3339(START))]
)
def test_timestamps_are_written_as_the_node_declares_them(rig: Rig, timestamps: str, expected: object) -> None:
    sensor = Sensor("n", "s", "flow", "m3/h")
    node = VirtualNode("here", Node("n", {"s": sensor}, {}, timestamps), rig.bench, Faults())  # type: ignore[arg-type]
    node.start(at(0))
    assert contents(node.observe({"s": 1.0}, at(0)), Kind.TELEMETRY)[0]["ts"] == expected


def test_the_next_event_is_the_earliest_of_readings_and_leases(rig: Rig) -> None:
    rig.node.observe({"flow": 1.0}, at(0))
    assert rig.node.next_event() == at(10).seconds
    rig.order(1, lease_seconds=3)
    assert rig.node.next_event() == at(4).seconds


def test_after_a_restart_everything_is_safe_and_seq_begins_anew(rig: Rig) -> None:
    rig.order(1)
    rig.node.observe({"flow": 1.0}, at(2))
    messages = rig.node.restart(at(3))
    assert [message.payload for message in messages[:2]] == [b"offline", b"online"]
    assert [state["state"] for state in contents(messages, Kind.STATE)] == ["stopped", "stopped"]
    assert contents(rig.node.observe({"flow": 1.0}, at(3)), Kind.TELEMETRY)[0]["seq"] == 1


def test_a_restart_forgets_neither_executed_commands_nor_the_epoch(rig: Rig) -> None:
    rig.order(1, id="same", epoch=8, counter=5)
    rig.node.restart(at(2))
    assert statuses(rig.order(3, id="same", epoch=8, counter=5)) == ["done"]
    assert rig.bench.state("pump1") == ("stopped", 0.0)
    assert statuses(rig.order(4, epoch=7, counter=99)) == ["rejected"]
    assert statuses(rig.order(5, epoch=8, counter=4)) == ["rejected"]
    assert statuses(rig.order(6, epoch=8, counter=6)) == ["accepted", "done"]
