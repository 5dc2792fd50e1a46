from __future__ import annotations

import io
import json
from dataclasses import fields, replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frozen import freeze
from support.keptlines import KeptLines
from support.plants import Bench, facts, threshold

from edge_agent.errors import RecordingError
from edge_agent.execute.identity import command_id
from edge_agent.model.inbox import (
    BreakerReport,
    DispatchReport,
    EpochReport,
    Event,
    Inbox,
    Kind,
    LinkReport,
    Message,
    Operation,
    PlantChange,
    PolicyChange,
    Receipt,
    RefusalReport,
    RenewalReport,
    Route,
)
from edge_agent.model.plant import Node, Plant, Policy
from edge_agent.model.revision import Revision, revisions
from edge_agent.model.time import Moment, parse_rfc3339
from edge_agent.runtime.recorder import JsonRecorder
from edge_agent.runtime.recording import Header, RecordedTurn, Recording
from edge_agent.turn import run_turn
from edge_agent.version import installed_version

LEVEL_TOPIC = "water/riverside/tank1/telemetry/level"
ACK_TOPIC = "water/riverside/station/ack/pump1"


def parse(topic):
    """Route the topics of these tests; the grammar itself is the business of edge_agent.mqtt."""
    _, _, *place = [*topic.split("/"), "", "", ""][:5]
    node, kind, name = place
    if topic.count("/") == 4 and kind in {"telemetry", "ack"}:
        return Route(Kind(kind), node, name)
    return Route(Kind.UNKNOWN)


def read(*lines):
    return Recording([line if isinstance(line, str) else json.dumps(line) for line in lines], parse)


def turns(*lines):
    return list(read(*lines).turns())


def prepared(recorder, now):
    for _ in recorder.prepare(now):
        pass


def recorded(inputs, make_knowledge, kept=None):
    kept = kept or KeptLines()
    recorder = JsonRecorder(kept, make_knowledge(now=inputs[0][0]), "water")
    for now, inbox in inputs:
        prepared(recorder, now)
        recorder.record(inbox, now)
    recorder.flush()
    return kept.text


AT = parse_rfc3339("2026-11-22T10:00:00Z")


def moment(seconds):
    return Moment(AT + round(seconds * 1_000_000), 5000.0 + seconds)


def day():
    """The inputs of a short day: low, commanded, published, accepted, high again; and time."""
    identity = command_id("riverside", "gateway-1", 7, 1, moment(1.0).at)

    def level(value, packet):
        return Message(Route(Kind.TELEMETRY, "tank1", "level"), LEVEL_TOPIC, value, Receipt(0, packet))

    ack = Message(
        Route(Kind.ACK, "station", "pump1"),
        ACK_TOPIC,
        json.dumps({"id": identity, "status": "accepted"}).encode(),
        Receipt(0, 4),
        retained=True,
        redelivered=True,
    )
    return [
        (moment(0.0), Inbox([level(b"3.0", 1)])),
        (moment(0.2), Inbox()),
        (moment(1.0), Inbox([level(b"1.2", 2), level(b"\xff\x00nothing", 3)])),
        (moment(1.100001), Inbox(events=[DispatchReport(identity, "published", "attempt 1")])),
        (moment(1.3), Inbox([ack], [BreakerReport("station", "closed")])),
        (moment(1.5), Inbox([level(b"1.9", 5)])),
    ]


def replayed(text):
    """Run a recording, from what the agent knew at each beginning."""
    turns = []
    for part in Recording(io.StringIO(text), parse).parts():
        if isinstance(part, Header):
            knowledge = part.knowledge()
        else:
            turns.append(run_turn(knowledge, part.inbox, part.now))
    return turns


def lived(knowledge, inputs, recorder=None):
    turns = []
    for now, inbox in inputs:
        if recorder is not None:
            prepared(recorder, now)
            recorder.record(inbox, now)
        turns.append(run_turn(knowledge, inbox, now))
    return turns


def test_a_recorded_run_replays_to_the_turns_it_was(make_knowledge):
    inputs, kept = day(), KeptLines()
    knowledge = make_knowledge(now=inputs[0][0])
    recorder = JsonRecorder(kept, knowledge, "water")
    turns = lived(knowledge, inputs, recorder)
    recorder.flush()
    assert [len(turn.commands) for turn in turns] == [0, 0, 1, 0, 0, 0]  # else the day shows nothing
    assert turns[4].command_events
    for _ in range(2):
        assert [facts(turn) for turn in replayed(kept.text)] == [facts(turn) for turn in turns]


