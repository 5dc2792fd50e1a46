"""What equipment may do now, and will do once a command is carried out: unknown where nobody can be sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute.equipment import fulfils, reported_on, turns_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.execute.control import Control
    from edge_agent.model.commands import Request

_EITHER = frozenset({True, False})


def after(request: Request) -> dict[str, bool]:
    """Return how equipment is, by the words of conditions, that does what is requested."""
    return words(on=turns_on(request.action, request.value))


def words(*, on: bool) -> dict[str, bool]:
    """Return what is said of equipment that runs, or is open, and what of such as does not."""
    return {"running": on, "open": on, "stopped": not on, "closed": not on}


def prospect(control: Control, seconds: float, *, there: bool) -> bool | None:
    """Return whether equipment runs, or is open; None where it may be either. `there`: its node is not offline.

    What it has reported in this run counts together with all that may have changed it since: an open command, one
    that was overtaken, and one whose outcome nobody has heard.
    """
    may_be = frozenset(_may_be(control, seconds)) if there and not control.causes.node_away else _EITHER
    return next(iter(may_be)) if len(may_be) == 1 else None


def _may_be(control: Control, seconds: float) -> Iterator[bool]:
    on = None if control.reported is None else reported_on(control.reported.state)
    yield from _EITHER if on is None else (on,)
    if control.record is not None:
        yield turns_on(control.record.command.action, control.record.command.value)
    yield from control.traces.may_be(seconds)


def begins(control: Control, *, there: bool) -> bool:
    """Whether a command for anything but the fail-safe action would begin something.

    It does unless the equipment is known to have left its fail-safe state already.
    """
    if control.reported is None or not there or control.causes.node_away:
        return True
    return fulfils(control.actuator.fail_safe, None, control.reported) is not False
