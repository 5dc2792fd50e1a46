"""The open commands: each is followed from its decision to its outcome, and closed when nobody will hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_agent.execute import outcomes
from edge_agent.execute.outcomes import Word
from edge_agent.model.agenda import NEVER
from edge_agent.model.commands import CommandEvent, CommandState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.execute.attention import Attention
    from edge_agent.execute.control import Control
    from edge_agent.execute.facts import Executed
    from edge_agent.execute.roster import Roster
    from edge_agent.model.commands import CommandRecord
    from edge_agent.model.inbox import DispatchReport
    from edge_agent.model.time import Moment

#: A command may be done without its node having said so.
REPORTED = Word(CommandState.DONE, "the equipment reports it")
#: A node that has accepted a fail-safe action and does not end it is asked again after so long, or twice its timeout.
ACCEPTED_SECONDS = 10.0


class OpenCommand(NamedTuple):
    """A command whose outcome is unknown. Its expiry stands on the monotonic scale: the wall clock may jump."""

    control: Control
    record: CommandRecord
    expires_seconds: float

    @property
    def proven(self) -> bool:
        """Whether the equipment reports that it was carried out."""
        return self.record is self.control.record and self.control.newest.proven(self.control.reported)

    @property
    def over_seconds(self) -> float:
        """When nobody will hear of it any more.

        An acknowledgement may come a timeout after the expiry; a node that accepted has the length of the lease, or
        little more than its timeout, and the ramp, where it is to do what is safe.
        """
        actuator = self.control.actuator
        if self.record.state is not CommandState.ACCEPTED:
            return self.expires_seconds + actuator.ack_timeout_seconds
        if self.record.command.action != actuator.fail_safe:
            return self.expires_seconds + actuator.lease_seconds
        given_seconds = self.expires_seconds - actuator.command_ttl_seconds
        return given_seconds + actuator.ramp_seconds + max(ACCEPTED_SECONDS, 2 * actuator.ack_timeout_seconds)


class OpenCommands:
    """The open commands of a site by id."""

    def __init__(self, attention: Attention) -> None:
        self._attention = attention
        self._open: dict[str, OpenCommand] = {}
        self._next = NEVER  # none is over before

    def __repr__(self) -> str:
        return f"<OpenCommands: {len(self._open)} open>"

    def __contains__(self, command_id: str) -> bool:
        return command_id in self._open

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def __len__(self) -> int:
        return len(self._open)

    def find(self, command_id: str) -> OpenCommand | None:
        """Return an open command."""
        return self._open.get(command_id)

    def follow(self, control: Control, record: CommandRecord, expires_seconds: float) -> None:
        """Follow a command from now on."""
        open_command = self._open[record.command.id] = OpenCommand(control, record, expires_seconds)
        self._next = min(self._next, open_command.over_seconds)

    def resume(self, control: Control, record: CommandRecord, now: Moment) -> None:
        """Follow a command of a former run.

        It has no longer than it ever had, whatever the clock; all of that where nobody can tell how much has passed.
        """
        most = now.seconds + control.actuator.command_ttl_seconds
        self.follow(control, record, min(now.seconds_at(record.command.expires_at), most) if now.sure else most)

    def hand_over(self, roster: Roster) -> None:
        """Go on with the controls of a changed plant."""
        for identity, open_command in self._open.items():
            heir = roster.plant.get(open_command.control.actuator.name)
            if heir is not None:
                self._open[identity] = open_command._replace(control=heir)
        self._next = -NEVER  # the times of its actuator may be others

    def identity(self, actuator: str, said: str) -> str:
        """Return the id of the open command whose counter a device has said; what it said where there is none."""
        for identity, open_command in self._open.items():
            known = open_command.control.actuator
            counter = str(open_command.record.command.counter)
            if known.wiring is not None and (known.name, counter) == (actuator, said):
                return identity
        return said

    def concerns(self, command_id: str, actuator: str) -> bool:
        """Whether an actuator may speak of a command: not of another's that is open."""
        open_command = self._open.get(command_id)
        return open_command is None or open_command.control.actuator.name == actuator

    def advance(self, open_command: OpenCommand, word: Word, executed: Executed, now: Moment) -> None:
        """Move a command on in its life, where that is a legal step."""
        record = open_command.record
        if outcomes.advance(open_command.control, record, word, now):
            self._attention.stir(open_command.control)
            self._next = min(self._next, open_command.over_seconds)
            executed.events.append(event(record, word.detail, now))
            if not record.open:
                del self._open[record.command.id]

    def close(self, control: Control, word: Word, executed: Executed, now: Moment) -> None:
        """Close the open command of an actuator, where it has one."""
        open_command = None if control.record is None else self._open.get(control.record.command.id)
        if open_command is not None:
            self.advance(open_command, word, executed, now)

    def note_dispatch(self, report: DispatchReport, executed: Executed, now: Moment) -> None:
        """Note the fate of one attempt to dispatch a command. What a node has accepted was delivered."""
        open_command = self._open.get(report.command_id)
        if open_command is None:
            return
        record = open_command.record
        if report.state == "published":
            record.attempts += 1
            if record.state is not CommandState.DECIDED:  # a further attempt, or the node was faster than the broker
                executed.events.append(event(record, report.detail, now))
                return
        elif record.state is CommandState.ACCEPTED:
            return
        if record.attempts and open_command.proven:
            self.advance(open_command, REPORTED, executed, now)
        else:
            self.advance(open_command, Word(CommandState(report.state), report.detail), executed, now)

    def expire(self, executed: Executed, now: Moment) -> None:
        """Close the commands that nobody will hear of any more."""
        if now.seconds <= self._next:
            return
        for open_command in [each for each in self._open.values() if now.seconds > each.over_seconds]:
            if open_command.proven:
                self.advance(open_command, REPORTED, executed, now)
                continue
            accepted = open_command.record.state is CommandState.ACCEPTED
            detail = "accepted, but never done" if accepted else "nothing was heard of it"
            self.advance(open_command, Word(CommandState.EXPIRED, detail), executed, now)
        self._next = min((each.over_seconds for each in self._open.values()), default=NEVER)

    def next_seconds(self) -> float:
        """Return the monotonic time after which one may be over; infinite where none is open."""
        return self._next if self._open else NEVER


def event(record: CommandRecord, detail: str, now: Moment) -> CommandEvent:
    """Return the event of a command's present state."""
    return CommandEvent(record.command.id, record.state, now.at, record.attempts, detail)
