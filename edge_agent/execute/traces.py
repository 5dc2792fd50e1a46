"""What commands may have brought about, or may yet, as long as no report tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.agenda import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator


class Imprint(NamedTuple):
    """A command that turns equipment on, or off; after `expires` it is carried out no more.

    `heard`: the equipment has reported since it was given, or since it was done.
    """

    command_id: str
    expires: float
    heard: bool = False


class Traces:
    """The traces of one actuator, in monotonic seconds: for each of on and off of the last command, and of all before.

    One ends with a report where the command was done, else with its expiry too: until then it may come late.
    """

    __slots__ = ("_of",)

    def __init__(self) -> None:
        self._of: dict[bool, tuple[Imprint, ...]] = {}

    def __repr__(self) -> str:
        return f"<Traces of {', '.join('on' if on else 'off' for on, those in self._of.items() if those) or 'nothing'}>"

    def give(self, command_id: str, expires: float, *, on: bool) -> None:
        """Note that a command is given; those before it may still be carried out."""
        before = self._of.get(on, ())
        former = (
            (Imprint("", max(each.expires for each in before), all(each.heard for each in before)),) if before else ()
        )
        self._of[on] = (*former, Imprint(command_id, expires))

    def carried_out(self, command_id: str) -> None:
        """Note that a command was done: the next report shows what came of it."""
        self._of = {
            on: tuple(Imprint(command_id, -NEVER) if each.command_id == command_id else each for each in those)
            for on, those in self._of.items()
        }

    def drop(self, command_id: str) -> None:
        """Note that a command was never carried out, and never will be."""
        self._of = {on: tuple(e for e in those if e.command_id != command_id) for on, those in self._of.items()}

    def hear(self, seconds: float) -> None:
        """Note that the equipment has reported."""
        self._of = {
            on: tuple(each._replace(heard=True) for each in those if each.expires > seconds)
            for on, those in self._of.items()
        }

    def may_be(self, seconds: float) -> Iterator[bool]:
        """Yield whether commands may have turned the equipment on, or off, or may yet do so."""
        for on, those in self._of.items():
            if any(not each.heard or seconds < each.expires for each in those):
                yield on

    def ends(self) -> Iterator[float]:
        """Yield the monotonic times at which one ends though nothing is heard."""
        for those in self._of.values():
            yield from (each.expires for each in those if each.heard)
