"""What the store holds, as flat records for `export` and as a chain for `explain`. Times become RFC 3339 in UTC."""

from __future__ import annotations

import base64
import codecs
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from edge_agent.model.quality import flag_name
from edge_agent.model.readings import KEPT_PAYLOAD_BYTES
from edge_agent.model.time import rfc3339
from edge_agent.monitor.tests.registry import LAYOUT

if TYPE_CHECKING:
    from edge_agent.model.alarms import Alarm, AlarmEvent, Evidence
    from edge_agent.model.commands import Check, CommandEvent, CommandRecord, Decision
    from edge_agent.model.readings import DeadLetter
    from edge_agent.model.remembered import StoredReading
    from edge_agent.model.time import Instant

    Record = dict[str, Any]


def reading_record(reading: StoredReading, unit: str) -> Record:
    """Flatten a reading: node, sensor, value, unit, flag, tests (by name), observed_at, received_at, seq."""
    return {
        "node": reading.node,
        "sensor": reading.sensor,
        "value": reading.value,
        "unit": unit,
        "flag": flag_name(reading.flag),
        "tests": LAYOUT.unpack(reading.tests),
        "observed_at": rfc3339(reading.observed_at),
        "received_at": rfc3339(reading.received_at),
        "seq": reading.seq,
    }


def alarm_event_record(event: AlarmEvent) -> Record:
    """Flatten an entry of the alarm journal: node, sensor, threshold, event, at, value, by, reason."""
    return {
        "node": event.key.node,
        "sensor": event.key.sensor,
        "threshold": event.key.threshold,
        "event": str(event.event),
        "at": rfc3339(event.at),
        "value": event.value,
        "by": event.by,
        "reason": event.reason,
    }


def command_record(record: CommandRecord) -> Record:
    """Flatten a command: its members as they go out, then outcome (null while it is open), attempts, closed_at."""
    command = record.command
    members = {field.name: getattr(command, field.name) for field in fields(command)}
    return members | {
        "issued_at": rfc3339(command.issued_at),
        "expires_at": rfc3339(command.expires_at),
        "outcome": None if record.open else str(record.state),
        "attempts": record.attempts,
        "closed_at": _time(record.closed_at),
    }


def dead_letter_record(letter: DeadLetter) -> Record:
    """Flatten a dead letter: reason, topic, payload, received_at; `encoding` where the payload is base64."""
    record: Record = {"reason": letter.reason, "topic": letter.topic}
    try:
        record["payload"] = _as_text(letter.payload)
    except UnicodeDecodeError:
        record |= {"payload": base64.b64encode(letter.payload).decode("ascii"), "encoding": "base64"}
    record["received_at"] = rfc3339(letter.received_at)
    return record


def alarm_record(alarm: Alarm) -> Record:
    """Tell the state of an alarm with the reading that decided it."""
    return alarm.facts() | {"evidence": _evidence_record(alarm.evidence) if alarm.evidence else None}


def check_record(check: Check) -> Record:
    """Tell one thing that was looked at before a command."""
    return check._asdict()


def command_event_record(event: CommandEvent) -> Record:
    """Tell one step of a command's life."""
    return {"state": str(event.state), "at": rfc3339(event.at), "attempts": event.attempts, "detail": event.detail}


def decision_record(decision: Decision) -> Record:
    """Tell a decision with its checks; its alarms stand beside it in the chain."""
    return {
        "at": rfc3339(decision.at),
        "actuator": decision.actuator,
        "action": decision.action,
        "value": decision.value,
        "plan": decision.plan,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "checks": [check_record(check) for check in decision.checks],
    }


def explanation(
    alarms: list[Record], decision: Record | None, command: CommandRecord, events: list[CommandEvent]
) -> Record:
    """Join the chain of one command, in the order in which it came to be."""
    return {
        "alarms": alarms,
        "decision": decision,
        "command": command_record(command),
        "events": [command_event_record(event) for event in events],
    }


def _evidence_record(evidence: Evidence) -> Record:
    return {
        "topic": evidence.topic,
        "value": evidence.value,
        "unit": evidence.unit,
        "flag": evidence.flag,
        "tests": dict(evidence.tests),
        "observed_at": rfc3339(evidence.observed_at),
        "received_at": rfc3339(evidence.received_at),
        "seq": evidence.seq,
    }


def _as_text(payload: bytes) -> str:
    # The cut of a long payload may go through a character: that one is left out, the rest is still text.
    whole = len(payload) < KEPT_PAYLOAD_BYTES
    return codecs.getincrementaldecoder("utf-8")().decode(payload, final=whole)


def _time(at: Instant | None) -> str | None:
    return None if at is None else rfc3339(at)
