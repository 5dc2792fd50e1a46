"""What an interlock says in the plant file: a trip, a permit, or conditions that exclude each other."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.model.plant import EVIDENCE_SECONDS

#: Who ends a trip that resets itself for no time: a person.
PERSON = "person"


@dataclass(frozen=True, slots=True)
class SelfReset:
    """The end of a trip by itself: so long after its condition is over, so often within a day at the most."""

    after_seconds: float
    at_most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interlock:
    """One interlock: of `trip`, `permit` and `exclusive` exactly one is given.

    `trip` latches and stops what `stop` names, until its `reset`. What `permit` names may begin only while `when` is
    true. Of the conditions of `exclusive` no command makes a second one true.
    """

    id: str
    trip: str = ""
    stop: tuple[str, ...] = ()
    reset: SelfReset | None = None  # None: by a person
    permit: tuple[str, ...] = ()
    when: str = ""
    exclusive: tuple[str, ...] = ()
    evidence_seconds: float = EVIDENCE_SECONDS
    timezone: str = "UTC"