class Later(KeptLines):
    """Makes the text of what it is given when the test asks for it, as a thread of its own may."""

    def __init__(self):
        super().__init__()
        self.given = []

    def write(self, text):
        self.given.append(text)
        return True

    def make(self):
        self.text = "".join(piece for text in self.given for piece in text)


def test_what_is_written_only_after_the_turns_were_run_is_what_was_known_before_them(make_knowledge):
    inputs, kept = day(), Later()
    knowledge = make_knowledge(now=inputs[0][0])
    lived(knowledge, inputs[:2])
    recorder = JsonRecorder(kept, knowledge, "water")
    turns = lived(knowledge, inputs[2:], recorder)
    recorder.flush()
    kept.make()
    assert turns[0].commands
    assert [facts(turn) for turn in replayed(kept.text)] == [facts(turn) for turn in turns]


@pytest.mark.parametrize("middle", range(1, 6))
def test_so_does_one_that_begins_in_the_middle(make_knowledge, middle):
    inputs, kept = day(), KeptLines()
    knowledge = make_knowledge(now=inputs[0][0])
    lived(knowledge, inputs[:middle])
    recorder = JsonRecorder(kept, knowledge, "water")
    turns = lived(knowledge, inputs[middle:], recorder)
    recorder.flush()
    assert [facts(turn) for turn in replayed(kept.text)] == [facts(turn) for turn in turns]


def test_a_new_day_begins_a_new_piece_that_can_be_replayed_alone(make_knowledge):
    inputs, kept = day(), KeptLines()
    inputs = [(now._replace(at=now.at + 13 * 3_600_000_000 + 3_599_500_000), inbox) for now, inbox in inputs]
    knowledge = make_knowledge(now=inputs[0][0])
    recorder = JsonRecorder(kept, knowledge, "water")
    turns = lived(knowledge, inputs, recorder)
    recorder.flush()
    ((first_day, first),) = kept.aside
    assert first_day == "2026-11-22"
    split = len(replayed(first))
    assert 0 < split < len(inputs)
    assert [facts(turn) for turn in replayed(first)] == [facts(turn) for turn in turns[:split]]
    assert [facts(turn) for turn in replayed(kept.text)] == [facts(turn) for turn in turns[split:]]


def test_a_piece_that_has_reached_its_size_is_put_aside(make_knowledge):
    inputs, kept = day(), KeptLines()
    knowledge = make_knowledge(now=inputs[0][0])
    recorder = JsonRecorder(kept, knowledge, "water")
    lived(knowledge, inputs[:3], recorder)
    kept.is_large = True
    lived(knowledge, inputs[3:4], recorder)
    kept.is_large = False
    turns = lived(knowledge, inputs[4:], recorder)
    recorder.flush()
    assert [name for name, _ in kept.aside] == ["2026-11-22"]
    assert [facts(turn) for turn in replayed(kept.text)][1:] == [facts(turn) for turn in turns]


def test_what_is_lost_is_counted_and_the_recording_goes_on_from_what_is_known_then(make_knowledge):
    inputs, kept = day(), KeptLines(room=2)
    knowledge = make_knowledge(now=inputs[0][0])
    recorder = JsonRecorder(kept, knowledge, "water")
    lived(knowledge, inputs[:4], recorder)
    recorder.flush()
    assert recorder.lost
    kept.room = 10**9
    turns = lived(knowledge, inputs[4:], recorder)
    recorder.flush()
    parts = list(Recording(io.StringIO(kept.text), parse).parts())
    headers = [part for part in parts if isinstance(part, Header)]
    assert [bool(header.lost) for header in headers] == [False, True]
    assert [facts(turn) for turn in replayed(kept.text)][-2:] == [facts(turn) for turn in turns]


