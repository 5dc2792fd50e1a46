"""The states of the connection to the broker: of its socket, of its session, and of the claim on that."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

SocketEvent = Literal["ready", "pause", "resume"]


class SocketState(StrEnum):
    """What is read of what the broker sends."""

    OPENING = "opening"  # all of it: the handshake is under way
    OPENING_PAUSED = "opening, then paused"  # all of it, until the handshake is over
    READING = "reading"  # all of it
    PAUSED = "paused"  # nothing, but for what lies before a confirmation that is waited for


_S = SocketState
#: What follows each event. One that stands here for no state changes nothing.
SOCKET_STEPS: Mapping[SocketEvent, Mapping[SocketState, SocketState]] = MappingProxyType(
    {
        "ready": {_S.OPENING: _S.READING, _S.OPENING_PAUSED: _S.PAUSED},
        "pause": {_S.OPENING: _S.OPENING_PAUSED, _S.READING: _S.PAUSED},
        "resume": {_S.OPENING_PAUSED: _S.OPENING, _S.PAUSED: _S.READING},
    }
)


class SessionState(StrEnum):
    """How far the session has come with the broker."""

    AWAY = "not connected"  # the last connection has ended, or there was none
    OPENING = "connecting"  # a connection is made, and not yet subscribed
    CONNECTED = "connected"  # it is subscribed, and was announced


class SessionClaim(StrEnum):
    """Whose the session is, as far as the end of the last connection tells."""

    OWN = "own"  # nothing speaks against it
    DOUBTED = "doubted"  # the connection was ended by none of us: another client may have taken the session over
    CONTESTED = "contested"  # the broker says that another client has


def claim(*, ended_by_others: bool, taken_over: bool) -> SessionClaim:
    """Return what the end of a connection that was announced, and not ended from here, says of the session."""
    if not ended_by_others:
        return SessionClaim.OWN
    return SessionClaim.CONTESTED if taken_over else SessionClaim.DOUBTED
