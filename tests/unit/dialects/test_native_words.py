"""Statuses, states and acknowledgements as nodes send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dialects import nativewords as words
from edge_agent.dialects.nativewords import Acknowledgement


@pytest.mark.parametrize(
    ("payload", "online"),
    [
        (b"online", True), (b"offline", False), (b'"online"', True), (b'"offline"', False), (b" online\n", True),
        (b'{"state": "online"}', True), (b'{"state":"offline","since":5}', False),
        (b"", None), (b"ONLINE", None), (b'{"state": 1}', None), (b"{}", None), (b"{", None), (b"true", None),
    ],
)  # fmt: skip
def test_a_status_is_online_or_offline_or_not_understood(payload, online):
    assert words.status(payload) is online


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"state": "running", "value": 0.8, "ts": "2026-11-22T10:00:00Z"}', ("running", 0.8, False)),
        (b'{"state": "stopped"}', ("stopped", None, False)),
        (b'{"state": "closed", "value": null}', ("closed", None, False)),
        (b'{"state": "running", "value": 1}', ("running", 1.0, False)),
        (b'{"state": "stopped", "control": "remote"}', ("stopped", None, False)),
        (b'{"state": "stopped", "control": "local"}', ("stopped", None, True)),
        (b'{"state": "stopped", "control": ["off"]}', ("stopped", None, True)),
        (b'{"state": ""}', None), (b'{"value": 1}', None), (b'{"state": "on", "value": NaN}', None), (b"running", None),
        (b'{"state": "' + b"x" * 65 + b'"}', None), (b'{"state": "on", "value": "1"}', None),
    ],
)  # fmt: skip
def test_a_state_is_a_word_and_perhaps_a_value(payload, expected):
    assert words.state(payload) == expected


@pytest.mark.parametrize("word", ["accepted", "done", "rejected", "failed"])
def test_an_acknowledgement_names_a_command_and_says_one_of_four_words(word):
    payload = f'{{"id": "0199", "status": "{word}", "detail": "8 s"}}'.encode()
    assert words.acknowledgement(payload) == Acknowledgement("0199", word, "8 s")


@pytest.mark.parametrize(
    "payload",
    [
        b'{"id": "0199", "status": "ok"}', b'{"id": "0199"}', b'{"status": "done"}', b'{"id": 5, "status": "done"}',
        b'{"id": "", "status": "done"}', b'{"id": "0199", "status": "done!"}', b'{"id": "0199", "status": "done\\n"}',
        b'{"id": "0199", "status": "done", "detail": 5}', b"", b"[]", b"done",
    ],
)  # fmt: skip
def test_what_is_no_acknowledgement(payload):
    assert words.acknowledgement(payload) is None


def test_a_detail_is_optional_and_cut():
    assert words.acknowledgement(b'{"id": "a", "status": "done"}') == Acknowledgement("a", "done", "")
    assert words.acknowledgement(b'{"id": "a", "status": "done", "detail": null}') == Acknowledgement("a", "done", "")
    found = words.acknowledgement(b'{"id": "a", "status": "failed", "detail": "' + b"x" * 400 + b'"}')
    assert found is not None
    assert len(found.detail) == 256


@given(st.binary(max_size=100))
def test_arbitrary_bytes_never_raise(payload):
    assert words.status(payload) in {True, False, None}
    found = words.state(payload), words.acknowledgement(payload)
    assert all(word is None or isinstance(word, tuple) for word in found)
