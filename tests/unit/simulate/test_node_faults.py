from __future__ import annotations

import math

import pytest
from support.noderig import Rig, at, contents, make_rig, statuses

from edge_agent.errors import UsageError
from edge_agent.model.inbox import Kind
from edge_agent.model.plant import Actuator, Node, Plant, Sensor
from edge_agent.simulate.faults import SPIKE_SHARE, Fault, Faults


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("station:drop-acks", Fault("station", "drop-acks")),
        ("tank1/level:freeze", Fault("tank1/level", "freeze")),
        ("tank1/level:spike=3.0", Fault("tank1/level", "spike", 3.0)),
        ("tank1/level:drift=-0.01", Fault("tank1/level", "drift", -0.01)),
        ("station:delay-acks=8@60-120.5", Fault("station", "delay-acks", 8.0, 60.0, 120.5)),
        ("station/pump1:reject@60-", Fault("station/pump1", "reject", 0.0, 60.0)),
        ("station:offline@600", Fault("station", "offline", 0.0, 600.0, math.inf)),
    ],
)
def test_faults_are_read_from_the_command_line(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("station", "is not a fault"),
        ("Station:offline", "is not a fault"),
        ("station:explode", "one of offline, restart, drop-acks"),
        ("station:freeze", "freeze is not a fault of station"),
        ("tank1/level:offline", "offline is not a fault of tank1/level"),
        ("tank1/level:spike", "needs a number, as in spike=3.0"),
        ("tank1/level:spike=big", "'big' is not a number"),
        ("tank1/level:spike=inf", "'inf' is not a number"),
        ("tank1/level:spike=nan", "'nan' is not a number"),
        ("tank1/level:freeze=3", "takes no number"),
        ("station:offline@20-10", "ends before it starts"),
        ("station:offline@1.2.3", "'1.2.3' is not a number"),
    ],
)
def test_what_is_no_fault_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        Fault.parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["tower:offline", "station/pump1:freeze", "station/flow:drop-acks", "tower/x:silence"])
def test_a_fault_must_name_what_the_plant_has(text: str) -> None:
    station = Node(
        "station",
        {"flow": Sensor("station", "flow", "flow", "m3/h")},
        {"pump1": Actuator("station", "pump1", "pump", "stop")},
    )
    plant = Plant("here", {"station": station})
    with pytest.raises(UsageError, match="the plant has no"):
        Faults.parse([text]).check(plant)
    Faults.parse(["station:offline", "station/pump1:drop-acks", "station/flow:freeze"]).check(plant)


def test_dropped_acknowledgements_do_not_stop_the_execution() -> None:
    rig = make_rig("station:drop-acks@0-10")
    assert statuses(rig.order(1, id="same")) == []
    assert len(rig.bench.done) == 1
    assert statuses(rig.order(11, id="same")) == ["done"]
    assert len(rig.bench.done) == 1


def test_delayed_acknowledgements_come_later_and_in_order() -> None:
    rig = make_rig("station:delay-acks=8")
    assert statuses(rig.order(1)) == []
    assert len(rig.bench.done) == 1
    assert rig.node.next_event() <= at(9).seconds
    assert statuses(rig.node.tick(at(8.9))) == []
    assert statuses(rig.node.tick(at(9))) == ["accepted", "done"]


def test_duplicated_acknowledgements_come_twice() -> None:
    assert statuses(make_rig("station:duplicate-acks").order(1)) == ["accepted", "accepted", "done", "done"]


def test_a_node_told_to_reject_rejects_and_does_nothing() -> None:
    rig = make_rig("station:reject")
    assert statuses(rig.order(1)) == ["rejected"]
    assert not rig.bench.done


def test_a_fault_of_one_actuator_leaves_the_other_alone() -> None:
    rig = make_rig("station/pump1:reject")
    assert statuses(rig.order(1, actuator="pump1")) == ["rejected"]
    assert statuses(rig.order(2, actuator="pump2")) == ["accepted", "done"]


