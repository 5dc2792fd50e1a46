"""The explanation of a command, written for the person who must answer for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.model.accounts import READING

if TYPE_CHECKING:
    from collections.abc import Iterator


def tell(found: dict[str, Any]) -> str:
    """Write the chain of one command: reading and flags, alarm, plan, checks, command, acknowledgements."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: dict[str, Any]) -> Iterator[str]:
    command, decision = found["command"], found["decision"]
    value = "" if command["value"] is None else f" {command['value']:g}"
    yield f"Command {command['id']}"
    yield f"  {command['node']}/{command['actuator']} {command['action']}{value}: {command['reason']}"
    for alarm in found["alarms"]:
        yield from _alarm(alarm)
    readings = [check for check in decision["checks"] if check["name"] == READING] if decision is not None else []
    if readings:
        yield "Readings that the plan rests on, as they were then"
        yield from (f"  {check['detail']}" for check in readings)
    if decision is not None:
        yield from _decision(decision)
    yield "Command"
    yield (
        f"  issued {command['issued_at']}, valid until {command['expires_at']}, "
        f"lease {command['lease_seconds']:g} s, epoch {command['epoch']}, counter {command['counter']}"
    )
    for event in found["events"]:
        detail = f": {event['detail']}" if event["detail"] else ""
        yield f"  {event['at']}  {event['state']}{detail}"
    yield f"Outcome: {command['outcome'] or 'still open'} after {_times(command['attempts'])}"


def _alarm(alarm: dict[str, Any]) -> Iterator[str]:
    evidence = alarm["evidence"]
    if evidence is not None:
        seq = "" if evidence["seq"] is None else f", seq {evidence['seq']}"
        tests = ", ".join(f"{test} {flag}" for test, flag in evidence["tests"].items()) or "no test configured"
        yield "Reading"
        yield f"  {evidence['topic']}"
        yield (
            f"  {evidence['value']:g} {evidence['unit']} observed {evidence['observed_at']}, "
            f"received {evidence['received_at']}{seq}"
        )
        yield f"  flag {evidence['flag']} ({tests})"
    yield f"Alarm {alarm['alarm']} ({alarm['priority']})"
    yield f"  {alarm['since']}  {alarm['reason']}"


def _decision(decision: dict[str, Any]) -> Iterator[str]:
    yield f"Plan {decision['plan'] or '(none)'}"
    yield f"  {decision['at']}  {decision['verdict']}: {decision['actuator']} {decision['action']}"
    for check in (check for check in decision["checks"] if check["name"] != READING):
        yield f"  check {check['name']}: {'passed' if check['passed'] else 'not passed'} ({check['detail']})"


def _times(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"
