"""What fails: alarms, the lock-out and its reset, stops that nobody confirms, and what delays neither stop nor trip."""

from __future__ import annotations

import pytest
from support.plants import pump

from edge_agent.execute.panel import Hand
from edge_agent.model.desired import Desired
from edge_agent.model.inbox import DispatchReport


def fail(desk, command, word="failed"):
    desk.publish(command)
    desk.ack(command, word, "overload")


def locked_out(make_desk, **more):
    desk = make_desk(pump(**more))
    [command] = desk.request("start")
    for _ in range(desk.control.actuator.lock_out_after - 1):
        fail(desk, command)
        command = desk.next()
    fail(desk, command)
    return desk


# Lock-out -------------------------------------------------------------------------------------------------------


def test_a_command_that_failed_is_an_alarm_until_one_is_done(desk):
    [command] = desk.request("start")
    fail(desk, command)
    assert desk.troubles == {"failed": "high"}
    command = desk.next()
    desk.publish(command)
    desk.ack(command, "done")
    desk.state("running")
    assert desk.troubles == {}
    assert desk.control.lock_out.failures == 0


@pytest.mark.parametrize("times", [1, 3])
def test_it_is_locked_out_after_so_many_failures_in_a_row(make_desk, times):
    desk = locked_out(make_desk, lock_out_after=times)
    assert desk.wait(desk.seconds + 5000, step=10) == []
    assert desk.control.state is Desired.LOCKED_OUT
    assert desk.troubles == {"failed": "high", "locked_out": "high"}


def test_a_success_between_begins_the_count_anew(desk):
    for _ in range(4):
        [command] = desk.request("start")
        for _ in range(2):
            fail(desk, command)
            command = desk.next()
        desk.publish(command)
        desk.state("running")
        desk.ack(command, "done")
        assert desk.control.lock_out.failures == 0
        desk.done("stop")
        desk.at(desk.seconds + 60)


def test_a_locked_out_pump_may_be_stopped(make_desk):
    desk = locked_out(make_desk)
    [stop] = desk.request("stop")
    fail(desk, stop)
    assert desk.next().action == "stop"
    assert desk.request("start") == []
    assert desk.control.state is Desired.LOCKED_OUT


def test_a_stop_that_fails_is_asked_again_for_ever(desk):
    [stop] = desk.request("stop")
    pauses = []
    for _ in range(8):
        fail(desk, stop)
        missed = desk.seconds
        stop = desk.next()
        pauses.append(desk.seconds - missed)
    assert pauses == [5, 10, 20, 40, 60, 60, 60, 60]
    assert not desk.control.lock_out.locked


def test_a_reset_ends_it(make_desk):
    desk = locked_out(make_desk)
    assert not desk.operate("release")
    assert not desk.operate("reset", "station/pump9")
    desk.at(desk.seconds + 100)
    assert desk.operate("reset")
    assert not desk.operate("reset")
    assert [c.action for c in desk.tick()] == ["start"]
    assert desk.troubles == {}


def test_it_survives_a_restart(make_desk):
    desk = locked_out(make_desk)
    after = make_desk(remembered=desk.memory())
    assert after.wait(1000, step=10) == []
    assert after.control.state is Desired.LOCKED_OUT
    assert after.operate("reset")


def test_silence_and_refusals_lock_nothing_out(desk):
    [command] = desk.request("start")
    for n in range(6):
        desk.publish(command)
        desk.fail(command) if n % 2 else desk.ack(command, "rejected", "local")
        command = desk.next()
    assert not desk.control.lock_out.locked
    assert "failed" in desk.troubles


def test_done_without_effect_is_told_and_locked_out_after_so_often(desk):
    desk.state("stopped")
    given = desk.request("start")
    desk.publish(given[0])
    desk.ack(given[0], "done")
    while desk.seconds < 600:
        for command in desk.at(desk.seconds + 1).tick():
            given.append(command)
            desk.publish(command)
            desk.ack(command, "done")
    assert len(given) == 3
    assert "locked_out" in desk.troubles
    assert desk.control.lock_out.why == "asked to start, and done, it reports stopped"


# Stops that nobody confirms -------------------------------------------------------------------------------------


def test_a_stop_that_is_not_confirmed_in_ten_seconds_is_critical(desk):
    desk.done("start")
    desk.at(60).request("stop")
    desk.wait(69)
    assert desk.troubles == {}
    desk.wait(70)
    assert desk.troubles == {"stop_not_confirmed": "critical"}
    desk.state("stopped")
    assert desk.troubles == {}


