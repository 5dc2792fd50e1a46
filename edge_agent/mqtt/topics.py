"""The grammar of the topics: `{prefix}/{site}/{node}/…`, read and written here only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING

from edge_agent.model.alarms import AGENT, AlarmKey
from edge_agent.model.inbox import Kind, Route

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "[a-z0-9][a-z0-9_-]{0,62}"
#: Stands where a node's own alarm has no sensor. No sensor can be called so: ids begin with a letter or a digit.
NO_SENSOR = "_node"

_ALARM = re.compile(rf"(?P<node>{ID}|{AGENT})/(?P<sensor>{ID}|{NO_SENSOR})/(?P<threshold>{ID})")
_LEVELS = re.compile(r"[^+#/\0]+(?:/[^+#/\0]+)*")
#: How many topics are remembered with their meaning: a large plant's worth, and a bound for a flood of wrong ones.
_REMEMBERED_TOPICS = 16_384
#: What follows prefix and site is no longer than this in any topic that means something.
_LONGEST_REST = len("//telemetry/") + 2 * 63
_UNKNOWN = Route(Kind.UNKNOWN)


@dataclass(frozen=True)
class Topics:
    """The topics of one agent at one site. Raises ValueError where the names cannot stand in a topic."""

    prefix: str
    site: str
    agent: str
    #: Tells what a topic carries; `Kind.UNKNOWN` for whatever no node of this site may send. Remembers what it read.
    parse: Callable[[str], Route] = field(init=False, repr=False, compare=False)
    _base: str = field(init=False, repr=False, compare=False)
    _alarms: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _LEVELS.fullmatch(self.prefix):
            raise ValueError(f"{self.prefix!r} cannot begin a topic")
        for name in (self.site, self.agent):
            if not re.fullmatch(ID, name):
                raise ValueError(f"{name!r} is no id")
        base = f"{self.prefix}/{self.site}"
        object.__setattr__(self, "_base", base)
        object.__setattr__(self, "_alarms", f"{base}/_agent/{self.agent}/alarm/")
        object.__setattr__(self, "parse", _remembering(_reader(base), len(base) + _LONGEST_REST))

    @property
    def base(self) -> str:
        """What every topic of the site begins with."""
        return f"{self._base}/"

    def subscriptions(self) -> tuple[str, ...]:
        """Return the filters for all that nodes send. The first also matches telemetry of many sensors at once."""
        return tuple(f"{self._base}/+/{rest}" for rest in ("telemetry/#", "status", "ack/+", "state/+"))

    def telemetry(self, node: str, sensor: str = "") -> str:
        """Where a node sends a sensor's readings, or (without a sensor) those of many at one instant."""
        return f"{self._base}/{node}/telemetry/{sensor}" if sensor else f"{self._base}/{node}/telemetry"

    def status(self, node: str) -> str:
        """Where a node says whether it is online."""
        return f"{self._base}/{node}/status"

    def command(self, node: str, actuator: str) -> str:
        """Where a node gets an actuator's commands."""
        return f"{self._base}/{node}/command/{actuator}"

    def ack(self, node: str, actuator: str) -> str:
        """Where a node acknowledges an actuator's commands."""
        return f"{self._base}/{node}/ack/{actuator}"

    def state(self, node: str, actuator: str) -> str:
        """Where a node says what an actuator really does."""
        return f"{self._base}/{node}/state/{actuator}"

    def agent_status(self) -> str:
        """Where the agent says whether it is online."""
        return f"{self._base}/_agent/{self.agent}/status"

    def agent_statuses(self) -> str:
        """Return the filter for the statuses of every agent of the site."""
        return f"{self._base}/_agent/+/status"

    def alarm(self, key: AlarmKey) -> str:
        """Where the agent tells an alarm's state."""
        return f"{self._alarms}{key.node}/{key.sensor or NO_SENSOR}/{key.threshold}"

    def alarms(self) -> str:
        """Return the filter for the states of all alarms of this agent."""
        return f"{self._alarms}#"

    def alarm_of(self, topic: str) -> AlarmKey | None:
        """Return the alarm whose state a topic tells, the inverse of `alarm`; None where it is no such topic."""
        if not topic.startswith(self._alarms):
            return None
        found = _ALARM.fullmatch(topic, len(self._alarms))
        if found is None:
            return None
        node, sensor, threshold = found.groups()
        return AlarmKey(node, "" if sensor == NO_SENSOR else sensor, threshold)

    def dead_letter(self) -> str:
        """Where the agent tells what it could not use."""
        return f"{self._base}/_agent/{self.agent}/dead_letter"

    def format(self, route: Route) -> str:
        """Write the topic of a route, the inverse of `parse`. Raises ValueError for an unknown one."""
        match route.kind:
            case Kind.TELEMETRY:
                return self.telemetry(route.node, route.name)
            case Kind.STATUS:
                return self.status(route.node)
            case Kind.ACK:
                return self.ack(route.node, route.name)
            case Kind.STATE:
                return self.state(route.node, route.name)
            case Kind.UNKNOWN:
                raise ValueError("an unknown route has no topic")


def _remembering(read: Callable[[str], Route], longest: int) -> Callable[[str], Route]:
    """Remember what was read, but of nothing that is too long to have a meaning: memory is bounded in bytes, too."""
    remembered = lru_cache(_REMEMBERED_TOPICS)(read)

    def parse(topic: str) -> Route:
        return remembered(topic) if len(topic) <= longest else _UNKNOWN

    return parse


def _reader(base: str) -> Callable[[str], Route]:
    """Build the uncached reader of a site's topics."""
    grammar = re.compile(
        rf"{re.escape(base)}/(?P<node>{ID})/"
        rf"(?:(?P<kind>ack|state)/(?P<name>{ID})|(?P<telemetry>telemetry)(?:/(?P<sensor>{ID}))?|(?P<status>status))"
    )

    def read(topic: str) -> Route:
        found = grammar.fullmatch(topic)
        if found is None:
            return _UNKNOWN
        kind = found["kind"] or found["telemetry"] or found["status"]
        # Interned: a thousand topics end in the same few names, and each is looked up at every message.
        return Route(Kind(kind), intern(found["node"]), intern(found["name"] or found["sensor"] or ""))

    return read
