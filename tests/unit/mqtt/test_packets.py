"""The intake makes of a stream what paho makes of it, however it is cut and whatever is in it."""

from __future__ import annotations

import tracemalloc
from itertools import accumulate, chain, pairwise, repeat

import paho.mqtt.client as paho
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from support.streams import IntakeReading, length, packet, publish, read_by_intake, read_by_paho, route

from edge_agent.model.inbox import Message, Receipt
from edge_agent.mqtt.packets import Splitter, extent, pubacks, publish_bytes

VERSIONS = (paho.MQTTv311, paho.MQTTv5)
EXPIRY, ALIAS, UNKNOWN, CUT_SHORT = b"\x02\x00\x00\x00\x1e", b"\x23\x00\x01", b"\x7f\x01", b"\x02\x00"
USER = b"\x26\x00\x01a\x00\x01b"
PROPERTIES = (b"", b"", EXPIRY, USER, EXPIRY + USER, b"\x0b\x01", USER * 20, ALIAS, UNKNOWN, CUT_SHORT, EXPIRY * 2)
OTHERS = (
    b"\xd0\x00",  # PINGRESP
    b"\xc0\x00",  # PINGREQ
    b"\x40\x02\x00\x05",  # PUBACK
    b"\x62\x02\x00\x05",  # PUBREL
    b"\x50\x02\x00\x05",  # PUBREC
    b"\x90\x03\x00\x01\x01",  # SUBACK of 3.1.1
    b"\x90\x04\x00\x01\x00\x01",  # SUBACK of 5
    b"\xe0\x02\x8e\x00",  # DISCONNECT of 5
    b"\xf0\x00",
    b"\x30\x00",
    b"\x32\x01a",
    b"\x32\x03\x00\x01a",
    b"\x30\x80\x00",  # a length in more bytes than it needs
    packet(0x30, b"\x00\x01a\x80\x00" + bytes(200)),  # that of the properties
    b"\x30\xff\xff\xff\xff\x01",  # no length
)

topics = st.sampled_from(
    (b"a", b"water/riverside/tank1/telemetry/level", "ü/\u20ac".encode(), b"", b"\xff\xfe", b"t" * 600)
)
payloads = st.one_of(st.binary(max_size=20), st.sampled_from((100, 127, 128, 200, 400)).map(bytes))


def publishes(version):
    properties = st.sampled_from(PROPERTIES) if version == paho.MQTTv5 else st.none()
    flags = st.sampled_from((0x0, 0x1, 0x2, 0x2, 0x2, 0x3, 0xA, 0xB, 0x4, 0x6, 0x8, 0xC))
    ids = st.sampled_from((0, 1, 2, 255, 256, 65_535))
    return st.builds(
        lambda topic, payload, flags, packet_id, properties: publish(
            topic, payload, flags=flags, packet_id=packet_id, properties=properties
        ),
        topics,
        payloads,
        flags,
        ids,
        properties,
    )


def plain_publishes(version):
    properties = st.sampled_from((b"", EXPIRY, USER)) if version == paho.MQTTv5 else st.none()
    return st.builds(
        lambda number, flags, properties: publish(b"a/b", b"%d" % number, flags=flags, properties=properties),
        st.integers(0, 10**6),
        st.sampled_from((0x0, 0x1, 0x2, 0xA)),
        properties,
    )


def cut(data, places):
    """Cut at these places, counted from the beginning and modulo the length."""
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[first:last] for first, last in pairwise(at)]


@st.composite
def streams(draw):
    version = draw(st.sampled_from(VERSIONS))
    kinds = st.one_of(plain_publishes(version), plain_publishes(version), publishes(version), st.sampled_from(OTHERS))
    data = b"".join(draw(st.lists(kinds, max_size=12)))
    return version, cut(data, draw(st.lists(st.integers(0, 2**20), max_size=30)))


def alone(version, *packets):
    return example(stream=(version, [b"".join(packets)]), pausing=False)


def same_as_paho(version, parts, **how):
    """Read by paho and by our intake, and compare."""
    reading = read_by_intake(version, parts, **how)
    assume(not any(first < 0x10 for first in reading.inside.fed))  # paho alone loses its place there
    assert reading.outcome == read_by_paho(version, parts).outcome


