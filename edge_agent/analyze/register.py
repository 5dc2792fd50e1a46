"""The alarm register: what is active or unacknowledged, and the journal of what changed in this turn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edge_agent.model.alarms import Alarm, AlarmEvent, AlarmEventKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.model.alarms import AlarmKey, Evidence
    from edge_agent.model.plant import Priority
    from edge_agent.model.time import Instant


class AlarmRegister:
    """Holds every alarm that is not at rest, by its name, and collects events until they are taken."""

    def __init__(self, remembered: Iterable[Alarm]) -> None:
        self._alarms: dict[AlarmKey, Alarm] = {alarm.key: alarm for alarm in remembered}
        self._active: dict[str, Alarm] = {str(a.key): a for a in self._alarms.values() if a.active}
        self._events: list[AlarmEvent] = []
        self._changed: dict[AlarmKey, Alarm] = {}

    @property
    def active(self) -> Mapping[str, Alarm]:
        """The active alarms by name. A live view: read it, do not keep it."""
        return self._active

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Every alarm that is not at rest."""
        return tuple(self._alarms.values())

    def is_active(self, key: AlarmKey) -> bool:
        """Whether an alarm is active."""
        alarm = self._alarms.get(key)
        return alarm is not None and alarm.active

    def raise_(
        self,
        key: AlarmKey,
        priority: Priority,
        at: Instant,
        reason: str,
        *,
        limit: float | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        """Make an alarm active and unacknowledged."""
        value, unit = (evidence.value, evidence.unit) if evidence else (None, None)
        before = self._alarms.get(key)
        alarm = Alarm(
            key,
            priority,
            True,
            False,
            at,
            reason,
            value,
            limit,
            unit,
            before.shelved_until if before else None,
            evidence,
        )
        self._active[str(key)] = alarm
        self._note(alarm, AlarmEvent(key, AlarmEventKind.RAISED, at, value, "agent", reason))

    def reword(self, key: AlarmKey, reason: str) -> bool:
        """Give an active alarm a better reason, without an event; return whether it is active."""
        alarm = self._alarms.get(key)
        if alarm is None or not alarm.active:
            return False
        if alarm.reason != reason:
            self._alarms[key] = self._active[str(key)] = self._changed[key] = replace(alarm, reason=reason)
        return True

    def clear(self, key: AlarmKey, at: Instant, reason: str, value: float | None = None) -> None:
        """End an active alarm. Nobody can acknowledge one yet, so that it comes to rest at once."""
        before = self._active.pop(str(key), None)
        if before is None:
            return
        alarm = replace(before, active=False, acknowledged=True, since=at, reason=reason, value=value)
        self._note(alarm, AlarmEvent(key, AlarmEventKind.CLEARED, at, value, "agent", reason))

    def settle(self, key: AlarmKey) -> None:
        """Bring an alarm of a former run to rest that is over and waits only for an acknowledgement."""
        alarm = self._alarms.get(key)
        if alarm is not None and not alarm.active and alarm.shelved_until is None:
            del self._alarms[key]
            self._changed[key] = replace(alarm, acknowledged=True)

    def _note(self, alarm: Alarm, event: AlarmEvent) -> None:
        self._alarms[alarm.key] = alarm
        if not alarm.active and alarm.acknowledged and alarm.shelved_until is None:
            del self._alarms[alarm.key]
        self._changed[alarm.key] = alarm
        self._events.append(event)

    def take_changes(self) -> tuple[list[AlarmEvent], list[Alarm]]:
        """Hand over the events since the last call, and the present state of every alarm they changed."""
        events, self._events = self._events, []
        changed, self._changed = list(self._changed.values()), {}
        return events, changed
