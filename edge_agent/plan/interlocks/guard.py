"""What all interlocks have in common: what they look at, when they are looked at again, and what they guard."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.agenda import NEVER
from edge_agent.model.commands import Request
from edge_agent.model.evidence import looks
from edge_agent.model.plant import BAD_QUALITY, STALE, TRIPPED
from edge_agent.plan.conditions.meaning import alarms, named, places
from edge_agent.plan.interlocks.guarded import GuardedCircumstances, actuators_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.evidence import Sight
    from edge_agent.model.plant import Plant
    from edge_agent.model.remembered import InterlockMemory
    from edge_agent.model.time import Moment
    from edge_agent.plan.interlocks.guarded import Outlook

#: What changes after a time has changed so long after it at the latest, however times are rounded.
_AFTERWARDS_SECONDS = 1e-6
#: No plan has a higher one.
HIGHEST_PRIORITY = 100


class Prospect(NamedTuple):
    """A command that is about to be given, and is not the fail-safe action.

    `begins`: the equipment is not known to have left its fail-safe state already. `after` is how it will be, by the
    words of conditions.
    """

    actuator: str
    begins: bool
    after: Mapping[str, bool]


class Stop(NamedTuple):
    """Why an interlock asks for the fail-safe action of an actuator, and which alarm of that says so."""

    interlock: str
    reason: str
    alarm: str = TRIPPED

    def request(self, actuator: str, fail_safe: str) -> Request:
        """Return the request for it: above every plan, and delayed by nothing."""
        return Request(actuator, fail_safe, None, None, HIGHEST_PRIORITY, self.reason, trip=True)


class Guard(ABC):
    """One interlock in time. `due` is the monotonic time at which time alone may change it, as of the last look."""

    __slots__ = ("_within", "actuators", "due", "evidence_seconds", "name", "start_seconds", "timezone")

    def __init__(self, name: str, start_seconds: float, evidence_seconds: float, timezone: str) -> None:
        self.name, self.start_seconds = name, start_seconds
        self.evidence_seconds, self.timezone = evidence_seconds, timezone
        self.actuators: tuple[str, ...] = ()
        self.due = NEVER
        self._within: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.says_so or 'quiet'}>"

    @property
    @abstractmethod
    def texts(self) -> tuple[str, ...]:
        """The conditions it looks at."""
        ...

    @property
    @abstractmethod
    def says_so(self) -> str:
        """What it says now, in words; empty where it lets everything pass."""
        ...

    def survey(self, plant: Plant, actuators: tuple[str, ...]) -> None:
        """Look at a changed plant; it guards these actuators."""
        self.actuators = actuators
        those = looks(places(self.texts), self.evidence_seconds, plant)
        self._within = {look.name: look.within_seconds for look in those}

    def memory(self, now: Moment) -> InterlockMemory | None:
        """Return what the next run must know; None where that is nothing."""
        del now
        return None

    def take_change(self) -> bool:
        """Whether what a restart must know has changed since the last call."""
        return False

    def reset(self) -> str:
        """End what has latched, for a person who answers for it; return why not, empty where it is done."""
        return "it does not latch: there is nothing to reset"

    @abstractmethod
    def update(self, outlook: Outlook) -> bool:
        """Look at how things are; return whether what it lets pass may be another than before."""
        ...

    @abstractmethod
    def bar(self, prospect: Prospect, outlook: Outlook) -> str | None:
        """Return why a command must not be given now, None where it may; nothing changes."""
        ...

    def stops(self) -> Mapping[str, Stop]:
        """Return why it asks for the fail-safe action of which actuators, as of the last look."""
        return {}

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms whose change may change it: that a sensor is silent or bad as well."""
        sensors = (name for name in self._within if "/" in name)
        ignorance = (f"{sensor}:{name}" for sensor in sensors for name in (STALE, BAD_QUALITY))
        return (*alarms(self.texts), *ignorance)

    @property
    def listens(self) -> tuple[str, ...]:
        """The sensors, nodes and actuators whose next word may change it."""
        return (*named(self.texts), *self._within, *(name for text in self.texts for name in actuators_in(text)))

    def due_seconds(self, sight: Sight, seconds: float) -> float:
        """Return the monotonic time, after this one, at which time alone may change it; infinite where it cannot."""
        times = (self.due, *self._evidence_ends(sight))
        return min((at for time in times for at in (time, time + _AFTERWARDS_SECONDS) if at > seconds), default=NEVER)

    def _evidence_ends(self, sight: Sight) -> Iterator[float]:
        """Yield when the evidence of each place is too old; after the start it has so long to come."""
        for place, within in self._within.items():
            seen = sight(place)
            yield within + (self.start_seconds if seen is None else max(seen, self.start_seconds))

    def _around(self, outlook: Outlook, since: dict[str, float], *, doubt: bool = False) -> GuardedCircumstances:
        return GuardedCircumstances(outlook, self.timezone, self._within, since, doubt=doubt)
