"""Bad manners of nodes that the simulation's own faults do not have: what they do with a command, and what they say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from edge_agent.model.inbox import Kind
from edge_agent.simulate import nodewire

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.witness import Seen

    from edge_agent.model.time import Moment
    from edge_agent.simulate.node import VirtualNode
    from edge_agent.simulate.nodewire import Outgoing


class Manner(Protocol):
    """Takes a command: `obey` lets the node do what it should, and gives what it would publish."""

    def __call__(
        self, node: VirtualNode, seen: Seen, now: Moment, obey: Callable[[], list[Outgoing]], /
    ) -> list[Outgoing]: ...


def proper(_node: VirtualNode, _seen: Seen, _now: Moment, obey: Callable[[], list[Outgoing]], /) -> list[Outgoing]:
    """Do as the contract says."""
    return obey()


def deaf(_node: VirtualNode, _seen: Seen, _now: Moment, _obey: Callable[[], list[Outgoing]], /) -> list[Outgoing]:
    """Neither do it nor say anything."""
    return []


def accepts_only(node: VirtualNode, seen: Seen, _now: Moment, _obey: Callable[[], list[Outgoing]], /) -> list[Outgoing]:
    """Say that it is on its way, and hang."""
    return [nodewire.acknowledgement(node.id, seen.actuator.partition("/")[2], seen.id, "accepted", "")]


def with_another_id(
    _node: VirtualNode, _seen: Seen, _now: Moment, obey: Callable[[], list[Outgoing]], /
) -> list[Outgoing]:
    """Acknowledge a command that nobody has given."""
    return [_changed(message, id="00000000-0000-7000-8000-000000000000") for message in obey()]


def with_an_unknown_word(
    _node: VirtualNode, _seen: Seen, _now: Moment, obey: Callable[[], list[Outgoing]], /
) -> list[Outgoing]:
    """Say something that is no status."""
    return [_changed(message, status="perhaps") for message in obey()]


def with_garbage(
    _node: VirtualNode, _seen: Seen, _now: Moment, obey: Callable[[], list[Outgoing]], /
) -> list[Outgoing]:
    """Say something that is no JSON."""
    return [
        message._replace(payload=b'\xff{"id":') if message.route.kind is Kind.ACK else message for message in obey()
    ]


def of_two_minds(
    _node: VirtualNode, _seen: Seen, _now: Moment, obey: Callable[[], list[Outgoing]], /
) -> list[Outgoing]:
    """Say what is true, then the opposite."""
    told = obey()
    return [*told, *(_changed(told[-1], status=word) for word in ("failed", "rejected", "accepted"))]


def loses_power(node: VirtualNode, _seen: Seen, now: Moment, obey: Callable[[], list[Outgoing]], /) -> list[Outgoing]:
    """Execute it, lose power before anything is said, and come up again."""
    obey()
    return node.restart(now)


def loses_power_and_ids(
    node: VirtualNode, _seen: Seen, now: Moment, obey: Callable[[], list[Outgoing]], /
) -> list[Outgoing]:
    """Do the same, and keep only epoch and counters in flash: the ids were in RAM."""
    obey()
    node._flash.answers.clear()
    return node.restart(now)


def at_first(manner: Manner) -> Manner:
    """Behave so when a command comes the first time, and properly when it is repeated."""
    known: set[str] = set()

    def behave(node: VirtualNode, seen: Seen, now: Moment, obey: Callable[[], list[Outgoing]], /) -> list[Outgoing]:
        chosen = proper if seen.id in known else manner
        known.add(seen.id)
        return chosen(node, seen, now, obey)

    return behave


def _changed(message: Outgoing, **members: str) -> Outgoing:
    if message.route.kind is not Kind.ACK:
        return message
    return message._replace(payload=json.dumps(json.loads(message.payload) | members).encode())
