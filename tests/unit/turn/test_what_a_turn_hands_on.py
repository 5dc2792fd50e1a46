"""What comes out of a turn: what came in, what people asked for, and what has to be written, each once."""

from __future__ import annotations

from support.plants import (
    Bench,
    ack,
    later,
    plan,
    plant,
    published,
    pump,
    reading,
    sensor,
    state,
    status,
    threshold,
    told,
)

from edge_agent.model.inbox import Operation, RefusalReport
from edge_agent.model.plant import Fallback
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.runtime.carry import carried_over

PUMP1, PUMP2 = "station/pump1", "station/pump2"
LIMITS = (("low", 1.5), ("high", 5.2))
DRY = threshold("low_low", 0.3, "station/suction")
TRIP = plan("dry", "station/suction:low_low", (PUMP1, "stop"), trip=True, latch=True)
SPARE = plan("spare", f"{PUMP1} is tripped", (PUMP2, "start"))
END = plan("end", f"not {PUMP1} is tripped", (PUMP2, "stop"))


def station(*plans):
    suction = sensor("station/suction", "pressure", "bar")
    return plant([sensor(), suction], [pump(), pump(PUMP2)], [DRY], plans)


def tripped(*plans):
    """An agent whose pump was tripped by a low suction, which is over."""
    bench = Bench(station(TRIP, *plans))
    bench.turn(status(True), state("stopped"), state("stopped", of=PUMP2), after=1)
    for value in (2.0, 0.1, 2.0):
        bench.turn(reading(value, later(10, bench.now), of="station/suction"), after=10)
    bench.wait(3)
    return bench


def trips(bench):
    return dict(bench.knowledge.planner.tripped)


def test_a_reset_ends_a_latched_trip_and_a_release_does_not():
    bench = tripped()
    assert trips(bench) == {PUMP1: "dry"}
    bench.turn(operations=[Operation("release", PUMP1, "ada", "looked at it")], after=1)
    assert trips(bench) == {PUMP1: "dry"}
    bench.turn(operations=[Operation("reset", PUMP2, "ada", "another one")], after=1)
    assert trips(bench) == {PUMP1: "dry"}
    bench.turn(operations=[Operation("reset", PUMP1, "ada", "looked at it")], after=1)
    assert trips(bench) == {}
    assert "station/pump1:tripped cleared" in bench.raised()


def test_what_is_tripped_is_so_for_the_conditions_of_plans():
    bench = tripped(SPARE, END)
    assert [command.action for command in bench.commands if command.target == PUMP2] == ["stop", "start"]


def test_messages_are_counted_by_what_they_are():
    bench = Bench()
    counts = bench.turn(status(True), state("stopped"), told(3.0), told(3.1), told(b"rubbish"), after=1).counts
    assert (counts.telemetry, counts.status, counts.ack, counts.state) == (3, 1, 0, 1)
    counts = bench.turn(after=1).counts
    assert (counts.telemetry, counts.status, counts.ack, counts.state) == (0, 0, 0, 0)
    assert (counts.duplicates, counts.gaps) == (0, 0)


def test_a_policy_that_was_refused_is_an_alarm_until_a_good_one_is_in_force():
    bench = Bench()
    turn = bench.turn(refusals=[RefusalReport("there is no sensor tank9/level")], after=1)
    assert [(str(event.key), event.event, event.reason) for event in turn.alarm_events] == [
        ("_agent:policy_refused", "raised", "thresholds and plans were refused: there is no sensor tank9/level")
    ]
    assert bench.turn(after=1).alarm_events == []
    turn = bench.turn(refusals=[RefusalReport("")], after=1)
    assert [(str(event.key), event.event) for event in turn.alarm_events] == [("_agent:policy_refused", "cleared")]


def written(turn):
    """What a store has to write of a turn, but for readings."""
    kinds = ("plans", "actuators", "delays", "clocks", "sequences", "alarms", "alarm_events", "decisions", "commands")
    return {kind for kind in kinds if getattr(turn, kind)}


def test_while_nothing_changes_nothing_but_readings_is_written():
    level = sensor(gross_range=GrossRange((0.0, 6.0)))
    slow = threshold("low", 1.5, deadband=0.2, on_delay_seconds=900.0)
    bench = Bench(plant([level], [pump()], [slow], [plan("fill", "tank1/level:low", (PUMP1, "start"))]))
    bench.turn(status(True), state("stopped"), reading(1.0, later(10, bench.now), 1), after=10)
    numbered = iter(range(2, 100))
    turns = [bench.turn(reading(1.0, later(10, bench.now), next(numbered)), after=10) for _ in range(60)]
    assert [place for place, turn in enumerate(turns) if "delays" in written(turn)] == [0], "once it is long"
    assert set().union(*(written(turn) for turn in turns[1:])) == set()
    bench.now = bench.now._replace(at=bench.now.at + 30_000_000)
    turns = [bench.turn(reading(1.0, later(10, bench.now), next(numbered)), after=10) for _ in range(9)]
    assert [place for place, turn in enumerate(turns) if "delays" in written(turn)] == [0], "the clock was set"


