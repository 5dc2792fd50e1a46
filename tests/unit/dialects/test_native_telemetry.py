"""Payloads of telemetry: what becomes a sample, and for what reason something does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.dialects import native
from edge_agent.dialects.native import Sample
from edge_agent.dialects.rejects import Rejected
from edge_agent.model.time import as_datetime, parse_rfc3339, rfc3339

TEN = parse_rfc3339("2026-11-22T10:00:00Z")


def one(payload: bytes, timestamps: str = "rfc3339"):
    return list(native.telemetry(payload, timestamps))


def many(payload: bytes, timestamps: str = "rfc3339"):
    return list(native.telemetry_of_many(payload, timestamps))


def reasons(found) -> list[str]:
    return [item.reason for item in found if isinstance(item, Rejected)]


def test_a_whole_reading():
    payload = b'{"value": 3.21, "unit": "m", "ts": "2026-11-22T10:00:00.250Z", "seq": 4711, "colour": "blue"}'
    assert one(payload) == [Sample("", 3.21, "m", TEN + 250_000, 4711)]


def test_only_the_value_is_required():
    assert one(b'{"value": 3}') == [Sample("", 3.0, None, None, None)]


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"3.21", 3.21), (b" 3 \n", 3.0), (b"-1e-3", -0.001), (b"0", 0.0), (b"true", 1.0), (b"false", 0.0),
        (b'{"value": true}', 1.0), (b'{"value": false}', 0.0),
    ],
)  # fmt: skip
def test_bare_numbers_and_booleans(payload, value):
    [sample] = one(payload)
    assert sample == Sample("", value, None, None, None)
    assert type(sample.value) is float


@pytest.mark.parametrize(
    ("ts", "seconds"),
    [
        ("2026-11-22T10:00:00Z", 0), ("2026-11-22t10:00:00z", 0), ("2026-11-22 10:00:00Z", 0),
        ("2026-11-22T11:00:00.25+01:00", 0.25), ("2026-11-22T04:30:00-05:30", 0), ("2026-11-22T10:00:00-00:00", 0),
        ("2026-11-22T10:00:00.123456789Z", 0.123456), ("2026-11-22T10:00:00.5Z", 0.5),
        (TEN // 1_000_000, 0), (TEN / 1_000_000 + 0.5, 0.5),
    ],
)  # fmt: skip
def test_times_are_rfc3339_with_an_offset_or_unix_seconds(ts, seconds):
    [sample] = one(json.dumps({"value": 1, "ts": ts}).encode())
    assert sample.observed_at == TEN + round(seconds * 1_000_000)


def test_a_node_may_count_in_unix_milliseconds():
    [sample] = one(json.dumps({"value": 1, "ts": TEN // 1000 + 7}).encode(), "unix_ms")
    assert sample.observed_at == TEN + 7_000
    [sample] = one(json.dumps({"value": 1, "ts": TEN // 1_000_000}).encode(), "unix")
    assert sample.observed_at == TEN
    [sample] = one(b'{"value": 1, "ts": "2026-11-22T10:00:00Z"}', "unix_ms")
    assert sample.observed_at == TEN


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "invalid_json"), (b"   ", "invalid_json"), (b"{", "invalid_json"), (b"\xff\xfe", "invalid_json"),
        (b"level=3", "invalid_json"), (b'{"value": 1} {"value": 2}', "invalid_json"), (b"[" * 300, "too_deep"),
        (b'{"value": "\\ud800"}', "invalid_json"), (b'\xef\xbb\xbf{"value": 1}', "invalid_json"),
        (b"{}", "value_missing"), (b'{"unit": "m"}', "value_missing"),
        (b"NaN", "value_nan"), (b'{"value": NaN}', "value_nan"),
        (b"Infinity", "value_infinite"), (b'{"value": -Infinity}', "value_infinite"),
        (b"1e999", "value_infinite"), (b'{"value": 1e999}', "value_infinite"),
        (b"9" * 400, "value_infinite"), (b'{"value": ' + b"9" * 400 + b"}", "value_infinite"),
        (b'"3.2"', "value_not_numeric"), (b'{"value": "3.2"}', "value_not_numeric"), (b"null", "value_not_numeric"),
        (b'{"value": null}', "value_not_numeric"), (b'{"value": [1]}', "value_not_numeric"),
        (b'{"value": {"value": 1}}', "value_not_numeric"),
        (b'{"value": 1, "ts": "2026-11-22T10:00:00"}', "timestamp_without_offset"),
        (b'{"value": 1, "ts": "2026-11-22"}', "timestamp_invalid"),
        (b'{"value": 1, "ts": "2026-W47-7T10:00:00Z"}', "timestamp_invalid"),
        (b'{"value": 1, "ts": "2026-13-22T10:00:00Z"}', "timestamp_invalid"),
        (b'{"value": 1, "ts": "1795341600"}', "timestamp_invalid"),
        (b'{"value": 1, "ts": "yesterday"}', "timestamp_invalid"), (b'{"value": 1, "ts": ""}', "timestamp_invalid"),
        (b'{"value": 1, "ts": -1}', "timestamp_invalid"), (b'{"value": 1, "ts": NaN}', "timestamp_invalid"),
        (b'{"value": 1, "ts": 1e400}', "timestamp_invalid"), (b'{"value": 1, "ts": true}', "timestamp_invalid"),
        (b'{"value": 1, "ts": 1795341600000}', "timestamp_invalid"),  # milliseconds where seconds were agreed
        (b'{"value": 1, "ts": "0001-01-01T00:00:00+14:00"}', "timestamp_invalid"),  # the year 0 in UTC
        (b'{"value": 1, "ts": "9999-12-31T23:59:59-14:00"}', "timestamp_invalid"),  # the year 10000 in UTC
        (b'{"value": 1, "seq": -1}', "seq_invalid"), (b'{"value": 1, "seq": 1.5}', "seq_invalid"),
        (b'{"value": 1, "seq": "7"}', "seq_invalid"), (b'{"value": 1, "seq": true}', "seq_invalid"),
        (b'{"value": 1, "seq": 9223372036854775808}', "seq_invalid"),
        (b'{"value": 1, "unit": 5}', "unit_invalid"), (b'{"value": 1, "unit": "' + b"m" * 17 + b'"}', "unit_invalid"),
        (b"[[1]]", "malformed"),
    ],
)  # fmt: skip
def test_what_is_not_as_agreed_has_its_reason(payload, reason):
    assert reasons(one(payload)) == [reason]
    assert reasons(one(payload)) == reasons(one(b" " + payload))


@pytest.mark.parametrize("elements", [b"[1, 2]", b"[3.5, true]"])
def test_an_array_holds_readings_and_not_bare_numbers(elements):
    assert reasons(one(elements)) == ["malformed", "malformed"]


def test_an_array_of_readings_keeps_its_order():
    payload = b'[{"value": 1, "seq": 1}, {"value": 2, "seq": 2}, {"value": 3, "seq": 3}]'
    assert [sample.value for sample in one(payload)] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"value": "x"}', "value_not_numeric"), ('{"value": NaN}', "value_nan"), ("{}", "value_missing"),
        ('{"value": 1, "ts": "2026-11-22T10:00:00"}', "timestamp_without_offset"), ("[]", "malformed"),
        ('{"value": 1, "ts": "9999-12-31T23:59:59-14:00"}', "timestamp_invalid"), ("null", "value_not_numeric"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_element_does_not_take_the_good_ones_with_it(bad, reason, place):
    elements = ['{"value": 1}', '{"value": 2, "ts": "2026-11-22T10:00:00Z"}']
    elements.insert(place, bad)
    found = one(f"[{', '.join(elements)}]".encode())
    assert [item.value for item in found if isinstance(item, Sample)] == [1.0, 2.0]
    assert reasons(found) == [reason]
    assert isinstance(found[place], Rejected)
    assert len(found[place].payload) < len(bad) + 5  # the element alone


def test_many_sensors_at_one_instant():
    payload = b'{"ts": "2026-11-22T10:00:00Z", "seq": 812, "readings": {"level": 3.21, "door_open": false}}'
    assert many(payload) == [Sample("level", 3.21, None, TEN, 812), Sample("door_open", 0.0, None, TEN, 812)]


def test_an_array_of_many_sensors():
    payload = b'[{"readings": {"level": 1}, "seq": 1}, {"readings": {"level": 2}, "seq": 2}]'
    assert [(sample.value, sample.seq) for sample in many(payload)] == [(1.0, 1), (2.0, 2)]


def test_a_bad_value_among_many_sensors_is_buried_alone():
    found = many(b'{"seq": 7, "readings": {"level": "x", "pressure": 4.1, "ph": NaN}}')
    assert [item for item in found if isinstance(item, Sample)] == [Sample("pressure", 4.1, None, None, 7)]
    assert reasons(found) == ["value_not_numeric", "value_nan"]
    assert json.loads(found[0].payload) == {"level": "x"}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"3.2", "malformed"), (b'{"value": 3}', "malformed"), (b'{"readings": [1]}', "malformed"),
        (b'{"readings": {"level": 1}, "ts": "2026-11-22T10:00:00"}', "timestamp_without_offset"),
        (b'{"readings": {"level": 1}, "ts": "soon"}', "timestamp_invalid"),
        (b'{"readings": {"level": 1}, "seq": "1"}', "seq_invalid"), (b"{", "invalid_json"), (b"", "invalid_json"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_frame_of_many_sensors(payload, reason):
    assert reasons(many(payload)) == [reason]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["value", "ts", "seq", "unit", "readings", "level"]) | st.text(max_size=3), inner, max_size=5
    ),
    max_leaves=12,
)  # fmt: skip
_payloads = st.binary(max_size=200) | _json.map(lambda content: json.dumps(content).encode())


@given(_payloads, st.sampled_from(["rfc3339", "unix", "unix_ms"]), st.sampled_from(["one", "many"]))
@example(b"[" * 100_000, "rfc3339", "one")
@example(b'{"readings": {"a": ' + b"9" * 5000 + b"}}", "rfc3339", "many")
def test_whatever_comes_becomes_samples_or_rejections(payload, timestamps, kind):
    found = (one if kind == "one" else many)(payload, timestamps)
    for item in found:
        if isinstance(item, Rejected):
            assert item.reason
        else:
            assert type(item.value) is float
            assert abs(item.value) < float("inf")
            assert item.observed_at is None or rfc3339(item.observed_at) == rfc3339(
                parse_rfc3339(as_datetime(item.observed_at).isoformat())
            )
    if kind == "one" and payload.strip()[:1] not in {b"[", b""}:
        assert len(found) == 1  # only an array can hold none or several


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20), st.data())
def test_good_elements_survive_whatever_stands_between_them(values, data):
    elements, expected = [], []
    for value in values:
        if data.draw(st.booleans()):
            elements.append(data.draw(_json.filter(lambda c: not isinstance(c, dict))))
        elements.append({"value": value})
        expected.append(value)
    found = one(json.dumps(elements).encode())
    assert [item.value for item in found if isinstance(item, Sample)] == expected
    assert len(found) == len(elements)


@pytest.mark.parametrize(
    "payload", [b"[" * 1_000, b"[" * 60_000, b'{"value": 1, "more": ' + b"[" * 999 + b"]" * 999 + b"}"]
)
@pytest.mark.parametrize("read", [one, many])
def test_what_is_nested_without_end_is_too_deep(read, payload):
    assert reasons(read(payload)) == ["too_deep"]


@pytest.mark.parametrize(
    ("read", "element"),
    [(one, {"value": 1}), (one, 1), (one, {"value": "x"}), (many, {"readings": {"a": 1}}), (many, [])],
)
def test_of_an_array_so_many_elements_are_read_and_the_rest_is_counted(read, element):
    found = read(json.dumps([element] * 3_000).encode())
    assert len(found) == 2_501
    assert (found[-1].reason, json.loads(found[-1].payload)) == ("too_many_elements", {"elements": 3000, "read": 2500})


@pytest.mark.parametrize("last", [1, "x"])
def test_of_an_object_with_very_many_sensors_too(last):
    values = {f"s{number}": 1 for number in range(2_999)} | {"last": last}
    found = many(json.dumps({"readings": values}).encode())
    assert len(found) == 2_501
    assert json.loads(found[-1].payload)["elements"] == 3_000


def test_an_array_of_readings_with_a_time_is_never_too_long_within_64_kib():
    shortest = b'{"value":1,"ts":1764064800},'
    count = 65_536 // len(shortest)
    found = one(b"[" + (shortest * count)[:-1] + b"]")
    assert len(found) == count
    assert not reasons(found)


def test_only_the_first_bad_elements_are_written_out():
    found = one(json.dumps([{"value": "x"}] * 1_000).encode())
    assert [len(item.payload) > 0 for item in found] == [True] * 10 + [False] * 990
