"""The agent dies and comes back with what its store remembers."""

from __future__ import annotations

import pytest
from support.plants import FILL, HIGH, STOP, Bench, ack, failed, plan, plant, published, pump, sensor, state, threshold

from edge_agent.model.quality import Flag
from edge_agent.monitor.tests.spike import Spike


def filling(bench=None, **protections):
    bench = bench or Bench(plant(actuators=[pump(**protections)]))
    bench.level(1.0)
    bench.turn(deliveries=[published(bench.commands[-1])])
    return bench


def done(bench):
    bench.turn(ack(bench.commands[-1], "done"), state("running"))


def test_an_open_command_is_not_repeated_and_its_acknowledgement_still_counts():
    bench = filling()
    bench.restart(after=3)
    bench.level(1.0)
    assert len(bench.commands) == 1
    bench.turn(ack(bench.commands[0], "done"), state("running"))
    bench.wait(3)
    assert len(bench.commands) == 1
    assert [(str(r.state), r.attempts) for r in bench.memory.commands] == [("done", 1)]


def test_an_alarm_is_not_raised_twice_and_its_plan_not_fired_twice():
    bench = filling()
    done(bench)
    bench.restart(after=3)
    assert bench.level(1.0).decisions == []
    bench.level(1.3, after=2)
    assert bench.raised() == ["tank1/level:low raised"]
    assert bench.verdicts() == [("start", "commanded")]


def test_a_standing_request_outlives_its_alarm_and_the_agent():
    bench = filling()
    done(bench)
    bench.level(3.0, after=10)  # no plan applies any more, the request stands
    bench.restart(after=10)
    bench.turn(state("running"))
    bench.level(3.0)
    bench.wait(10)
    assert [(c.action, c.plan, c.epoch, c.counter) for c in bench.commands] == [
        ("start", "fill_tank1", 1, 1),
        ("start", "fill_tank1", 2, 1),
    ]
    assert bench.commands[1].reason.startswith("lease renewed: ")


def test_identities_never_repeat_over_restarts():
    bench = Bench(plant())
    for _ in range(4):
        filling(bench)
        bench.turn(ack(bench.commands[-1], "rejected"))
        bench.restart(after=1000)
        bench.wait(6)
    identities = [command.id for command in bench.commands]
    assert len(set(identities)) == len(identities) >= 4
    assert [c.epoch for c in bench.commands] == sorted(c.epoch for c in bench.commands)


def test_protections_outlive_the_agent():
    bench = filling(min_on_seconds=300)
    done(bench)
    bench.restart(after=100)
    bench.turn(state("running"))
    bench.level(5.5)
    bench.wait(190)
    assert [c.action for c in bench.commands if c.action == "stop"] == []
    bench.wait(15)
    assert [c.action for c in bench.commands if c.action == "stop"] == ["stop"]


def test_a_held_request_is_not_forgotten():
    bench = filling(min_on_seconds=300)
    done(bench)
    bench.level(5.5, after=10)
    assert bench.verdicts()[-1] == ("stop", "held")
    bench.restart(after=10)
    bench.wait(300)
    assert [c.action for c in bench.commands] == ["start", "stop"]


def test_a_cooldown_outlives_the_agent():
    once = plan("fill_tank1", "tank1/level:low", ("station/pump1", "start"), cooldown_seconds=600)
    bench = filling(Bench(plant(plans=[once, STOP])))
    done(bench)
    bench.level(5.5, after=60)
    bench.turn(ack(bench.commands[-1], "done"), state("stopped"))
    bench.restart(after=60)
    bench.turn(state("stopped"))
    bench.level(1.0)
    for _ in range(47):
        bench.level(1.0, after=10)
    assert [c.action for c in bench.commands] == ["start", "stop"]
    bench.level(1.0, after=10)
    assert [c.action for c in bench.commands] == ["start", "stop", "start"]


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_restart_between_two_readings_changes_no_flag(cut):
    values = [3.0, 3.1, 5.0, 3.1, 3.2, 3.2, 3.1, 3.0]
    site = plant([sensor(spike=Spike(0.3, 0.8))])

    def flags(restart_before):
        bench = Bench(site)
        for place, value in enumerate(values):
            if place == restart_before:
                bench.restart()
            bench.level(value, after=10)
        return [(r.value, r.flag, r.tests) for r in bench.memory.readings]

    assert flags(cut) == flags(None)
    assert Flag.FAIL in {flag for _, flag, _ in flags(cut)}


def test_an_agent_that_was_away_for_a_day_starts_from_what_is():
    bench = filling()
    done(bench)
    bench.restart(after=86_400)
    bench.turn(state("stopped"))  # the lease ran out
    bench.level(3.0)
    assert bench.raised()[-1] == "tank1/level:low cleared"
    bench.wait(6)
    assert [c.action for c in bench.commands] == ["start", "stop"]  # a decision of before the start begins nothing
    bench.level(1.0, after=5)
    bench.wait(1)
    assert bench.commands[-1].action == "start"


def test_thresholds_that_are_gone_clear_their_alarms():
    bench = filling()
    bench.site = plant(thresholds=[HIGH, threshold("low_low", 0.5)], plans=[FILL, STOP])
    bench.restart(after=5)
    bench.turn()
    assert bench.raised()[-1] == "tank1/level:low cleared"


@pytest.mark.parametrize("outcome", ["failed", None], ids=["failed", "never acknowledged"])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_stop_that_failed_is_repeated_though_the_node_never_reports(outcome, restarted):
    """Nobody knows whether the pump still runs: the request stands, over a restart too."""
    bench = filling()
    bench.turn(ack(bench.commands[-1], "done"))
    bench.level(5.5, after=60)
    stop = bench.commands[-1]
    bench.turn(deliveries=[published(stop)])
    if outcome:
        bench.turn(ack(stop, outcome))
    else:
        bench.turn(deliveries=[failed(stop)])
    if restarted:
        bench.restart(after=1)
    for _ in range(3):
        bench.level(5.5, after=10)
    again = bench.commands[2]
    assert (again.action, again.reason.partition(":")[0]) == ("stop", "once more")
    bench.turn(ack(again, "done"), deliveries=[published(again)])
    bench.restart(after=1)
    for _ in range(10):
        bench.level(5.5, after=10)
    assert len(bench.commands) == 3
