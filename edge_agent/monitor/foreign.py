"""What devices say in languages of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from edge_agent.dialects.rejects import rendered
from edge_agent.model.inbox import Kind
from edge_agent.monitor.observed import AckReport, Spoken, StateReport, StatusReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.dialects.listening import Listener, Words
    from edge_agent.dialects.native import Sample
    from edge_agent.model.inbox import Message
    from edge_agent.model.readings import Reading
    from edge_agent.model.time import Moment
    from edge_agent.monitor.channel import Channel
    from edge_agent.monitor.numbering import Numbering
    from edge_agent.monitor.observed import Observed
    from edge_agent.monitor.sitetime import SiteTime


class Keeper(Protocol):
    """Who knows the sensors: the monitor."""

    channels: dict[tuple[str, str], Channel]
    time: SiteTime
    numbering: Numbering


class Hearing(NamedTuple):
    """One message, and what is done with what it says.

    `take` is given node, sensor and sample, and returns why it is refused; `hand_on` is given what became of one that
    is as usual.
    """

    observed: Observed
    message: Message
    now: Moment
    take: Callable[[str, str, Sample], str | None]
    hand_on: Callable[[Observed, Channel, Reading, Reading | None, str, Moment], None]


def hear(keeper: Keeper, listener: Listener, hearing: Hearing) -> tuple[list[tuple[str, bytes]], bool]:
    """Read a message. Return what cannot be used of it, and whether anything came without a time."""
    message = hearing.message
    content = listener.read(message.payload, retained=message.retained)
    buried = [(each.reason, each.payload) for each in content.rejected]
    timeless = False
    for node, sample in content.samples:
        if sample.observed_at is None:
            timeless = True
        elif _follows(keeper, node, sample, hearing):
            continue
        problem = hearing.take(node, sample.sensor, sample)
        if problem:
            buried.append((problem, _shown(node, sample)))
    _note_words(hearing.observed, listener, content.words, message)
    return buried, timeless


def _follows(keeper: Keeper, node: str, sample: Sample, hearing: Hearing) -> bool:
    """Whether a sample with its time is as usual, as nearly all are; then it has been taken, and costs a third."""
    now, place = hearing.now, (node, sample.sensor)
    channel = keeper.channels[place]
    unit, at, seq = sample.unit, sample.observed_at, sample.seq
    if hearing.message.redelivered or not now.sure or at is None or (unit is not None and unit != channel.sensor.unit):
        return False
    taken = channel.follow(sample.value, at, seq, now.at)
    if taken is None:
        return False
    if seq is not None:
        keeper.numbering.follow(place, channel.sequence, seq, at, now)
    hearing.hand_on(hearing.observed, channel, *taken, hearing.message.topic, now)
    return True


def _note_words(observed: Observed, listener: Listener, words: Words | None, message: Message) -> None:
    """Note statuses, states and answers, and that their nodes were heard."""
    if words is None:
        observed.spoken.append(Spoken(listener.nodes, listener.kind, message.retained))
        return
    told = {node for node, _ in words.statuses}
    observed.statuses += [StatusReport(node, online) for node, online in words.statuses]
    observed.states += [StateReport(state.actuator, state.state, None, state.local) for state in words.states]
    observed.acknowledgements += [
        AckReport(reply.identity, reply.status, reply.detail, reply.actuator, message) for reply in words.replies
    ]
    for node in listener.nodes:
        kind = Kind.STATUS if node in told else listener.kind
        observed.spoken.append(Spoken((node,), kind, message.retained))


def _shown(node: str, sample: Sample) -> bytes:
    """Show in a dead letter which reading of a payload it is about."""
    said = {"sensor": f"{node}/{sample.sensor}", "value": sample.value}
    return rendered(said if sample.unit is None else said | {"unit": sample.unit})
