"""What one actuator can say for itself: what hinders its request now, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute.panel import Hand
from edge_agent.model.accounts import Hindrance
from edge_agent.model.agenda import NEVER
from edge_agent.model.desired import Desired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.execute.control import Control
    from edge_agent.execute.execution import Executor
    from edge_agent.execute.facts import Leave
    from edge_agent.model.time import Instant, Moment

#: Where a request stands while checks, or a pause, may keep it from being commanded.
_WAITS = frozenset({Desired.HELD, Desired.MISSED, Desired.CONTRADICTED})


def hindrances(executor: Executor, control: Control, leave: Leave, now: Moment) -> Iterator[Hindrance]:
    """Yield what keeps the request of an actuator from being carried out now."""
    wiring = control.actuator.wiring
    if executor.mode != "auto":
        yield Hindrance("mode", f"{executor.mode}: plans command nothing")
    if wiring is not None and wiring.advises_only:
        yield Hindrance("lease", "nobody would end what was begun: the agent only advises")
    if control.state is Desired.SUSPENDED:
        yield Hindrance("hand", _hand(control))
    elif control.state is Desired.LOCKED_OUT:
        failures = control.lock_out.failures
        yield Hindrance("lock_out", f"it has failed {failures} times; until a person resets it: {control.lock_out.why}")
    if control.desired is None or control.state not in _WAITS:
        return
    if not control.safe and leave.unsure(control.actuator.name):
        yield Hindrance("evidence", "nothing but the fail-safe action before there is new evidence")
    for check in executor.reconciliation.gate.checks(control, control.desired, leave, now):
        if not check.passed and check.name != "mode":
            yield Hindrance(check.name, check.detail)
    if control.pace.due_seconds > now.seconds and control.state is not Desired.HELD:
        missed = control.lock_out.why or "the last command was not carried out"
        yield Hindrance("pause", f"{missed}: once more in {control.pace.due_seconds - now.seconds:.0f} s")


def _hand(control: Control) -> str:
    if control.panel.hand is Hand.LOCAL:
        return "it is in local: its panel has it"
    return "it was switched at its panel: it is left alone until a person releases it"


def free_at(executor: Executor, control: Control, now: Moment) -> Instant | None:
    """Return when at the earliest time alone may end what hinders; None where it ends nothing."""
    if control.desired is None or control.state not in _WAITS:
        return None
    times = [executor.reconciliation.gate.free_seconds(control, control.desired, now)]
    if control.state is not Desired.HELD:
        times.append(control.pace.due_seconds)
    at = min((time for time in times if time > now.seconds), default=NEVER)
    return None if at == NEVER else now.at_seconds(at)
