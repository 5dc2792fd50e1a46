"""Alarms as ISA-18.2 knows them: what is active, who has seen it, what happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_agent.model.time import rfc3339

if TYPE_CHECKING:
    from edge_agent.model.plant import Priority
    from edge_agent.model.time import Instant


#: Stands where an alarm is of the agent itself: no node can be called so.
AGENT = "_agent"


class AlarmKey(NamedTuple):
    """Which alarm. `sensor` is empty for a node's own alarm (`node:offline`), and for the agent's (`_agent:…`)."""

    node: str
    sensor: str
    threshold: str

    def __str__(self) -> str:
        return f"{self.node}/{self.sensor}:{self.threshold}" if self.sensor else f"{self.node}:{self.threshold}"

    @classmethod
    def parse(cls, name: str) -> AlarmKey:
        """Read `node/sensor:threshold` or `node:offline`. Raises ValueError where there is no colon."""
        place, colon, threshold = name.rpartition(":")
        if not colon:
            raise ValueError(f"{name!r} is no alarm")
        node, _, sensor = place.partition("/")
        return cls(node, sensor, threshold)


class AlarmEventKind(StrEnum):
    """What can happen to an alarm; the last three to a switch point, which is no alarm for people."""

    RAISED = "raised"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    CHATTERING = "chattering"
    ON = "on"
    OFF = "off"
    UNSTEADY = "unsteady"


_OF_SWITCH_POINTS = frozenset({AlarmEventKind.ON, AlarmEventKind.OFF, AlarmEventKind.UNSTEADY})


class AlarmEvent(NamedTuple):
    """One entry of the alarm journal. `by` is `agent` or the person who acted; `value` is in the sensor's unit."""

    key: AlarmKey
    event: AlarmEventKind
    at: Instant
    value: float | None
    by: str
    reason: str

    @property
    def annunciated(self) -> bool:
        """Whether it happened to an alarm for people, and not to a switch point."""
        return self.event not in _OF_SWITCH_POINTS


@dataclass(frozen=True, slots=True)
class Evidence:
    """The reading that decided: what `explain` shows as the start of the chain. Flags by name."""

    topic: str
    value: float
    unit: str
    flag: str
    tests: dict[str, str]
    observed_at: Instant
    received_at: Instant
    seq: int | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """The state of one alarm at one moment. An alarm that is neither active nor unacknowledged is at rest.

    `since` is when the present state of `active` began; `limit`, `value` and `unit` are absent for alarms without.
    One that is `chattering` is reported once a minute, whatever it does in between. One that is not `annunciated` is
    the state of a switch point: plans see it, people are not told.
    """

    key: AlarmKey
    priority: Priority
    active: bool
    acknowledged: bool
    since: Instant
    reason: str
    value: float | None = None
    limit: float | None = None
    unit: str | None = None
    shelved_until: Instant | None = None
    evidence: Evidence | None = None
    chattering: bool = False
    annunciated: bool = True

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing to say of it: not active, acknowledged, not shelved, not chattering."""
        return not self.active and self.acknowledged and self.shelved_until is None and not self.chattering

    def facts(self) -> dict[str, Any]:
        """Return the state in flat values for people and other programs; times as RFC 3339."""
        return {
            "alarm": str(self.key),
            "priority": self.priority,
            "active": self.active,
            "acknowledged": self.acknowledged,
            "chattering": self.chattering,
            "since": rfc3339(self.since),
            "reason": self.reason,
            "value": self.value,
            "limit": self.limit,
            "unit": self.unit,
            "shelved_until": None if self.shelved_until is None else rfc3339(self.shelved_until),
        }


def forgotten(key: AlarmKey) -> Alarm:
    """Return the state of an alarm that the agent does not know: at rest."""
    return Alarm(key, "low", active=False, acknowledged=True, since=0, reason="nothing is known of it")