@settings(max_examples=400)
@given(stream=streams(), pausing=st.booleans())
@alone(paho.MQTTv311, b"\x32\x03\x00\x01a")
@alone(paho.MQTTv311, publish(b"", b"x"), publish(b"a", b"y"))
@alone(paho.MQTTv311, publish(b"a", b"x", packet_id=0))
@alone(paho.MQTTv311, publish(b"a", bytes(16_384)), publish(b"a", b"y"))
@alone(paho.MQTTv5, publish(b"", b"x", properties=ALIAS), publish(b"a", b"y", properties=b""))
@alone(paho.MQTTv5, publish(b"a", b"x", properties=ALIAS))
@alone(paho.MQTTv5, publish(b"a", b"x", properties=USER * 20))
@alone(paho.MQTTv5, packet(0x30, b"\x00\x01a\x80\x00" + bytes(200)))
@example(stream=(paho.MQTTv311, [b"\x30\xff\xff\xff\xff", b"\x01"]), pausing=False)
def test_a_stream_comes_out_as_paho_reads_it(stream, pausing):
    version, parts = stream
    same_as_paho(version, parts, pausing=pausing)


@settings(max_examples=300)
@given(st.sampled_from(VERSIONS), st.lists(st.binary(max_size=40), max_size=6))
def test_garbage_ends_as_it_does_in_paho(version, parts):
    same_as_paho(version, parts)


@settings(max_examples=400)
@given(streams(), st.integers(0, 2**20), st.integers(0, 255))
def test_a_byte_that_was_changed_on_the_way_does_what_it_does_in_paho(stream, place, value):
    version, parts = stream
    whole = bytearray(b"".join(parts))
    if whole:
        whole[place % len(whole)] = value
    same_as_paho(version, cut(bytes(whole), accumulate(map(len, parts))))


@pytest.mark.parametrize("parts", [[b"\x00"], [b"\x0f\x05ab"], [b"\x07\xff\xff\xff\x7f", b"\x30\x03\x00\x01a"]])
def test_a_packet_of_the_reserved_type_ends_the_connection_at_once(parts):
    reading = read_by_intake(paho.MQTTv5, [publish(b"a", b"1", properties=b"") + parts[0], *parts[1:]])
    assert reading.ended
    assert len(reading.messages) == 1