def test_a_changed_policy_and_a_changed_plant_are_recorded(make_knowledge):
    first, *rest = day()
    knowledge = make_knowledge(now=first[0])
    low = replace(knowledge.plant.policy.thresholds[0], limit=0.5)
    policy = replace(knowledge.plant.policy, thresholds=(low, *knowledge.plant.policy.thresholds[1:]))
    (revision,) = revisions(knowledge.plant.policy, policy)
    other = replace(knowledge.plant, nodes={**knowledge.plant.nodes, "new": Node("new")})
    inputs = [
        first,
        (moment(0.1), Inbox(events=[PolicyChange(revision)])),
        (moment(0.15), Inbox(events=[PlantChange(other)])),
        *rest,
    ]
    kept = KeptLines()
    recorder = JsonRecorder(kept, knowledge, "water")
    turns = lived(knowledge, inputs, recorder)
    recorder.flush()
    assert [facts(turn) for turn in replayed(kept.text)] == [facts(turn) for turn in turns]
    back = [part.inbox for part in Recording(io.StringIO(kept.text), parse).parts() if isinstance(part, RecordedTurn)]
    assert (back[1].events, back[2].events) == ([PolicyChange(revision)], [PlantChange(other)])


def test_all_that_an_inbox_can_hold_comes_back(make_knowledge):
    full = Inbox(
        [Message(parse(LEVEL_TOPIC), LEVEL_TOPIC, b"1", Receipt(0, 1))],
        [
            DispatchReport("id", "published", "attempt 1"),
            BreakerReport("station", "open"),
            RenewalReport("set aside"),
            PolicyChange(Revision({})),
            LinkReport(connected=False),
            EpochReport(7, "seen"),
            RefusalReport("misfit"),
            Operation("reset", "station/pump1", "kim", "looked at it"),
            PlantChange(Plant("riverside", {})),
            LinkReport(connected=True),
        ],
    )
    assert all(getattr(full, each.name) for each in fields(Inbox)), "else a new member is not looked at"
    assert {type(event) for event in full.events} == set(get_args(Event)), "else a new kind of event is not looked at"
    (turn,) = Recording(io.StringIO(recorded([(moment(0), full)], make_knowledge)), parse).turns()
    assert turn.inbox == full


def test_a_moment_comes_back_exactly(make_knowledge):
    now = Moment(AT + 123_457, 98765.43210987654)
    text = recorded([(now, Inbox())], make_knowledge)
    assert [turn.now for turn in Recording(io.StringIO(text), parse).turns()] == [now]


def test_so_does_its_boot_and_whether_the_clock_was_sure(make_knowledge):
    sure = Moment(AT, 100.0, "b-1")
    doubtful = Moment(AT + 2_000_000, 102.0, "b-1", sure=False)
    text = recorded([(sure, Inbox()), (doubtful, Inbox())], make_knowledge)
    assert [turn.now for turn in Recording(io.StringIO(text), parse).turns()] == [sure, doubtful]
    assert "sure" not in text.splitlines()[1]


KNOWN = Bench().knowledge


@given(
    st.binary(),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(1, 65535),
    st.sampled_from([None, "payload_too_large", "topic_too_long"]),
)
def test_any_payload_comes_back_byte_for_byte(payload, retained, redelivered, packet, cut):
    receipt = None if packet is None else Receipt(0, packet)
    message = Message(parse(LEVEL_TOPIC), LEVEL_TOPIC, payload, receipt, retained, redelivered, cut)
    text = recorded([(moment(0), Inbox([message]))], lambda now: KNOWN)
    (turn,) = Recording(io.StringIO(text), parse).turns()
    assert turn.inbox.messages == [message]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_through_a_file_read_line_by_line(text):
    message = Message(parse(LEVEL_TOPIC), LEVEL_TOPIC, text.encode(), None)
    content = recorded([(moment(0), Inbox([message]))], lambda now: KNOWN).encode()
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
    assert [turn.inbox.messages for turn in Recording(lines, parse).turns()] == [[message]]


def test_the_header_tells_who_recorded(make_knowledge):
    header = Recording(io.StringIO(recorded(day(), make_knowledge)), parse).header
    told = (header.agent, header.mode, header.epoch, header.site, header.topic_prefix, header.version, header.start)
    assert told == ("gateway-1", "auto", 7, "riverside", "water", installed_version(), True)


def test_what_another_version_knew_is_not_read(make_knowledge):
    header = Recording(io.StringIO(recorded(day(), make_knowledge)), parse).header
    with pytest.raises(RecordingError, match="version 0"):
        header.model_copy(update={"version": "0.0.1"}).knowledge()
    with pytest.raises(RecordingError, match="something else"):
        header.model_copy(update={"state": freeze(Policy())}).knowledge()


