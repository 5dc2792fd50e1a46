"""What commands may have brought about, or may yet, as long as no report tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.agenda import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator


class Imprint(NamedTuple):
    """The last command that turns equipment on, or off; after `expires` it is carried out no more.

    `heard`: the equipment has reported since it was given, or since it was done.
    """

    command_id: str
    expires: float
    heard: bool = False


class Traces:
    """The traces of one actuator, in monotonic seconds: of the last command for each of on and off.

    One ends with a report where the command was done, else with its expiry too: until then it may come late.
    """

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[bool, Imprint] = {}

    def __repr__(self) -> str:
        return f"<Traces of {', '.join('on' if on else 'off' for on in self._of) or 'nothing'}>"

    def give(self, command_id: str, expires: float, *, on: bool) -> None:
        """Note that a command is given."""
        self._of[on] = Imprint(command_id, expires)

    def carried_out(self, command_id: str) -> None:
        """Note that a command was done: the next report shows what came of it."""
        for on, trace in self._of.items():
            if trace.command_id == command_id:
                self._of[on] = Imprint(command_id, -NEVER)

    def drop(self, command_id: str) -> None:
        """Note that a command was never carried out, and never will be."""
        self._of = {on: trace for on, trace in self._of.items() if trace.command_id != command_id}

    def hear(self) -> None:
        """Note that the equipment has reported."""
        self._of = {on: trace._replace(heard=True) for on, trace in self._of.items() if trace.expires > -NEVER}

    def may_be(self, seconds: float) -> Iterator[bool]:
        """Yield whether commands may have turned the equipment on, or off, or may yet do so."""
        for on, trace in self._of.items():
            if not trace.heard or seconds < trace.expires:
                yield on

    def ends(self) -> Iterator[float]:
        """Yield the monotonic times at which one ends though nothing is heard."""
        for trace in self._of.values():
            if trace.heard:
                yield trace.expires