def mixture(version):
    """One packet of each kind, none of which ends the connection."""
    properties = None if version == paho.MQTTv311 else EXPIRY
    return b"".join(
        (
            publish(b"a", b"one", properties=properties),
            publish(b"\xff", b"two", properties=properties),
            b"\xd0\x00",
            publish(b"a", b"x" * 200, flags=0x0, properties=properties),
            publish(b"b", b"three", flags=0xB, packet_id=65_535, properties=properties),
            publish(b"b", b"four", flags=0x4, packet_id=9, properties=properties),
            b"\x62\x02\x00\x09",
            publish(b"c" * 900, b"", flags=0x1, properties=properties),
        )
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stream_may_be_cut_at_every_byte(version):
    data = mixture(version)
    expected = read_by_paho(version, [data]).outcome
    assert len(expected[0]) == 6
    for place in range(1, len(data)):
        assert read_by_intake(version, [data[:place], data[place:]]).outcome == expected


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_stream_may_come_in_drops(version, size):
    data = mixture(version)
    drops = [data[at : at + size] for at in range(0, len(data), size)]
    assert read_by_intake(version, drops).outcome == read_by_paho(version, [data]).outcome


@pytest.mark.parametrize("version", VERSIONS)
def test_plain_messages_do_not_go_through_paho(version):
    properties = None if version == paho.MQTTv311 else USER
    data = b"".join(publish(b"a", b"%d" % number, properties=properties) for number in range(1000))
    assert read_by_intake(version, [data]).by_splitter == 1000


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("drop", [9_973, 65_536, 400_000])
def test_of_a_message_that_is_too_large_the_beginning_is_kept_and_the_stream_goes_on(version, drop):
    properties = None if version == paho.MQTTv311 else USER * 20
    large = publish(b"a/b", b"begins" + bytes(300_000), flags=0xB, packet_id=5, properties=properties)
    data = publish(b"a", b"before", properties=properties) + large + publish(b"a", b"next", properties=properties)
    reading = read_by_intake(version, [data[at : at + drop] for at in range(0, len(data), drop)])
    assert reading.messages == [
        ("a", b"before", 1, False, False),
        ("a/b", b"begins" + bytes(1018), 5, True, True),
        ("a", b"next", 1, False, False),
    ]
    assert reading.cut == ["payload_too_large"]
    assert not reading.ended


def test_a_message_that_is_too_large_is_handed_over_when_all_of_it_has_come():
    large = publish(b"a", bytes(300_000))
    reading = IntakeReading(paho.MQTTv311, [large[:-1]]).run()
    assert not reading.messages
    reading.source.parts.append(large[-1:])
    reading.run()
    assert [message[1] for message in reading.messages] == [bytes(1024)]


def test_a_message_of_150_mb_takes_no_memory():
    part, head = bytes(65_536), b"\x00\x01a\x00\x01"
    parts = chain([b"\x32" + length(len(head) + 2300 * len(part)) + head], repeat(part, 2300))
    reading = IntakeReading(paho.MQTTv311, [])
    tracemalloc.start()
    try:
        for each in parts:
            reading.source.parts.append(each)
            reading.run()
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert reading.cut == ["payload_too_large"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("payload", [b"", b"x" * 60_000])
def test_of_a_topic_that_is_too_long_the_beginning_is_kept(version, payload):
    properties = None if version == paho.MQTTv311 else b""
    reading = read_by_intake(version, [publish(b"t" * 60_000, payload, properties=properties)])
    assert reading.messages == [("t" * 256, payload[:1024], 1, False, False)]
    assert reading.cut == ["topic_too_long"]


def test_a_payload_of_the_largest_size_is_taken_whole():
    topic, payload = b"t" * 1024, bytes(65_536)
    reading = read_by_intake(paho.MQTTv311, cut(publish(topic, payload), range(0, 66_000, 10_000)))
    assert [message[1] for message in reading.messages] == [payload]
    assert not reading.cut


def test_properties_without_end_are_passed_over_too():
    data = publish(b"a", b"x", properties=USER * 100_000) + publish(b"a", b"next", properties=b"")
    reading = read_by_intake(paho.MQTTv5, cut(data, range(0, len(data), 65_536)))
    assert [message[1] for message in reading.messages] == [b"", b"next"]


@pytest.mark.parametrize("first", [0x20, 0x40, 0x90, 0xE0, 0x34, 0x36, 0x38])
def test_whatever_else_is_too_large_ends_the_connection(first):
    reading = read_by_intake(paho.MQTTv5, [packet(first, b"\x00\x01a" + bytes(100_000))])
    assert reading.ended
    assert not reading.messages


def test_a_pause_is_heeded_after_what_is_handed_over_at_once_and_nothing_is_lost():
    data = b"".join(publish(b"a", b"%d" % number) for number in range(3000))
    reading = read_by_intake(paho.MQTTv311, [data], pausing=True)
    assert reading.pauses >= 3000 / 256
    assert [message[1] for message in reading.messages] == [b"%d" % number for number in range(3000)]


def test_a_topic_is_parsed_once():
    parsed = []

    def parse(topic):
        parsed.append(topic)
        return route(topic)

    splitter = Splitter(parse, 3, properties=False)
    messages, end = splitter.split(publish(b"a", b"1") * 10, 0, 100)
    assert (len(messages), end, parsed) == (10, 80, ["a"])
    assert messages[0] == Message(route("a"), "a", b"1", Receipt(3, 1), retained=False, redelivered=False)


def test_what_is_remembered_is_bounded():
    splitter = Splitter(route, 1, properties=True)
    for number in range(20_000):
        block = b"\x02" + number.to_bytes(4)
        splitter.split(publish(b"%d" % number, b"", properties=block), 0, 1)
    assert len(splitter._topics) <= 16_384
    for number in range(20_000):
        splitter.split(publish(b"%d" % number + b"t" * 1000, b"", properties=b""), 0, 1)
    assert sum(map(len, splitter._topics)) <= 2_097_152
    assert len(splitter._sound) <= 16_384


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", 0),
        (b"\x30", 0),
        (b"\x30\x80", 0),
        (b"\xd0\x00", 2),
        (b"\x30\x7f", 129),
        (b"\x30\x80\x01", 131),
        (b"\x30\xff\xff\xff\x7f", 268_435_460),
        (b"\x30\xff\xff\xff\xff", 0),
        (b"\x30\xff\xff\xff\xff\x01", -1),
    ],
)
def test_the_extent_of_a_packet_is_told_by_its_beginning(data, size):
    assert extent(b"??" + data, 2) == size


def test_acknowledgements_are_written_one_after_the_other():
    assert pubacks([]) == b""
    assert pubacks([1, 65_535]) == b"\x40\x02\x00\x01\x40\x02\xff\xff"


@pytest.mark.parametrize("size", [0, 110, 130, 16_000, 17_000, 2_097_000, 2_098_000])
def test_the_size_of_a_publish_is_known_before_it_is_made(size):
    for properties, packed in ((None, b""), (USER, length(len(USER)) + USER)):
        made = publish("ü/a".encode(), bytes(size), properties=properties)
        assert publish_bytes("ü/a", bytes(size), packed) == len(made)