def test_a_file_without_header_is_replayed_as_its_own_agent():
    header = read({"at": "2026-11-22T10:00:00Z"}).header
    assert (header.agent, header.mode, header.epoch) == ("replay", "auto", 1)


def test_a_line_written_by_hand_may_be_one_message():
    (turn,) = turns({"at": "2026-11-22T10:00:00Z", "topic": LEVEL_TOPIC, "payload": "3.21"})
    assert turn.now.at == AT
    assert turn.inbox.messages == [Message(Route(Kind.TELEMETRY, "tank1", "level"), LEVEL_TOPIC, b"3.21")]


def test_empty_lines_and_offsets_from_utc_are_fine():
    found = turns("", {"at": "2026-11-22T11:00:00+01:00", "topic": LEVEL_TOPIC, "payload": "1"}, "  \n")
    assert [turn.now.at for turn in found] == [AT]


def test_time_between_two_lines_passes_in_steps_of_a_second():
    found = turns(
        {"at": "2026-11-22T10:00:00Z", "topic": LEVEL_TOPIC, "payload": "1"},
        {"at": "2026-11-22T10:00:03.500Z", "topic": LEVEL_TOPIC, "payload": "2"},
    )
    assert [(turn.now.at - AT) / 1_000_000 for turn in found] == [0, 1, 2, 3, 3.5]
    assert [len(turn.inbox.messages) for turn in found] == [1, 0, 0, 0, 1]


def test_between_recorded_turns_no_time_is_invented():
    """A stalled loop took no turns meanwhile; a replay that did would expire what was acknowledged right after."""
    found = turns({"at": "2026-11-22T10:00:00Z", "seconds": 5.0}, {"at": "2026-11-22T10:01:30Z", "seconds": 95.0})
    assert [turn.now.seconds for turn in found] == [5.0, 95.0]


def test_lines_a_second_apart_need_nothing_in_between():
    found = turns({"at": "2026-11-22T10:00:00Z"}, {"at": "2026-11-22T10:00:01Z"})
    assert len(found) == 2


def test_a_line_written_by_hand_after_recorded_ones_goes_on_in_their_time():
    found = turns(
        {"at": "2026-11-22T10:00:00Z", "seconds": 42.0},
        {"at": "2026-11-22T10:00:00.500Z", "topic": LEVEL_TOPIC, "payload": "1"},
    )
    assert [turn.now.seconds for turn in found] == [42.0, 42.5]


def test_a_recorded_jump_of_the_wall_clock_is_replayed_as_it_was():
    found = turns({"at": "2026-11-22T10:00:00Z", "seconds": 42.0}, {"at": "2026-11-22T09:00:00Z", "seconds": 42.5})
    assert [turn.now.seconds for turn in found] == [42.0, 42.5]
    assert found[1].now.at < found[0].now.at


def test_the_start_is_the_first_turns_moment(make_knowledge):
    recording = Recording(io.StringIO(recorded(day(), make_knowledge)), parse)
    assert recording.start == moment(0.0)
    assert next(recording.turns()).now == recording.start


@pytest.mark.parametrize("lines", [[], [""], [{"recording": 3}]])
def test_an_empty_recording_has_no_start(lines):
    recording = read(*lines)
    with pytest.raises(RecordingError, match="empty"):
        _ = recording.start
    assert list(recording.turns()) == []


