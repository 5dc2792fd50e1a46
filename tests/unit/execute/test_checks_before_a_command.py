"""What holds a command back: mode, node, breaker, protections; and that it goes out when it may."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.plants import pump


def failing(desk):
    return [check.name for check in desk.all.decisions[-1].checks if not check.passed]


def test_an_offline_node_is_not_asked(desk):
    desk.online(False)
    assert desk.request("start") == []
    assert desk.verdicts == [("start", "held")]
    assert failing(desk) == ["node"]
    assert desk.wait(60) == []
    assert desk.verdicts == [("start", "held")]
    desk.online(True)
    assert len(desk.tick()) == 1


def test_a_node_that_never_said_anything_is_asked(desk):
    assert len(desk.request("start")) == 1


def test_an_open_breaker_holds_everything_of_its_node(make_desk):
    desk = make_desk(pump(), pump("well/pump1"))
    desk.breaker("open")
    assert desk.request("start") == []
    assert failing(desk) == ["breaker"]
    assert len(desk.request("start", of="well/pump1")) == 1
    desk.at(30).breaker("closed")
    assert [c.target for c in desk.tick()] == ["station/pump1"]


def test_a_half_open_breaker_lets_one_command_through(make_desk):
    desk = make_desk(pump(), pump("station/pump2"))
    desk.breaker("open")
    desk.request("start")
    desk.request("start", of="station/pump2")
    desk.at(30).breaker("half_open")
    [first] = desk.tick()
    assert desk.wait(43) == []
    desk.publish(first)
    desk.ack(first, "done")
    desk.breaker("closed")
    assert len(desk.tick()) == 1


def test_a_half_open_breaker_wakes_what_pauses(desk):
    [command] = desk.request("start")
    for _ in range(4):
        desk.publish(command)
        desk.fail(command)
        command = desk.next()
    desk.publish(command)
    desk.fail(command)
    assert desk.wait(desk.seconds + 20) == []
    desk.breaker("open")
    assert desk.tick() == []
    desk.breaker("half_open")
    assert len(desk.tick()) == 1


def test_a_held_request_is_told_once_and_again_when_the_reason_changes(make_desk):
    desk = make_desk(pump(min_off_seconds=300))
    desk.done("stop")
    assert desk.at(10).request("start") == []
    desk.wait(20)
    desk.online(False)
    desk.wait(30)
    assert desk.verdicts == [("stop", "commanded"), ("start", "held"), ("start", "held")]
    assert failing(desk) == ["node", "min_off"]
    desk.online(True)
    assert [c.action for c in desk.wait(301)] == ["start"]


def test_advisory_records_and_publishes_nothing(make_desk):
    desk = make_desk(mode="advisory")
    [command] = desk.request("start")  # a command to be stored
    assert desk.states == ["advised"]
    assert desk.all.events[0].command_id == command.id
    assert desk.verdicts == [("start", "advised")]
    assert desk.all.decisions[0].command_id == command.id
    assert desk.wait(3600, step=60) == []
    assert desk.control.record is None
    assert desk.control.equipment.running is None


def test_manual_commands_nothing(make_desk):
    desk = make_desk(mode="manual")
    assert desk.request("start") == []
    assert desk.verdicts == [("start", "held")]
    assert failing(desk) == ["mode"]
    assert desk.wait(3600, step=60) == []


@pytest.mark.parametrize("mode", ["advisory", "manual"])
def test_without_a_say_a_remembered_request_is_not_renewed(make_desk, desk, mode):
    desk.done("start")
    after = make_desk(mode=mode, remembered=desk.memory())
    after.state("stopped")
    assert after.wait(1000, step=10) == []


def test_requests_for_what_is_not_there_are_nobodys(desk):
    assert desk.request("start", of="station/pump9") == []


_specs = st.fixed_dictionaries({
    "min_on_seconds": st.sampled_from([0, 60, 300]),
    "min_off_seconds": st.sampled_from([0, 60, 300]),
    "max_starts_per_hour": st.sampled_from([None, 1, 3]),
})  # fmt: skip
_happenings = st.lists(
    st.tuples(
        st.sampled_from(["start", "stop", "set", "off", None]),
        st.integers(1, 200),
        st.sampled_from(["done", "lost", "rejected", "tripped", "silent", "deaf"]),
    ),
    max_size=40,
)


class Node:
    """A pump that carries out at once what it hears and does not reject, and holds it against the protections."""

    def __init__(self, desk, spec):
        self.desk, self.spec = desk, spec
        self.running = False
        self.turned = {True: [], False: []}
        desk.state("stopped")

    def hear(self, command, fate):
        on = command.action == "start" or bool(command.value)
        if on is not self.running:
            self._assert_protected(on)
        self.desk.publish(command)
        if fate == "rejected":
            self.desk.ack(command, "rejected")
            return
        if fate == "deaf":
            self.desk.fail(command)
            return
        self.turn(on)
        if fate != "silent":
            self.report()
        if fate == "lost":
            self.desk.fail(command)
        else:
            self.desk.ack(command, "done")

    def turn(self, on):
        if on is not self.running:
            self.running = on
            self.turned[on].append(self.desk.seconds)

    def report(self):
        self.desk.state("running" if self.running else "stopped")

    def _assert_protected(self, on):
        now, before, most = self.desk.seconds, self.turned[not on], self.spec["max_starts_per_hour"]
        assert not before or now - before[-1] >= self.spec["min_off_seconds" if on else "min_on_seconds"]
        within = [at for at in self.turned[True] if at > now - 3600]
        assert not on or most is None or len(within) < most


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_specs, _happenings)
def test_no_command_ever_violates_a_protection(make_desk, spec, happenings):
    """Each element: what is requested, for how long, and how the node behaves; `tripped` stops it at the end."""
    desk = make_desk(pump(**spec))
    node = Node(desk, spec)
    for action, pause, fate in happenings:
        for second in range(pause):
            desk.at(desk.seconds + 1)
            for command in desk.tick() if second or action is None else _requested(desk, action):
                node.hear(command, fate)
        if fate == "tripped" and node.running:
            node.turn(False)
            node.report()


def _requested(desk, action):
    value = {"set": 0.8, "off": 0.0}.get(action)
    return desk.request("set" if action in {"set", "off"} else action, value)
