"""The newest command of an actuator: its record while it is open, and what reports of the equipment prove of it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from edge_agent.execute.equipment import fulfils, turns_on

if TYPE_CHECKING:
    from edge_agent.model.commands import CommandRecord, Reported, Request

    What = tuple[str, float | None]


class Run(Enum):
    """Which run of the agent has given a command."""

    OWN = "own"
    FORMER = "former"


class Report(Enum):
    """Whether the equipment has reported since the command was given."""

    AWAITED = "awaited"
    HEARD = "heard"


class NewestCommand:
    """The command that was given last. `id` stays when it is closed; `done` is what it asked, where that was done."""

    def __init__(self) -> None:
        self.record: CommandRecord | None = None
        self.id = ""
        self.done: What | None = None
        self._run = Run.OWN
        self._report = Report.AWAITED
        self._did_otherwise = False  # before it: if the equipment does what was commanded, the command is why

    def __repr__(self) -> str:
        state = "closed" if self.record is None else self.record.state
        return f"<NewestCommand {self.id or 'none'}: {state}, report {self._report.value}>"

    def give(self, record: CommandRecord, reported: Reported | None) -> None:
        """Note that a command is given, and what the equipment reported before."""
        command = record.command
        self._did_otherwise = reported is None or fulfils(command.action, command.value, reported) is False
        self.record, self.id, self.done = record, command.id, None
        self._run, self._report = Run.OWN, Report.AWAITED

    def resume(self, record: CommandRecord) -> None:
        """Resume an open command of a former run."""
        self.record, self.id = record, record.command.id
        self._run, self._did_otherwise = Run.FORMER, True

    def hear(self) -> None:
        """Note that the equipment has reported."""
        self._report = Report.HEARD

    def close(self, *, done: bool) -> None:
        """Note that the command is open no more."""
        if self.record is not None:
            self.done = self._what if done else None
        self.record = None

    @property
    def _what(self) -> What | None:
        return None if self.record is None else (self.record.command.action, self.record.command.value)

    def asks_for(self, request: Request | None) -> bool:
        """Whether the open command asks for what is requested."""
        return request is not None and self._what == (request.action, request.value)

    def explains(self, request: Request | None, *, on: bool) -> bool:
        """Whether the equipment went on, or off, because of it: it asks so, or has not been reported on since."""
        if self.record is not None and on is turns_on(self.record.command.action, self.record.command.value):
            return True
        return request is not None and self._report is Report.AWAITED and on is turns_on(request.action, request.value)

    def proven(self, reported: Reported | None) -> bool:
        """Whether the equipment's own report tells that it was carried out, whatever became of its acknowledgement."""
        if self.record is None or reported is None or not self._did_otherwise or self._report is Report.AWAITED:
            return False
        return fulfils(self.record.command.action, self.record.command.value, reported) is True

    @property
    def is_of_a_former_run(self) -> bool:
        """Whether a former run has given it."""
        return self._run is Run.FORMER
