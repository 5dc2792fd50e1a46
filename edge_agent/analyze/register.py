"""The alarm register: what is active or unacknowledged, and the journal of what changed in this turn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.analyze.chatter import MOST_RAISED, Chatter
from edge_agent.analyze.heard import Changes
from edge_agent.model.alarms import Alarm, AlarmEvent, AlarmEventKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.alarms import AlarmKey, Evidence
    from edge_agent.model.plant import Priority
    from edge_agent.model.time import Moment


class Shown(NamedTuple):
    """What an alarm shows: the figure and its limit, their unit, the reading that decided; and whether to people."""

    value: float | None = None
    limit: float | None = None
    unit: str | None = None
    evidence: Evidence | None = None
    annunciated: bool = True

    @classmethod
    def of(cls, evidence: Evidence) -> Shown:
        """Return what an alarm shows of a reading that was compared with no limit."""
        return cls(evidence.value, None, evidence.unit, evidence)


class _Kinds(NamedTuple):
    """What the journal calls what happens, and what is done by one that is raised too often."""

    begun: AlarmEventKind
    over: AlarmEventKind
    often: AlarmEventKind
    restless: str


_KINDS = {
    True: _Kinds(AlarmEventKind.RAISED, AlarmEventKind.CLEARED, AlarmEventKind.CHATTERING, "chatters"),
    False: _Kinds(AlarmEventKind.ON, AlarmEventKind.OFF, AlarmEventKind.UNSTEADY, "goes on and off"),
}


def _event(alarm: Alarm, kind: AlarmEventKind, now: Moment, reason: str) -> AlarmEvent:
    return AlarmEvent(alarm.key, kind, now.at, alarm.value, "agent", reason)


class AlarmRegister:
    """Holds every alarm that is not at rest, by its name, and collects events until they are taken.

    What is active is always the truth of now. Of an alarm that chatters people are told once a minute: plans see it
    come and go, journal and topics do not. Of switch points they are told nothing: those stand in the journal alone.
    """

    def __init__(self, remembered: Iterable[Alarm]) -> None:
        self._alarms: dict[AlarmKey, Alarm] = {alarm.key: alarm for alarm in remembered}
        self._active: dict[str, Alarm] = {str(a.key): a for a in self._alarms.values() if a.active}
        self._chatter = Chatter()
        self._events: list[AlarmEvent] = []
        self._changed: dict[tuple[AlarmKey, bool], Alarm] = {}  # an alarm may become a switch point, and back
        self._moved: set[str] = set()  # what was raised or cleared, told or not

    @property
    def active(self) -> Mapping[str, Alarm]:
        """The active alarms by name. A live view: read it, do not keep it."""
        return self._active

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Every alarm that is not at rest, and every switch point that is on."""
        return tuple(self._alarms.values())

    @property
    def annunciated(self) -> tuple[Alarm, ...]:
        """Every alarm for people that is not at rest."""
        return tuple(alarm for alarm in self._alarms.values() if alarm.annunciated)

    def knows(self, key: AlarmKey) -> bool:
        """Whether an alarm for people is not at rest."""
        alarm = self._alarms.get(key)
        return alarm is not None and alarm.annunciated

    def is_active(self, key: AlarmKey) -> bool:
        """Whether an alarm is active."""
        alarm = self._alarms.get(key)
        return alarm is not None and alarm.active

    def raise_(
        self,
        key: AlarmKey,
        priority: Priority,
        now: Moment,
        reason: str,
        shown: Shown | None = None,
    ) -> None:
        """Make an alarm active and unacknowledged, or a switch point on."""
        value, limit, unit, evidence, annunciated = shown or Shown()
        before = self._alarms.get(key)
        alarm = Alarm(
            key,
            priority,
            True,
            not annunciated,
            now.at,
            reason,
            value,
            limit,
            unit,
            before.shelved_until if before else None,
            evidence,
            annunciated=annunciated,
        )
        begins = self._chatter.raised(key, now.seconds)
        self._note(alarm, _event(alarm, _KINDS[annunciated].begun, now, reason), begins=begins)
        if begins:
            text = f"{key} {_KINDS[annunciated].restless}: raised {MOST_RAISED + 1} times within a minute"
            self._events.append(_event(alarm, _KINDS[annunciated].often, now, text))

    def reword(self, key: AlarmKey, reason: str) -> bool:
        """Replace the reason of an active alarm, without an event; return whether it is active."""
        alarm = self._alarms.get(key)
        if alarm is None or not alarm.active:
            return False
        if alarm.reason != reason:
            self._alarms[key] = self._active[str(key)] = reworded = replace(alarm, reason=reason)
            if key not in self._chatter:
                self._change(reworded)
        return True

    def clear(self, key: AlarmKey, now: Moment, reason: str, value: float | None = None) -> None:
        """End an active alarm. Nobody can acknowledge one yet, so that it comes to rest at once."""
        before = self._active.pop(str(key), None)
        if before is None:
            return
        self._moved.add(str(key))
        alarm = replace(before, active=False, acknowledged=True, since=now.at, reason=reason, value=value)
        self._note(alarm, _event(alarm, _KINDS[alarm.annunciated].over, now, reason))

    def retire(self, key: AlarmKey, now: Moment, reason: str) -> None:
        """End an alarm whose threshold is no more, or is another; whether it chatters or not."""
        self._chatter.drop(key)
        alarm = self._alarms.get(key)
        if alarm is not None and alarm.chattering:
            self._keep(replace(alarm, chattering=False))
            self._change(replace(alarm, chattering=False))
        self.clear(key, now, reason)

    def settle(self, key: AlarmKey) -> None:
        """Bring an alarm of a former run to rest that is over and waits only for an acknowledgement."""
        alarm = self._alarms.get(key)
        if alarm is not None and not alarm.active and alarm.shelved_until is None:
            del self._alarms[key]
            self._change(replace(alarm, acknowledged=True))

    def tick(self, now: Moment) -> None:
        """Record once a minute how often each chattering alarm was raised, and its state when it ends."""
        for told in self._chatter.due(now.seconds):
            alarm = replace(self._alarms[told.key], chattering=told.chatters)
            kinds = _KINDS[alarm.annunciated]
            if told.chatters:
                kind, reason = kinds.often, f"{told.key} was raised {told.raised} times in a minute"
            else:
                kind = kinds.begun if alarm.active else kinds.over
                reason = f"{alarm.reason}; it {kinds.restless} no longer"
            self._keep(alarm)
            self._change(alarm)
            self._events.append(_event(alarm, kind, now, reason))

    def next_seconds(self) -> float:
        """Return the monotonic time at which the next alarm that chatters is told of; infinite where none does."""
        return self._chatter.next_seconds()

    def _note(self, alarm: Alarm, event: AlarmEvent, *, begins: bool = False) -> None:
        """Record a changed alarm; while it chatters the journal is told only how that `begins`."""
        chatters = alarm.key in self._chatter
        if chatters:
            alarm = replace(alarm, chattering=True)
        self._keep(alarm)
        if begins or not chatters:
            self._change(alarm)
            self._events.append(event)

    def _change(self, alarm: Alarm) -> None:
        self._changed[alarm.key, alarm.annunciated] = alarm

    def _keep(self, alarm: Alarm) -> None:
        """Hold an alarm until it is at rest."""
        self._alarms[alarm.key] = alarm
        if alarm.active:
            self._active[str(alarm.key)] = alarm
            self._moved.add(str(alarm.key))
        if alarm.at_rest:
            del self._alarms[alarm.key]

    def take_moved(self) -> set[str]:
        """Return the names of the alarms that were raised or cleared since the last call, of those that chatter too."""
        moved, self._moved = self._moved, set()
        return moved

    def __repr__(self) -> str:
        return f"AlarmRegister({len(self._active)} of {len(self._alarms)} alarms active)"

    def take_changes(self) -> Changes:
        """Return what has changed since the last call."""
        events, self._events = self._events, []
        changed, self._changed = list(self._changed.values()), {}
        return Changes(events, changed)
