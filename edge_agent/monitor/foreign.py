"""What devices say in languages of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.dialects.rejects import rendered
from edge_agent.model.inbox import Kind
from edge_agent.monitor.observed import AckReport, Spoken, StateReport, StatusReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.dialects.listening import Content, Listener
    from edge_agent.dialects.native import Sample
    from edge_agent.model.inbox import Message
    from edge_agent.monitor.observed import Observed


def hear(
    observed: Observed, listener: Listener, message: Message, take: Callable[[str, str, Sample], str | None]
) -> tuple[list[tuple[str, bytes]], bool]:
    """Read a message. Return what cannot be used of it, and whether anything came without a time.

    `take` is given node, sensor and sample, and returns why it is refused.
    """
    content = listener.read(message.payload, retained=message.retained)
    buried = [(each.reason, each.payload) for each in content.rejected]
    timeless = False
    for node, sample in content.samples:
        timeless = timeless or sample.observed_at is None
        problem = take(node, sample.sensor, sample)
        if problem:
            buried.append((problem, _shown(node, sample)))
    _note_words(observed, listener, content, message)
    return buried, timeless


def _note_words(observed: Observed, listener: Listener, content: Content, message: Message) -> None:
    """Note statuses, states and answers, and that their nodes were heard."""
    told = {node for node, _ in content.statuses}
    observed.statuses += [StatusReport(node, online) for node, online in content.statuses]
    observed.states += [StateReport(state.actuator, state.state, None, state.local) for state in content.states]
    observed.acknowledgements += [
        AckReport(reply.identity, reply.status, reply.detail, reply.actuator, message) for reply in content.replies
    ]
    for node in listener.nodes:
        kind = Kind.STATUS if node in told else listener.kind
        observed.spoken.append(Spoken(node, kind, message.retained))


def _shown(node: str, sample: Sample) -> bytes:
    """Show in a dead letter which reading of a payload it is about."""
    said = {"sensor": f"{node}/{sample.sensor}", "value": sample.value}
    return rendered(said if sample.unit is None else said | {"unit": sample.unit})
