from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import RecordingError
from edge_agent.execute.identity import command_id
from edge_agent.model.inbox import BreakerReport, DeliveryReport, Inbox, Kind, Message, Receipt, Route
from edge_agent.model.time import Moment, parse_rfc3339
from edge_agent.runtime.recording import Header, JsonRecorder, Recording
from edge_agent.turn import run_turn

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


def recorded(inputs, **header):
    file = io.StringIO()
    recorder = JsonRecorder(file, **({"agent": "gateway-1", "mode": "auto", "epoch": 7} | header))
    for now, inbox in inputs:
        recorder.record(inbox, now)
    return file.getvalue()


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
        (moment(1.100001), Inbox(deliveries=[DeliveryReport(identity, "published", "attempt 1")])),
        (moment(1.3), Inbox([ack], breakers=[BreakerReport("station", "closed")])),
        (moment(1.5), Inbox([level(b"1.9", 5)])),
    ]


def test_a_recorded_run_replays_to_the_turns_it_was(make_knowledge):
    inputs = day()
    live = make_knowledge(now=inputs[0][0])
    lived = [run_turn(live, inbox, now) for now, inbox in inputs]
    assert [len(turn.commands) for turn in lived] == [0, 0, 1, 0, 0, 0]  # else the day shows nothing
    assert lived[4].command_events

    text = recorded(inputs)
    for _ in range(2):
        recording = Recording(io.StringIO(text), parse)
        again = make_knowledge(now=recording.start)
        assert [run_turn(again, inbox, now) for now, inbox in recording.turns()] == lived


def test_a_moment_comes_back_exactly():
    now = Moment(AT + 123_457, 98765.43210987654)
    assert [turn.now for turn in Recording(io.StringIO(recorded([(now, Inbox())])), parse).turns()] == [now]


def test_so_does_its_boot_and_whether_the_clock_was_sure():
    sure = Moment(AT, 100.0, "b-1")
    doubtful = Moment(AT + 2_000_000, 102.0, "b-1", sure=False)
    text = recorded([(sure, Inbox()), (doubtful, Inbox())], boot="b-1")
    assert [turn.now for turn in Recording(io.StringIO(text), parse).turns()] == [sure, doubtful]
    assert "sure" not in text.splitlines()[1]


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
    text = recorded([(moment(0), Inbox([message]))])
    (turn,) = Recording(io.StringIO(text), parse).turns()
    assert turn.inbox.messages == [message]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_through_a_file_read_line_by_line(text):
    message = Message(parse(LEVEL_TOPIC), LEVEL_TOPIC, text.encode(), None)
    content = recorded([(moment(0), Inbox([message]))]).encode()
    lines = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
    assert [turn.inbox.messages for turn in Recording(lines, parse).turns()] == [[message]]


def test_the_header_tells_who_recorded():
    told = {"agent": "gateway-9", "mode": "advisory", "epoch": 12, "boot": "b-1"}
    assert Recording(io.StringIO(recorded(day(), **told)), parse).header == Header(**told)


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


def test_the_start_is_the_first_turns_moment():
    recording = Recording(io.StringIO(recorded(day())), parse)
    assert recording.start == moment(0.0)
    assert next(recording.turns()).now == recording.start


@pytest.mark.parametrize("lines", [[], [""], [{"recording": 1}]])
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
        '{"recording": 2}',
        {"recording": 1},
        {"at": "yesterday"},
        {"at": "2026-11-22T10:00:01"},
        {"at": "2026-11-22T09:59:59Z"},
        {"at": 5},
        {"messages": []},
        {"at": "2026-11-22T10:00:01Z", "mesages": []},
        {"at": "2026-11-22T10:00:01Z", "seconds": "5"},
        '{"at": "2026-11-22T10:00:01Z", "seconds": NaN}',
        '{"at": "2026-11-22T10:00:01Z", "seconds": Infinity}',
        {"at": "2026-11-22T10:00:01Z", "deliveries": [["1", "gone", ""]]},
        {"at": "2026-11-22T10:00:01Z", "breakers": [["station"]]},
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
        turns({"recording": 1}, GOOD, bad)


def test_a_line_that_goes_back_in_time_is_named():
    with pytest.raises(RecordingError, match="line 2"):
        turns({"at": "2026-11-22T10:00:00Z", "seconds": 42.0}, {"at": "2026-11-22T10:00:01Z", "seconds": 41.0})


def test_what_stands_before_a_bad_line_is_still_replayed():
    replay = read(GOOD, "{").turns()
    with pytest.raises(RecordingError, match="line 2"):
        list(replay)


def test_a_file_that_cannot_be_written_is_an_error_of_recording():
    class Full(io.StringIO):
        def write(self, _text):
            raise OSError(28, "No space left on device")

    with pytest.raises(RecordingError, match="No space left"):
        JsonRecorder(Full(), agent="gateway-1", mode="auto", epoch=7)
