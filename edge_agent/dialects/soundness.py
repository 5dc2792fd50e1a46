"""Whether what a plant says of devices can be read at all: the last door, after what `check` says of a file.

A row of a store may have been written by hand, or by a newer program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.dialects.forms import EXAMPLES, places
from edge_agent.dialects.pointer import steps
from edge_agent.dialects.registry import CODECS
from edge_agent.model.readings import MAX_TOPIC_BYTES
from edge_agent.model.sources import ReadingSource, ReplySource

if TYPE_CHECKING:
    from edge_agent.model.sources import Source, Wiring


def refuse_topic(topic: str) -> None:
    """Raise ValueError where a topic is none of a device: it would be a filter, or cannot be subscribed to."""
    if not topic or any(character in topic for character in "+#\0") or topic.startswith("$"):
        raise ValueError(f"{topic!r} is no topic of a device")
    if len(topic.encode()) > MAX_TOPIC_BYTES:
        raise ValueError("a topic is too long")


def refuse_unsound(source: Source) -> None:
    """Raise ValueError where a source names no topic, no dialect, or no place."""
    refuse_topic(source.topic)
    if source.codec not in CODECS:
        raise ValueError(f"there is no dialect {source.codec!r}")
    named = [source.value, *(place for place, _ in source.only_if)]
    if isinstance(source, ReadingSource):
        unit = source.unit if source.unit is not None and source.unit.startswith("/") else ""
        named += [source.ts or "", source.seq or "", source.quality or "", unit]
    if isinstance(source, ReplySource):
        named += [source.detail or "", *(place for place, _ in (*source.done, *source.failed))]
    for place in named:
        steps(place)


def refuse_unsound_wiring(wiring: Wiring) -> None:
    """Raise ValueError where an actuator cannot be commanded or heard as it is said."""
    refuse_topic(wiring.topic)
    if wiring.codec not in CODECS:
        raise ValueError(f"there is no dialect {wiring.codec!r}")
    known = {*EXAMPLES, *(name for name, _ in wiring.given)}
    for action, form in wiring.forms:
        if not places(form) <= known:
            raise ValueError(f"nothing can be filled into {', '.join(sorted(places(form) - known))} for {action}")
    for source in (*wiring.state, *([wiring.reply] if wiring.reply else [])):
        refuse_unsound(source)