def test_twice_the_timeout_of_a_slow_node(make_desk):
    desk = make_desk(pump(ack_timeout_seconds=30))
    desk.done("start")
    desk.at(60).request("stop")
    desk.wait(119)
    assert desk.troubles == {}
    desk.wait(121)
    assert desk.troubles == {"stop_not_confirmed": "critical"}


def test_a_stop_of_a_node_that_only_acknowledges_is_confirmed_by_that(desk):
    [stop] = desk.request("stop")
    desk.publish(stop)
    desk.ack(stop, "done")
    desk.wait(100)
    assert desk.troubles == {}


def test_a_stop_that_min_on_holds_is_not_overdue(make_desk):
    desk = make_desk(pump(min_on_seconds=300))
    desk.done("start")
    desk.at(60).request("stop")
    desk.wait(300)
    assert desk.troubles == {}
    desk.wait(312)
    assert "stop_not_confirmed" in desk.troubles


@pytest.mark.parametrize("cut", ["online", "link"])
def test_a_stop_that_cannot_be_delivered_is_told(desk, cut):
    desk.done("start")
    desk.at(60)
    getattr(desk, cut)(False)
    desk.request("stop")
    desk.wait(75)
    assert desk.troubles["stop_not_confirmed"] == "critical"


@pytest.mark.parametrize("trip", [False, True])
def test_a_stop_that_is_done_without_effect_is_asked_again_for_ever(desk, trip):
    desk.done("start")
    given = desk.at(60).request("stop", trip=trip)
    while desk.seconds < 1000:
        for command in given[-1:]:
            desk.publish(command)
            desk.ack(command, "done")
        given += desk.at(desk.seconds + 1).tick()
    assert len(given) >= 15
    assert desk.troubles["stop_not_confirmed"] == "critical"
    assert desk.wait(desk.seconds + 61)
    assert not desk.control.lock_out.locked


# What delays neither a stop nor a trip --------------------------------------------------------------------------


@pytest.mark.parametrize("trip", [False, True])
def test_a_stop_passes_an_offline_node_and_an_open_breaker(desk, trip):
    desk.done("start")
    desk.at(60).online(False)
    desk.breaker("open")
    assert [c.action for c in desk.request("stop", trip=trip)] == ["stop"]
    assert desk.request("start") == []


def test_a_valve_passes_by_its_own_fail_safe_action(make_desk):
    desk = make_desk(pump("station/pump1", kind="valve", fail_safe="open"))
    desk.online(False)
    assert desk.request("close") == []
    assert len(desk.request("open")) == 1


def test_a_half_open_breaker_lets_every_stop_through(make_desk):
    desk = make_desk(pump(), pump("station/pump2"))
    desk.breaker("half_open")
    assert len(desk.request("start")) == 1
    assert len(desk.request("stop", of="station/pump2")) == 1


def test_a_trip_passes_min_on(make_desk):
    desk = make_desk(pump(min_on_seconds=300))
    desk.done("start")
    assert desk.at(10).request("stop") == []
    assert [c.action for c in desk.request("stop", trip=True)] == ["stop"]
    assert desk.all.decisions[-1].checks[-1].name == "trip"


def test_a_trip_passes_min_on_in_one_step(make_desk):
    desk = make_desk(pump(min_on_seconds=300))
    desk.done("start")
    assert [c.action for c in desk.at(10).request("stop", trip=True)] == ["stop"]


def test_a_trip_waits_for_no_pause_of_a_stop_that_missed(desk):
    [stop] = desk.request("stop")
    for _ in range(5):
        fail(desk, stop)
        stop = desk.next()
    fail(desk, stop)
    assert desk.tick() == []
    assert len(desk.request("stop", trip=True)) == 1


def test_a_trip_that_misses_is_asked_again_within_ten_seconds(desk):
    [stop] = desk.request("stop", trip=True)
    for _ in range(6):
        fail(desk, stop)
        stop = desk.next(within=10)


def test_a_trip_passes_a_suspension_and_a_lock_out(make_desk):
    desk = locked_out(make_desk)
    desk.control.panel.hand = Hand.UNEXPECTED
    assert len(desk.request("stop", trip=True)) == 1


def test_a_command_that_never_went_out_is_no_failure_of_the_equipment(desk):
    [command] = desk.request("start")
    desk.deliver(DispatchReport(command.id, "failed", "no broker"))
    assert desk.control.lock_out.why == ""
    assert desk.troubles == {}


def test_a_reset_forgives_every_failure(make_desk):
    desk = make_desk(pump(lock_out_after=2))
    for _ in range(2):
        desk.control.lock_out.fail("it trips")
    assert desk.control.lock_out.locked
    desk.control.lock_out.reset()
    desk.control.lock_out.fail("it trips once more")
    assert not desk.control.lock_out.locked