def test_while_a_pump_runs_as_it_should_nothing_but_readings_is_written():
    bench = Bench()
    bench.turn(status(True), state("stopped"), after=1)
    bench.level(1.0, 10)
    bench.turn(state("running"), after=1)
    quiet = [bench.level(2.0 + 0.01 * beat, 10) for beat in range(20)]
    assert set().union(*(written(turn) for turn in quiet[1:])) == set()
    assert {turn.epoch for turn in quiet} == {None}


def many(seq, bench):
    return told({"readings": {"level": 3.0}, "seq": seq, "ts": later(10, bench.now).at / 1e6}, "tank1")


def test_messages_that_never_came_are_counted_over_a_change_of_the_plant():
    bench = Bench()
    for seq in (1, 2):
        bench.turn(many(seq, bench), after=10)
    bench.turn(plant=plant([sensor(), sensor("tank1/outlet", "flow", "m3/h")]), after=1)
    for seq in (5, 6):
        bench.turn(many(seq, bench), after=10)
    bench.wait(20)
    assert sum(turn.counts.gaps for turn in bench.turns) == 2


def test_a_store_that_is_begun_anew_is_told_what_the_old_one_knew_of_numbers():
    bench = Bench()
    for seq in (1, 2, 5):
        bench.turn(many(seq, bench), after=10)
    bench.wait(20)
    [memory] = carried_over(bench.knowledge, bench.now).sequences
    assert (memory.node, memory.sensor) == ("tank1", "")
    assert memory.seen[0][1] == 5


def test_another_sensor_is_listened_to_while_the_first_is_silent():
    limits = [threshold(name, limit, f"tank1/{of}") for name, limit in LIMITS for of in ("level", "backup")]
    use = (Fallback(use="tank1/backup"),)
    plans = [
        plan("fill", "tank1/level:low", (PUMP1, "start"), without_evidence=use),
        plan("stop", "tank1/level:high", (PUMP1, "stop"), without_evidence=use),
    ]
    bench = Bench(plant([sensor(), sensor("tank1/backup")], [pump()], limits, plans))
    bench.turn(status(True), state("stopped"), after=1)
    bench.wait(400, 5)
    assert bench.commands == []
    assert [command.action for command in bench.level(1.0, 1, "tank1/backup").commands] == ["start"]


def test_a_topic_whose_newest_reading_tells_its_number_needs_no_memory_beside_one_that_does():
    bench = Bench(plant([sensor(), sensor("station/suction", "pressure", "bar")]))
    bench.turn(
        reading(3.0, later(10, bench.now), 1), reading(2.0, later(10, bench.now), 1, "station/suction"), after=10
    )
    for seq, other in ((2, 5), (3, 6), (4, 9), (5, 10)):
        now = later(10, bench.now)
        turn = bench.turn(reading(3.0, now, seq), reading(2.0, now, other, "station/suction"), after=10)
        assert {memory.node for memory in turn.sequences if memory.seen} <= {"station"}
    assert sum(turn.counts.gaps for turn in bench.turns) + sum(turn.counts.gaps for turn in bench.wait(10)) == 5


def test_what_was_irregular_and_is_settled_is_taken_back_from_the_store():
    bench = Bench()
    for seq in (1, 2, 5):
        bench.turn(reading(3.0, later(10, bench.now), seq), after=10)
    assert [memory.seen != () for memory in bench.turns[-1].sequences] == [True]
    bench.wait(10)
    assert bench.memory._sequences["tank1", "level"].seen == ()
    assert [turn.sequences for turn in bench.wait(10)] == [[]] * 10


def test_an_answer_on_the_topic_of_another_actuator_is_a_dead_letter_and_answers_nothing():
    bench = Bench(plant([sensor()], [pump(), pump(PUMP2)]))
    bench.turn(status(True), state("stopped"), state("stopped", of=PUMP2), after=1)
    [command] = bench.level(1.0, 10).commands
    bench.turn(dispatches=[published(command)], after=1)
    said = ack(command, "done")
    turn = bench.turn(said._replace(route=said.route._replace(name="pump2")), after=1)
    assert [(letter.reason, letter.payload) for letter in turn.dead_letters] == [("ack_mismatch", said.payload)]
    assert turn.command_events == []
    assert [str(event.state) for event in bench.turn(said, after=1).command_events] == ["done"]


def test_a_delay_that_runs_is_over_in_its_time_though_the_plant_changes_meanwhile():
    slow = sensor(interval_seconds=60.0)
    late = threshold("low", 1.5, on_delay_seconds=100.0)
    bench = Bench(plant([slow], thresholds=[late], plans=()))
    bench.level(1.0, 10)
    bench.turn(
        plant=plant(
            [slow, sensor("tank1/outlet", "flow", "m3/h", interval_seconds=600.0)], thresholds=[late], plans=()
        ),
        after=10,
    )
    raised = [place for place, turn in enumerate(bench.wait(120), 11) if turn.alarm_events]
    assert raised == [100]
    assert bench.raised() == ["tank1/level:low raised"]


def test_a_sensor_that_is_new_to_the_plant_has_numbers_of_its_own():
    bench = Bench()
    bench.turn(reading(3.0, later(10, bench.now), 40), after=10)
    bench.turn(plant=plant([sensor(), sensor("tank1/outlet", "flow", "m3/h")]), after=1)
    for seq in (1, 2, 5):
        bench.turn(reading(9.0, later(10, bench.now), seq, "tank1/outlet"), after=10)
    assert sum(turn.counts.gaps for turn in bench.wait(10)) == 2
