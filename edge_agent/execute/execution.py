"""The fourth phase: requests against reported states become commands; their outcomes come back here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.execute import decisions, departure, former, recall, reports, requests
from edge_agent.execute.attention import Attention
from edge_agent.execute.authority import Authority, epoch_of_refusal
from edge_agent.execute.equipment import fulfils
from edge_agent.execute.facts import Executed, Facts, Sighted
from edge_agent.execute.opencommands import REPORTED, OpenCommands
from edge_agent.execute.outcomes import Word
from edge_agent.execute.reach import Reach
from edge_agent.execute.reconciliation import Reconciliation
from edge_agent.execute.roster import Roster
from edge_agent.execute.troubles import Watch
from edge_agent.model.agenda import NEVER
from edge_agent.model.commands import CommandEvent, CommandState, Reported

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edge_agent.execute.control import Control
    from edge_agent.execute.facts import Acknowledged, Leave, ReportedState
    from edge_agent.execute.former import Lost
    from edge_agent.model.alarms import AlarmKey
    from edge_agent.model.commands import Mode, Request
    from edge_agent.model.plant import Plant, Priority
    from edge_agent.model.remembered import Remembered
    from edge_agent.model.time import Moment

#: The wall clock was set where it differs by more from what the monotonic one lets expect.
_STEP_SECONDS = 2.0
_GONE = Word(CommandState.SUPERSEDED, "its actuator is gone from the plant")
_LEASE_OVER = Word(CommandState.EXPIRED, "its actuator's lease is over")


class Executor:
    """Reconciles every actuator of one site, in two steps a turn: what planning must know of first, and all else."""

    def __init__(self, plant: Plant, agent: str, mode: Mode, remembered: Remembered, now: Moment) -> None:
        self.authority = Authority(plant.site, agent, mode, remembered.epoch)
        self.roster = Roster(plant.actuators, now)
        self._attention = Attention(self.roster)
        self.open_commands = OpenCommands(self._attention)
        self.reach = Reach()
        self.reconciliation = Reconciliation(self.authority, self.reach, self.roster, self.open_commands)
        self._watch = Watch()
        self._offset, self._sure = now.offset, now.sure
        self._lost: Lost | None = former.recalled(remembered, self.roster, self.open_commands, self.authority, now)
        self._attention.begin()

    def __repr__(self) -> str:
        return f"<Executor: {self.authority}, {self.roster}, {self.open_commands}>"

    def next_seconds(self) -> float:
        """Return the monotonic time at which something changes though nothing happens; infinite where nothing does."""
        leaving = min((each.until_seconds for each in self.roster.leaving.values()), default=NEVER)
        return min(self._attention.next_seconds(), self.open_commands.next_seconds(), leaving)

    @property
    def conditions(self) -> Mapping[AlarmKey, tuple[Priority, str]]:
        """What is wrong with actuators, by alarm."""
        return self._watch.found

    @property
    def epoch(self) -> int:
        """The epoch of the agent."""
        return self.authority.epoch

    @property
    def mode(self) -> Mode:
        """Whether plans command, advise, or have no say."""
        return self.authority.mode

    def renew(self, plant: Plant, now: Moment) -> Executed:
        """Go on with a changed plant. An actuator that is gone is first stopped, unless it is known to rest."""
        executed = Executed()
        gone = self.roster.renew(plant, now)
        self.open_commands.hand_over(self.roster)
        for control in gone:
            if self._commands(control) and not control.at_rest:
                self.roster.leave(control, now)
            else:
                self._let_go(control, _GONE, executed, now)
        self.reach.keep({*plant.nodes, *(control.actuator.node for control in self.roster)})
        self._attention.begin()
        self.reconciliation.begin()
        self._watch.keep(self.roster)
        return executed

    def _let_go(self, control: Control, word: Word, executed: Executed, now: Moment) -> None:
        self.open_commands.close(control, word, executed, now)
        self.roster.let_go(control.actuator.name)
        self._watch.keep(self.roster)
        executed.memories.append(departure.forgotten(control.actuator.name))

    # The first step: what planning must know of -----------------------------------------------------------------

    def observe(self, sighted: Sighted, now: Moment) -> None:
        """Note which nodes are there, and what people ask for."""
        for node, online in sighted.statuses:
            self._note_status(node, now, online=online)
        for operation in sighted.operations:
            control = self.roster.plant.get(operation.target)
            if control is not None:
                requests.release(control, now, reset=operation.operation == "reset")
                self._attention.stir(control)

    def _note_status(self, node: str, now: Moment, *, online: bool) -> None:
        """Note whether a node is there. What it reports when it comes back is no hand's doing."""
        before = self.reach.note(node, now.seconds, online=online)
        if online is before:
            return
        for control in self.roster.of(node):
            self._attention.stir(control)
            if not online:
                control.gone()
            elif before is False:
                control.returned(now)

    def doing(self, request: Request) -> bool | None:
        """Return whether the equipment reports, in this run, doing what is asked; None where it has not reported."""
        reported = self.roster.plant[request.actuator].reported
        return None if reported is None else fulfils(request.action, request.value, reported)

    def identity(self, actuator: str, said: str) -> str:
        """Return the id of the command that a node speaks of: a device may answer by its counter."""
        return self.open_commands.identity(actuator, said)

    # The second step: what is decided ---------------------------------------------------------------------------

    def act(self, facts: Facts, now: Moment) -> Executed:
        """Note all that has come, and give every command that is needed and may be given."""
        executed = Executed()
        requests.judge(self.roster.plant, facts.failures, facts.proven)
        for request in facts.requests:
            self._request(request, facts.leave, executed, now)
        if facts.epochs or facts.links:
            self._note_authority(facts, executed, now)
        self.authority.clocks.hear(facts.ahead, now)
        if facts.acknowledgements or facts.states or facts.dispatches:
            self._hear(facts, executed, now)
        for breaker in facts.breakers:
            self.reach.note_breaker(breaker.node, breaker.state)
            self._attention.stir(*self.roster.of(breaker.node))
            if breaker.state != "open":
                self._awake(self.roster.of(breaker.node), now)
        self._heed_clock(now)
        self.open_commands.expire(executed, now)
        if self.roster.leaving:
            self._see_off(executed, now)
        if self._lost is not None:
            former.tell(self._lost, executed, now)
            self._lost = None
        self._look(facts.leave, executed, now)
        return executed

    def _look(self, leave: Leave, executed: Executed, now: Moment) -> None:
        """Look at those actuators that something happened to, or whose time has come; the others are as they were."""
        # What becomes of the one command is what the others of its node wait for.
        trying = (control for node in self.reach.trying for control in self.roster.of(node))
        waiting, barred = self.reconciliation.gate.waiting(self._attention.stirred), self.reconciliation.barred
        self._attention.stir(*self.reconciliation.blind, *trying, *waiting, *self.roster.among(leave.stirred, barred))
        looked = self._attention.take(now.seconds)
        if barred:
            partners = (name for each in looked for name in leave.partners(each.actuator.name))
            looked = self.roster.in_order({*looked, *self.roster.among(partners, barred)})
        if not looked and not self._watch.has_news:
            return
        commanded = [control for control in looked if self._commands(control)]
        held_until = self.reconciliation.run(commanded, leave, executed, now)
        executed.conditions = self._watch.look(looked, self.roster, now)
        executed.looked = [control.actuator.name for control in looked]
        for control in looked:
            if control.changed or now.seconds >= control.runs.due_seconds:
                executed.memories.append(recall.memory(control, now))
                control.runs.tell(now.seconds)
                control.changed = False
            self._attention.looked(control, held_until.get(control, NEVER), now)

    def _request(self, request: Request, leave: Leave, executed: Executed, now: Moment) -> None:
        """Put a request of a plan in force, as far as the mode lets plans have a say."""
        control = self.roster.plant.get(request.actuator)
        if control is None:
            return
        if self._commands(control):
            requests.stand(control, request, now)
            self._attention.stir(control)
        else:
            self._only_record(control, request, leave, executed, now)

    def _commands(self, control: Control) -> bool:
        """Whether an actuator is commanded: by the mode, and unless nobody would end what was begun."""
        wiring = control.actuator.wiring
        return self.authority.commands and not (wiring is not None and wiring.advises_only)

    def _only_record(self, control: Control, request: Request, leave: Leave, executed: Executed, now: Moment) -> None:
        """Record what would have been done, and do nothing."""
        checks = self.reconciliation.gate.checks(control, request, leave, now)
        advises = self.authority.commands or self.authority.mode == "advisory"
        if not control.held_back.is_news(request, frozenset({self.authority.mode}), now.seconds):
            return
        if not advises:
            executed.decisions.append(decisions.held(request, request.reason, checks, now))
            return
        command = self.authority.command(control.actuator, request, request.reason, now)
        why = "its device has no lease" if self.authority.commands else "advisory mode"
        executed.commands.append(command)
        executed.events.append(CommandEvent(command.id, CommandState.ADVISED, now.at, 0, why))
        executed.decisions.append(decisions.advised(request, command, checks, now))

    def _note_authority(self, facts: Facts, executed: Executed, now: Moment) -> None:
        """Note that an epoch was begun by another, and that the broker came or went."""
        for begun in facts.epochs:
            if self.authority.rise(begun.epoch):
                executed.epoch = self.authority.epoch
                self._awake(self.roster, now)
        for link in facts.links:
            if link.connected and not self.reach.linked:
                self._awake(self.roster, now)
            self.reach.linked = link.connected
        self._attention.stir(*self.roster)

    def _awake(self, controls: Iterable[Control], now: Moment) -> None:
        """Allow what was missed to be asked at once."""
        for control in controls:
            control.awake(now)
            self._attention.stir(control)

    def _hear(self, facts: Facts, executed: Executed, now: Moment) -> None:
        """Note what nodes say. Their word comes before our despair of it: after a stall both may lie in one inbox."""
        for ack in facts.acknowledgements:
            if ack.status in ("accepted", "done") and ack.command_id not in self.open_commands:
                reports.overhear(self.roster[ack.actuator], ack.command_id, now)
                self._attention.stir(self.roster[ack.actuator])
        for told in facts.states:
            self._report(told, executed, now)
        for report in facts.dispatches:
            if report.state == "published":
                self.open_commands.note_dispatch(report, executed, now)
        self._note_proofs(facts, executed, now)
        for place, ack in enumerate(facts.acknowledgements):
            if self.open_commands.concerns(ack.command_id, ack.actuator):
                self._acknowledge(ack, executed, now)
            else:
                executed.foreign.append(place)
        for report in facts.dispatches:
            if report.state != "published":
                self.open_commands.note_dispatch(report, executed, now)

    def _note_proofs(self, facts: Facts, executed: Executed, now: Moment) -> None:
        """Close the commands of devices whose state is their only word."""
        for told in facts.states:
            control = self.roster[told.actuator]
            if reports.proves(control):
                self.open_commands.close(control, REPORTED, executed, now)

    def _report(self, told: ReportedState, executed: Executed, now: Moment) -> None:
        """Note what an actuator says it does. It settles a command that was open when a former run ended."""
        control = self.roster[told.actuator]
        self._attention.stir(control)
        if reports.hear(control, Reported(told.state, told.value, now.at, told.local), now) is not None:
            self.open_commands.close(control, REPORTED, executed, now)

    def _acknowledge(self, ack: Acknowledged, executed: Executed, now: Moment) -> None:
        """Note a node's word on a command. A second one, or one on an unknown command, changes nothing."""
        state, open_command = CommandState(ack.status), self.open_commands.find(ack.command_id)
        if open_command is None:
            return
        if state is not CommandState.ACCEPTED:
            # It was published, though the broker's word on that is still on its way.
            open_command.record.attempts = max(open_command.record.attempts, 1)
        self.open_commands.advance(open_command, Word(state, ack.detail, by_node=True), executed, now)
        if state is CommandState.REJECTED:
            epoch = open_command.record.command.epoch
            executed.refused_epoch = epoch_of_refusal(epoch, ack.detail.lower(), executed.refused_epoch)

    def _heed_clock(self, now: Moment) -> None:
        """Where the wall clock was set, ask at once for what was missed: an expiry may have been why.

        What is remembered is dated anew then, and when the clock becomes sure: the next boot has nothing else.
        """
        stepped = abs(now.offset - self._offset) > _STEP_SECONDS
        if stepped:
            self._awake(self.roster, now)
        if stepped or now.sure is not self._sure:
            for control in self.roster:
                control.changed = True
            self._attention.stir(*self.roster)
        self._offset, self._sure = now.offset, now.sure

    def _see_off(self, executed: Executed, now: Moment) -> None:
        """Drop the actuators that have left the plant and rest, or whose lease is over."""
        for leaving in [each for each in self.roster.leaving.values() if each.over(now.seconds)]:
            if not leaving.control.at_rest:
                executed.decisions.append(departure.unconfirmed(leaving, now))
            self._let_go(leaving.control, _LEASE_OVER, executed, now)
