"""The same input gives the same turns; and how messages are put into batches decides nothing."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from support.keptlines import KeptLines
from support.plants import (
    FILL,
    HIGH,
    LOW,
    STOP,
    Bench,
    ack,
    facts,
    failed,
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

from edge_agent.model.inbox import (
    BreakerReport,
    EpochReport,
    LinkReport,
    Operation,
    PlantChange,
    RefusalReport,
    RenewalReport,
)
from edge_agent.model.plant import Policy
from edge_agent.model.sources import Derivation
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.spike import Spike
from edge_agent.mqtt.topics import Topics
from edge_agent.runtime.recorder import JsonRecorder
from edge_agent.runtime.recording import Recording
from edge_agent.turn import run_turn

_TESTS = {
    "gross_range": GrossRange((0.0, 6.0), (0.2, 5.8)),
    "rate_of_change": RateOfChange(0.3, 2.0),
    "flat_line": FlatLine(0.01, 60.0, 120.0),
    "freshness": Freshness(60.0, 30.0),
}
SITE = plant(
    [sensor(**_TESTS), sensor("tank2/level", spike=Spike(0.5, 2.0)),
     sensor("site/both", derived=Derivation("tank1/level + tank2/level")),
     sensor("site/mean", derived=Derivation("site/both", 45.0, "mean"))],
    [pump(min_on_seconds=30, min_off_seconds=20, max_starts_per_hour=6), pump("station/pump2", lease_seconds=120)],
    [LOW, HIGH, threshold("low", 1.5, of="tank2/level", on_delay_seconds=10), threshold("low_low", 0.5),
     threshold("low", 3.0, of="site/both"), threshold("high", 8.0, of="site/mean")],
    [FILL, STOP, plan("other", "tank2/level:low", ("station/pump2", "start")),
     plan("drain", "site/mean:high", ("station/pump2", "start"), unless=("site/both:low",)),
     plan("protect", ["tank1/level:low_low"], ("station/pump1", "stop"), ("station/pump2", "stop"), priority=90)],
)  # fmt: skip

_SMALLER = plant([sensor(**_TESTS)], SITE.actuators, [LOW, HIGH], [FILL, STOP])

_level = st.integers(-5, 70).map(lambda tenths: tenths / 10)
_tank = st.sampled_from(["tank1/level", "tank2/level"])
_happening = st.one_of(
    st.tuples(st.just("read"), _tank, _level),
    st.tuples(st.just("late"), _tank, _level),
    st.tuples(st.just("bare"), _tank, _level),
    st.tuples(st.just("bury"), _tank, st.binary(max_size=5)),
    st.tuples(st.just("state"), st.sampled_from(["station/pump1", "station/pump2"]),
              st.sampled_from(["running", "stopped", "fault"])),
    st.tuples(st.just("status"), st.sampled_from(["station", "tank1"]), st.booleans()),
    st.tuples(st.just("ack"), st.sampled_from(["accepted", "done", "rejected", "failed"]), st.integers(0, 3)),
    st.tuples(st.just("deliver"), st.sampled_from([published, failed]), st.integers(0, 3)),
    st.tuples(st.just("breaker"), st.just("station"), st.sampled_from(["open", "half_open", "closed"])),
    st.tuples(st.just("tune"), st.just(""), st.sampled_from([1.0, 2.0, 4.0])),
    st.tuples(st.just("event"), st.just(""), st.sampled_from([
        LinkReport(connected=False), LinkReport(connected=True), EpochReport(9, "seen"), RefusalReport("misfit"),
        RefusalReport(""), RenewalReport("set aside"), Operation("reset", "station/pump1", "ada", "checked"),
        Operation("release", "station/pump2", "ada", "checked"), PlantChange(_SMALLER), PlantChange(SITE),
    ])),
    st.tuples(st.just("wait"), st.just(""), st.integers(1, 200)),
)  # fmt: skip


def happen(bench, kind, what, how):  # noqa: C901  # one case for each thing that can happen
    if kind == "read":
        bench.level(how, after=5, of=what)
    elif kind == "late":
        bench.turn(reading(how, later(-90, bench.now), of=what))
    elif kind == "bare":
        bench.turn(told(how, what, packet=len(bench.turns) + 1))
    elif kind == "bury":
        bench.turn(told(how, what))
    elif kind == "state":
        bench.turn(state(how, of=what), after=1)
    elif kind == "status":
        bench.turn(status(how, what), after=1)
    elif kind == "ack" and bench.commands:
        bench.turn(ack(bench.commands[-1 - how % len(bench.commands)], what), after=1)
    elif kind == "deliver" and bench.commands:
        bench.turn(deliveries=[what(bench.commands[-1 - how % len(bench.commands)])], after=1)
    elif kind == "breaker":
        bench.turn(breakers=[BreakerReport(what, how)])
    elif kind == "event":
        bench.turn(events=[how], after=1)
    elif kind == "tune":
        limits = (replace(LOW, limit=how), *SITE.policy.thresholds[1:])
        bench.turn(policy=Policy(limits, SITE.policy.plans), after=1)
    elif kind == "wait":
        bench.wait(how, step=20)


@settings(max_examples=60)
@given(st.lists(_happening, max_size=40))
def test_the_same_input_gives_the_same_turns(happenings):
    one, other = Bench(SITE), Bench(SITE)
    for happening in happenings:
        happen(one, *happening)
        happen(other, *happening)
    assert [facts(turn) for turn in one.turns] == [facts(turn) for turn in other.turns]
    assert repr(one.turns) == repr(other.turns)


@settings(max_examples=60)
@given(st.lists(_happening, max_size=40))
def test_what_was_recorded_replays_to_the_same_turns(happenings):
    bench, lines = Bench(SITE), KeptLines()
    for happening in happenings:
        happen(bench, *happening)
    recorder = JsonRecorder(lines, Bench(SITE).knowledge, "water")
    for now, inbox in bench.inputs:
        list(recorder.prepare(now))
        recorder.record(inbox, now)
    recorder.flush()
    recording = Recording(lines.text.splitlines(), Topics("water", "riverside", "gateway-1").parse)
    knowledge = recording.header.knowledge()
    replayed = [run_turn(knowledge, turn.inbox, turn.now) for turn in recording.turns()]
    assert [facts(turn) for turn in replayed] == [_as_recorded(facts(turn)) for turn in bench.turns]


def _as_recorded(turn):
    """A recording does not tell the connection that a message came on."""
    return turn | {"receipts": [receipt._replace(generation=0) for receipt in turn["receipts"]]}


@settings(max_examples=60)
@given(st.lists(_happening, max_size=40), st.sets(st.integers(0, 39), max_size=3))
def test_whatever_happens_the_books_are_right(happenings, restarts):
    bench = Bench(SITE)
    for place, happening in enumerate(happenings):
        if place in restarts:
            bench.restart(after=5)
        happen(bench, *happening)
        opened = [record.command.target for record in bench.memory.commands if record.open]
        assert len(opened) == len(set(opened))  # one open command an actuator
    commands = bench.commands
    assert len({command.id for command in commands}) == len(commands)
    assert len({(command.epoch, command.counter) for command in commands}) == len(commands)
    given = {d.command_id for turn in bench.turns for d in turn.decisions if d.verdict == "commanded"}
    assert given == {command.id for command in commands}
    journal = {}
    for event in bench.raised():
        name, _, what = event.rpartition(" ")
        # Raised and cleared take turns, but for a store that is damaged once more: that is told anew.
        assert journal.get(name) != what or event == "_agent:store_renewed raised"
        assert what == "raised" or name in journal
        journal[name] = what


_told = st.tuples(_tank, _level, st.sampled_from(["read", "read", "bare", "late", "bury"]))
_moments = st.lists(st.lists(_told, min_size=1, max_size=5), max_size=12)
_quick = plant(
    SITE.sensors,
    SITE.actuators,
    [LOW, HIGH, threshold("low", 1.5, of="tank2/level")],
    [FILL, STOP, plan("other", "tank2/level:low", ("station/pump2", "start"))],
)


def batches(moments, sizes):
    """Run messages at their moments, in batches of the given sizes over and over."""
    bench, place = Bench(_quick), 0
    for messages in moments:
        bench.now = later(2, bench.now)  # no sensor is silent for long: silence ends with a turn, not with a moment
        left = list(messages)
        while left:
            size = sizes[place % len(sizes)]
            place += 1
            taken, left = left[:size], left[size:]
            bench.turn(*[_message(bench.now, number, *parts) for number, parts in taken])
    return bench


def _message(now, number, of, value, kind):
    if kind == "bury":
        return told({"value": value, "unit": "bar"}, of, packet=number)
    if kind == "bare":
        return told(value, of, packet=number)
    return reading(value, later(-90 if kind == "late" else 0, now), number, of, packet=number)


def numbered(moments):
    numbers = iter(range(1, 1000))
    return [[(next(numbers), parts) for parts in messages] for messages in moments]


@settings(max_examples=100)
@given(_moments, st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_batches_decide_nothing_about_readings_and_alarms(moments, sizes):
    one, other = batches(numbered(moments), [1000]), batches(numbered(moments), sizes)
    assert one.memory.readings == other.memory.readings
    assert _of_sensors(one.raised()) == _of_sensors(other.raised())
    for books in ("dead_letters", "deliveries", "receipts"):
        assert _all(one, books) == _all(other, books)
    assert sum(turn.counts.gaps for turn in one.turns) == sum(turn.counts.gaps for turn in other.turns)


@settings(max_examples=100)
@given(_moments, st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_batches_decide_nothing_about_commands_where_no_alarm_comes_and_goes_at_one_moment(moments, sizes):
    once = [list({parts[0]: parts for parts in sorted(messages)}.values()) for messages in moments]
    one, other = batches(numbered(once), [1000]), batches(numbered(once), sizes)
    assert [facts_of(command) for command in one.commands] == [facts_of(command) for command in other.commands]
    assert [d.verdict for d in _all(one, "decisions")] == [d.verdict for d in _all(other, "decisions")]


def _of_sensors(journal):
    """What an actuator is asked, and so its alarms, may differ where an alarm comes and goes within one moment."""
    return [entry for entry in journal if not entry.startswith("station/pump")]


def facts_of(command):
    return (command.id, command.target, command.action, command.issued_at, command.counter, command.reason)


def _all(bench, books):
    return [item for turn in bench.turns for item in getattr(turn, books)]
