"""Plans and actuators, as they account for themselves, as JSON. Times are RFC 3339 in UTC."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from edge_agent.model.time import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.accounts import ActuatorAccount, EvidenceNow, PlanAccount
    from edge_agent.model.remembered import Snapshot
    from edge_agent.ports.observing import Accounts

#: Plans of one piece: about two milliseconds of the loop.
_A_PIECE = 50


def plans_pieces(source: Accounts) -> Iterator[bytes]:
    """Write which plans apply and why, in pieces of a few milliseconds that turns may run between."""
    yield json.dumps(_head(source.outline()), allow_nan=False)[:-1].encode() + b', "plans": ['
    plans, lead = source.plan_accounts(), ""
    while some := list(islice(plans, _A_PIECE)):
        yield (lead + json.dumps([plan_json(plan) for plan in some], allow_nan=False)[1:-1]).encode()
        lead = ", "
    yield b"]}\n"


def why_json(source: Accounts, actuator: str) -> dict[str, Any] | None:
    """Return why an actuator does what it does, and what hinders it; None where there is no such actuator."""
    account = source.actuator_account(actuator)
    return None if account is None else _head(source.outline()) | actuator_json(account)


def _head(outline: Snapshot) -> dict[str, Any]:
    clock = {"sure": outline.clock_sure, "boot": outline.boot}
    head = {"site": outline.site, "agent": outline.agent, "mode": outline.mode, "epoch": outline.epoch}
    return head | {"at": rfc3339(outline.at), "clock": clock}


def plan_json(plan: PlanAccount) -> dict[str, Any]:
    """Turn an account of a plan into plain values."""
    return plan._asdict() | {"evidence": [_seen(one) for one in plan.evidence]}


def actuator_json(account: ActuatorAccount) -> dict[str, Any]:
    """Turn an account of an actuator into plain values."""
    return account._asdict() | {
        "since": None if account.since is None else rfc3339(account.since),
        "until": None if account.until is None else rfc3339(account.until),
        "hindrances": [one._asdict() for one in account.hindrances],
        "requests": [one._asdict() for one in account.requests],
        "plans": [plan_json(plan) for plan in account.plans],
    }


def _seen(one: EvidenceNow) -> dict[str, Any]:
    return one._asdict() | {"enough": one.enough}
