"""What the loop shares with those who work for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from edge_agent.ports.broker import Inlet
    from edge_agent.ports.clock import Clock
    from edge_agent.ports.observing import Observer
    from edge_agent.runtime.inbox import BoundedInbox


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopContext:
    """Where events are reported, messages acknowledged and times read, who looks on, and the group of all tasks."""

    inbox: BoundedInbox
    inlet: Inlet
    clock: Clock
    observer: Observer
    group: asyncio.TaskGroup
