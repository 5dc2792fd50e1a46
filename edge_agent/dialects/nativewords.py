"""What nodes say besides readings: their status, what their equipment does, and what became of a command."""

from __future__ import annotations

from typing import Annotated, NamedTuple, NotRequired

from pydantic import Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from edge_agent.dialects.native import STRICT, Number


@with_config(STRICT)
class _Status(TypedDict):
    state: str


@with_config(STRICT)
class _State(TypedDict):
    state: Annotated[str, Field(min_length=1, max_length=64)]
    value: NotRequired[Number | None]
    control: NotRequired[object]


@with_config(STRICT)
class _Acknowledgement(TypedDict):
    id: Annotated[str, Field(min_length=1, max_length=64)]
    status: Annotated[str, Field(pattern="^(accepted|done|rejected|failed)$")]
    detail: NotRequired[str | None]


_STATUS, _STATE, _ACK = TypeAdapter(_Status), TypeAdapter(_State), TypeAdapter(_Acknowledgement)


class Acknowledgement(NamedTuple):
    """A node's word on a command: `accepted`, then one of `done`, `rejected`, `failed`."""

    command_id: str
    status: str
    detail: str


def status(payload: bytes) -> bool | None:
    """Read a node's status: whether it is online, None where it cannot be told."""
    text = payload.strip()
    if text[:1] == b"{":
        try:
            text = _STATUS.validate_json(payload)["state"].encode()
        except ValidationError:
            return None
    return {b"online": True, b"offline": False}.get(text.strip(b'"'))


def state(payload: bytes) -> tuple[str, float | None, bool] | None:
    """Read what the equipment does: its state, its value, and whether it is in hand; None where it cannot be told.

    What `control` says but `remote` takes it from the agent: a word that nobody knows is no leave to command.
    """
    try:
        found = _STATE.validate_json(payload)
    except ValidationError:
        return None
    return found["state"], found.get("value"), found.get("control") not in ("remote", None)


def acknowledgement(payload: bytes) -> Acknowledgement | None:
    """Read an acknowledgement, None where it is none."""
    try:
        found = _ACK.validate_json(payload)
    except ValidationError:
        return None
    return Acknowledgement(found["id"], found["status"], (found.get("detail") or "")[:256])