def shown(rig: Rig, values: dict[int, float]) -> list[float]:
    messages = [
        message for second, value in values.items() for message in rig.node.observe({"flow": value}, at(second))
    ]
    return [reading["value"] for reading in contents(messages, Kind.TELEMETRY)]


def test_a_frozen_sensor_shows_what_it_showed_last() -> None:
    rig = make_rig("station/flow:freeze@15-35")
    assert shown(rig, {0: 1.0, 10: 2.0, 20: 3.0, 30: 4.0, 40: 5.0}) == [1.0, 2.0, 2.0, 2.0, 5.0]


def test_a_drifting_sensor_wanders_from_where_it_began() -> None:
    rig = make_rig("station/flow:drift=0.5@15-35")
    assert shown(rig, {0: 1.0, 10: 1.0, 20: 1.0, 30: 1.0, 40: 1.0}) == [1.0, 1.0, 1.0, 6.0, 1.0]


def test_a_silent_sensor_says_nothing_and_loses_no_number() -> None:
    rig = make_rig("station/flow:silence@5-15")
    messages = [message for second in (0, 10, 20) for message in rig.node.observe({"flow": 1.0}, at(second))]
    assert [reading["seq"] for reading in contents(messages, Kind.TELEMETRY)] == [1, 2]


def test_a_spiking_sensor_jumps_now_and_then_and_the_same_each_time() -> None:
    values = {10 * number: 1.0 for number in range(1000)}
    first, second = (shown(make_rig("station/flow:spike=3.0"), values) for _ in range(2))
    assert first == second
    assert set(first) == {1.0, 4.0, -2.0}
    assert 0.5 * SPIKE_SHARE < sum(value != 1.0 for value in first) / 1000 < 2 * SPIKE_SHARE


def test_an_offline_node_is_silent_deaf_and_comes_back_with_its_states() -> None:
    rig = make_rig("station:offline@10-20")
    assert rig.node.tick(at(10)) == [rig.node.will]
    assert rig.node.tick(at(11)) == []
    assert rig.order(12) == []
    assert rig.node.observe({"flow": 1.0}, at(12)) == []
    messages = rig.node.tick(at(20))
    assert messages[0].payload == b"online"
    assert len(contents(messages[1:], Kind.STATE)) == 2
    assert statuses(rig.order(21)) == ["accepted", "done"]


def test_acknowledgements_that_wait_are_lost_when_the_node_goes_offline() -> None:
    rig = make_rig("station:delay-acks=8@0-5", "station:offline@5-20")
    rig.order(1)
    rig.node.tick(at(5))
    assert statuses(rig.node.tick(at(20))) == []
    assert statuses(rig.node.tick(at(30))) == []


def test_a_lease_runs_out_while_the_node_is_offline() -> None:
    rig = make_rig("station:offline@10-200")
    rig.order(1, lease_seconds=100)
    rig.node.tick(at(10))
    rig.node.tick(at(101))
    assert rig.bench.state("pump1") == ("stopped", 0.0)


def test_a_node_restarts_once_at_the_time_it_is_told() -> None:
    rig = make_rig("station:restart@10")
    rig.order(1)
    assert rig.bench.state("pump1") == ("running", 1.0)
    assert [message.payload for message in rig.node.tick(at(10))[:2]] == [b"offline", b"online"]
    assert rig.bench.state("pump1") == ("stopped", 0.0)
    assert rig.node.tick(at(11)) == []


def test_faults_can_be_set_and_cleared_while_it_runs(rig: Rig) -> None:
    rig.faults.faults.append(Fault("station", "reject"))
    assert statuses(rig.order(1)) == ["rejected"]
    rig.faults.clear("station", "drop-acks")
    assert statuses(rig.order(2)) == ["rejected"]
    rig.faults.clear("station")
    assert statuses(rig.order(3)) == ["accepted", "done"]
