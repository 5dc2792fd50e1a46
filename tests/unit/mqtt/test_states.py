"""A paused connection reads its handshake and no more; a lost one says whether another client is to be feared."""

from __future__ import annotations

import pytest

from edge_agent.mqtt.states import SOCKET_STEPS, SessionClaim, SocketState, claim


def after(*events):
    state = SocketState.OPENING
    for event in events:
        state = SOCKET_STEPS[event].get(state, state)
    return state


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), SocketState.OPENING),
        (("ready",), SocketState.READING),
        (("pause",), SocketState.OPENING_PAUSED),
        (("pause", "ready"), SocketState.PAUSED),
        (("ready", "pause"), SocketState.PAUSED),
        (("ready", "pause", "pause", "resume"), SocketState.READING),
        (("pause", "resume", "ready"), SocketState.READING),
        (("pause", "ready", "resume", "ready"), SocketState.READING),
    ],
)
def test_the_handshake_is_read_whatever_the_owner_wants_and_afterwards_what_it_wants(events, state):
    assert after(*events) is state


def test_another_client_is_feared_where_neither_side_here_ended_the_connection():
    assert claim(ended_by_others=False, taken_over=False) is SessionClaim.OWN
    assert claim(ended_by_others=False, taken_over=True) is SessionClaim.OWN
    assert claim(ended_by_others=True, taken_over=False) is SessionClaim.DOUBTED
    assert claim(ended_by_others=True, taken_over=True) is SessionClaim.CONTESTED