GOOD = {"at": "2026-11-22T10:00:00Z"}


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "5",
        "null",
        "[1]",
        '"topic"',
        "[" * 100_000,
        '{"recording": 6}',
        {"recording": 3, "mode": "off"},
        {"at": "yesterday"},
        {"at": "2026-11-22T10:00:01"},
        {"at": "2026-11-22T09:59:59Z"},
        {"at": 5},
        {"messages": []},
        {"at": "2026-11-22T10:00:01Z", "mesages": []},
        {"at": "2026-11-22T10:00:01Z", "seconds": "5"},
        '{"at": "2026-11-22T10:00:01Z", "seconds": NaN}',
        '{"at": "2026-11-22T10:00:01Z", "seconds": Infinity}',
        {
            "at": "2026-11-22T10:00:01Z",
            "events": [{"event": "dispatch", "command_id": "1", "state": "gone", "detail": ""}],
        },
        {"at": "2026-11-22T10:00:01Z", "events": [{"event": "breaker", "node": "station"}]},
        {"at": "2026-11-22T10:00:01Z", "events": [{"event": "epoch", "epoch": "7", "detail": ""}]},
        {"at": "2026-11-22T10:00:01Z", "events": [{"event": "link", "connected": True, "since": 5}]},
        {"at": "2026-11-22T10:00:01Z", "events": [{"event": "weather"}]},
        {"at": "2026-11-22T10:00:01Z", "events": [{"event": ["link"]}]},
        {"at": "2026-11-22T10:00:01Z", "events": [{"event": "policy", "policy": {}}]},
        {"at": "2026-11-22T10:00:01Z", "events": [{"event": "plant", "plant": freeze(Policy())}]},
        {"at": "2026-11-22T10:00:01Z", "events": ["link"]},
        {"at": "2026-11-22T10:00:01Z", "messages": [{"payload": "1"}]},
        {"at": "2026-11-22T10:00:01Z", "topic": LEVEL_TOPIC, "payload": 5},
        {"at": "2026-11-22T10:00:01Z", "topic": LEVEL_TOPIC, "payload": "\ud800"},
        {"at": "2026-11-22T10:00:01Z", "topic": LEVEL_TOPIC, "base64": "no base64!"},
        {"at": "2026-11-22T10:00:01Z", "topic": LEVEL_TOPIC, "base64": "AAA"},
        {"at": "2026-11-22T10:00:01Z", "messages": [{"topic": LEVEL_TOPIC, "base64": "ä"}]},
    ],
)
def test_a_line_that_cannot_be_read_is_named(bad):
    with pytest.raises(RecordingError, match=r"^line 3\b"):
        turns({"recording": 3}, GOOD, bad)


@pytest.mark.parametrize("form", [1, 2])
def test_the_events_of_a_former_form_are_read(form):
    plant, low = Plant("riverside", {}), threshold("low", 1.0)
    line = {
        "at": "2026-11-22T10:00:00Z", "seconds": 5.0, "messages": [{"topic": LEVEL_TOPIC, "payload": "1"}],
        "deliveries": [["id", "published", "attempt 1"]], "breakers": [["station", "open"]], "renewals": ["set aside"],
        "links": [False, True], "epochs": [[7, "seen"]], "refusals": ["misfit"],
        "operations": [["reset", "station/pump1", "kim", "looked at it"]],
        "policy": freeze(Policy((low,))), "plant": freeze(plant),
    }  # fmt: skip
    (turn,) = read({"recording": form}, line).turns()
    assert [message.payload for message in turn.inbox.messages] == [b"1"]
    assert turn.inbox.events == [
        DispatchReport("id", "published", "attempt 1"),
        BreakerReport("station", "open"),
        RenewalReport("set aside"),
        LinkReport(connected=False),
        LinkReport(connected=True),
        EpochReport(7, "seen"),
        RefusalReport("misfit"),
        Operation("reset", "station/pump1", "kim", "looked at it"),
        PlantChange(plant),
        PolicyChange(Revision({"tank1/level": (low,)}, (), provisions=())),
    ]


@pytest.mark.parametrize(
    "bad", [{"deliveries": [["1"]]}, {"deliveries": 5}, {"breakers": [["station", "ajar"]]}, {"links": ["yes"]}]
)
def test_a_line_of_a_former_form_that_cannot_be_read_is_named(bad):
    with pytest.raises(RecordingError, match=r"^line 2\b"):
        turns({"recording": 2}, GOOD | bad)


def test_what_an_agent_knew_is_not_read_from_a_former_form(make_knowledge):
    header = Recording(io.StringIO(recorded(day(), make_knowledge)), parse).header
    with pytest.raises(RecordingError, match="another build of this version; judge the recording by a plant file"):
        header.model_copy(update={"recording": 2}).knowledge()


def test_a_line_that_goes_back_in_time_is_named():
    with pytest.raises(RecordingError, match="line 2"):
        turns({"at": "2026-11-22T10:00:00Z", "seconds": 42.0}, {"at": "2026-11-22T10:00:01Z", "seconds": 41.0})


def test_what_stands_before_a_bad_line_is_still_replayed():
    replay = read(GOOD, "{").turns()
    with pytest.raises(RecordingError, match="line 2"):
        list(replay)
