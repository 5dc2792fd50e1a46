"""Groups and sequences in force: what plans ask of them becomes what is asked of their actuators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.model.agenda import NEVER
from edge_agent.model.plant import Step
from edge_agent.model.remembered import GroupMemory
from edge_agent.plan.claims import Through
from edge_agent.plan.conditions.circumstances import Circumstances
from edge_agent.plan.conditions.meaning import alarms, compiled, named
from edge_agent.plan.members import asked, failing_reason, lost_reason, of_any, of_legs, of_sequence
from edge_agent.plan.passage import Passage, Sightings
from edge_agent.plan.provisions.groups import Group
from edge_agent.plan.provisions.registry import provisions_of
from edge_agent.plan.provisions.sequences import StepSequence
from edge_agent.plan.rota import Rota
from edge_agent.plan.steps import switch
from edge_agent.plan.targets import ON, is_compound, is_group, is_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from edge_agent.model.commands import Request
    from edge_agent.model.plant import Provision
    from edge_agent.plan.claims import Claim
    from edge_agent.plan.interlocks.guard import Stop
    from edge_agent.plan.members import Vicinity
    from edge_agent.plan.rota import Member
    from edge_agent.plan.scene import Find
    from edge_agent.plan.standing import Standing, Station


class Compounds:
    """The groups and sequences of one policy, with their states, and what they ask of their actuators now."""

    def __init__(self) -> None:
        self.rotas: dict[str, Rota] = {}  # by `group NAME`
        self.passages: dict[str, Passage] = {}  # by `sequence NAME`
        self.through: dict[str, Through] = {}  # by actuator, and by the sequences in groups
        self.outranked: dict[str, str] = {}  # by actuator of a sequence: who holds it against that
        self._using: dict[str, list[str]] = {}  # by actuator or sequence: what it is in, the inner first
        self._since: dict[str, dict[str, float]] = {}  # by sequence: since when what has to last lasts
        self._named: dict[str, list[str]] = {}  # by sensor, node or alarm: the sequences whose proofs are of it
        self.failures: dict[str, str] = {}  # why an actuator is not used, or a sequence is not on, by actuator
        self._seen: dict[str, Member] = {}
        self._stirred: set[str] = set()
        self._due_seconds = NEVER

    def __bool__(self) -> bool:
        return bool(self.rotas or self.passages)

    def __contains__(self, target: str) -> bool:
        return target in self.rotas or target in self.passages

    def __repr__(self) -> str:
        return f"<Compounds: {len(self.rotas)} groups, {len(self.passages)} sequences>"

    def survey(self, provisions: Iterable[Provision]) -> None:
        """Go on with other provisions; those that stay the same keep their state, and a changed group its members'."""
        provisions = tuple(provisions)
        rotas, passages = self.rotas, self.passages
        self.through.clear()
        self.outranked.clear()
        self.rotas, self.passages, self._using, self._named = {}, {}, {}, {}
        for name, group in provisions_of(Group, provisions).items():
            rota = self.rotas[f"group {name}"] = _succeeded(rotas.get(f"group {name}"), group)
            for member in rota.group.members:
                self._using.setdefault(member, []).append(f"group {name}")
        for name, sequence in provisions_of(StepSequence, provisions).items():
            self._take_up(f"sequence {name}", sequence, passages.get(f"sequence {name}"))
        self._seen = {name: seen for name, seen in self._seen.items() if name in self._using}

    def _take_up(self, name: str, sequence: StepSequence, before: Passage | None) -> None:
        same = before is not None and before.sequence == sequence
        self.passages[name] = before if same and before is not None else Passage(sequence)
        for actuator in sequence.actuators:
            self._using[actuator] = [name, *self._using.get(name, ()), *self._using.get(actuator, ())]
        for leg in (*sequence.on, *sequence.off):
            for term in () if leg.until is None else (*named((leg.until,)), *alarms((leg.until,))):
                self._named.setdefault(term, []).append(name)

    # Who is in what ----------------------------------------------------------------------------------------------

    def of(self, target: str) -> Iterable[str]:
        """Return what an actuator, or a sequence, is in."""
        return self._using.get(target, ())

    def actuators(self, target: str) -> Iterator[str]:
        """Yield the actuators of a group or a sequence."""
        if target in self.passages:
            yield from self.passages[target].sequence.actuators
        elif target in self.rotas:
            for member in self.rotas[target].group.members:
                yield from self.actuators(member)
        elif not is_compound(target):
            yield target

    def parts(self, target: str) -> Iterator[str]:
        """Yield the actuators that share what becomes of a target: those of a sequence; of a group none."""
        if not is_group(target):
            yield from self.actuators(target)

    def ordered(self, targets: Iterable[str]) -> list[str]:
        """Return the groups and sequences that are concerned where some targets are, groups first."""
        found = set(targets) & (self.rotas.keys() | self.passages.keys())
        for target in targets:
            found.update(self.of(target))
        for group in filter(is_group, list(found)):
            found.update(self.rotas[group].group.members)
        return [name for name in (*self.rotas, *self.passages) if name in found]

    # What wakes them ---------------------------------------------------------------------------------------------

    def stir(self, actuators: Iterable[str], member: Callable[[str], Member]) -> bool:
        """Note what is known of actuators now; return whether that may change what is asked of any."""
        for actuator in actuators:
            if actuator in self._using:
                known = member(actuator)._replace(run_seconds=0.0)
                if self._seen.get(actuator) != known:
                    self._seen[actuator] = known
                    self._stirred.update(self.of(actuator))
        return bool(self._stirred)

    def hear(self, changed: Iterable[str]) -> None:
        """Note what has changed that proofs are of."""
        for name in changed if self._named else ():
            self._stirred.update(each for each in self._named.get(name, ()) if self.passages[each].moving)

    def stir_all(self) -> None:
        """Look at all of them next."""
        self._stirred.update(self.rotas, self.passages)

    def next_seconds(self) -> float:
        """Return the monotonic time at which one has to be looked at though nothing happens."""
        return -NEVER if self._stirred else self._due_seconds

    def take(self, seconds: float) -> list[str]:
        """Return those that have to be looked at."""
        due = [name for name, rota in self.rotas.items() if rota.due_seconds <= seconds]
        due += [name for name, passage in self.passages.items() if passage.due_seconds <= seconds]
        stirred, self._stirred = self._stirred, set()
        return self.ordered([*due, *sorted(stirred)])

    # What they ask -----------------------------------------------------------------------------------------------

    def ask_group(self, group: str, request: Request, members: Iterable[Member], around: Vicinity) -> None:
        """Ask so many of its members to run as stand for a group."""
        rota, members = self.rotas[group], list(members)
        rota.pick(int(request.value or 0), members, around.seconds)
        for member in members:
            self.through.pop(member.name, None)
            if not member.by_hand:
                on = member.name in rota.on
                why = rota.on[member.name] if on else rota.why_off(member, around.seconds)
                asked = request._replace(reason=f"{why}; {request.reason}")
                self.through[member.name] = Through(group, asked, switch(around.scene.find, member.name, on=on))

    def let_go(self, group: str, *, over: bool) -> None:
        """Ask nothing of its members: nothing stands for a group, evidence is waited for, or it is `over`."""
        rota = self.rotas[group]
        rota.due_seconds = NEVER
        if over:
            rota.on = {}
        for member in rota.group.members:
            self.through.pop(member, None)

    def wait(self, target: str, request: Request) -> None:
        """Leave the actuators of a sequence as they are: evidence is waited for."""
        for actuator in self.actuators(target):
            self.through[actuator] = Through(self._root(target), request)

    def ask_sequence(self, name: str, request: Request | None, around: Vicinity) -> None:
        """Go as far as proofs allow towards what stands for a sequence; None: nobody has asked for anything."""
        passage = self.passages[name]
        wanted = None if request is None else request.action == ON
        since = self._since.setdefault(name, {})
        circumstances = Circumstances(around.scene, "UTC", since)
        lost = lambda actuator: self.outranked.get(actuator) or lost_reason(around.member(actuator))  # noqa: E731
        seen = Sightings(
            around.seconds,
            around.does,
            lost,
            lambda name: failing_reason(around.member(name)),
            lambda text: compiled(text)(circumstances),
        )
        before = passage.way
        passage.update(wanted, seen)
        if passage.way is not before:
            self._stirred.update(self.of(name))
        self._pass_on(name, passage, request)

    def _pass_on(self, name: str, passage: Passage, request: Request | None) -> None:
        for actuator in passage.sequence.actuators:
            self.through.pop(actuator, None)
        if request is None:
            return
        why = f" ({passage.failure})" if passage.failure else ""
        asked = request._replace(reason=f"{name} {passage.says}{why}; {request.reason}")
        for actuator, leg in passage.asks().items():
            step = None if leg is None else Step(leg.actuator, leg.action, leg.value)
            self.through[actuator] = Through(self._root(name), asked, step)

    def _root(self, name: str) -> str:
        through = self.through.get(name)
        return name if through is None else through.root

    # What is known of them ---------------------------------------------------------------------------------------

    def note_rivals(self, actuator: str, winner: Claim | None, stop: Stop | None) -> None:
        """Note whether an interlock, or another plan, wins an actuator of a sequence: that takes its way back."""
        name = next((each for each in self.of(actuator) if is_sequence(each)), None)
        through = None if name is None else self.through.get(actuator)
        if name is None or through is None or through.step is None:
            return
        other = winner is not None and winner.through is None
        step = winner.step if winner is not None else through.step
        rival = other and (step.action, step.value) != (through.step.action, through.step.value)
        before = self.outranked.pop(actuator, None)
        if stop is not None:
            self.outranked[actuator] = f"is held by {stop.reason}"
        elif rival and winner is not None:
            self.outranked[actuator] = f"is held by plan {winner.plan}"
        if (before is None) is (actuator in self.outranked):
            self._stirred.add(name)

    def as_member(self, name: str, around: Vicinity) -> Member:
        """Return what is known of an actuator, or of a sequence, as a member of a group."""
        return of_sequence(name, self.passages[name], around) if is_sequence(name) else around.member(name)

    def station(self, request: Request, look: Callable[[Standing], Station], find: Find) -> Station:
        """Return whether a group, or a sequence, does what is requested of it, as its equipment reports."""
        target = request.actuator
        if is_sequence(target):
            return of_legs(self.passages[target].sequence.on, look)
        parts = [request._replace(actuator=name) for name in self.rotas[target].on]
        return of_any(
            self.station(part, look, find)
            if is_sequence(part.actuator)
            else look(asked(switch(find, part.actuator, on=True)))
            for part in parts
        )

    def reset(self, target: str) -> bool:
        """Forget failures: a person has looked at an actuator, a group or a sequence; return whether there were any."""
        found = [rota.forgive(target) for rota in self.rotas.values()]
        if target in self.rotas:
            found += [self.rotas[target].forgive(name) for name in self.rotas[target].group.members]
        for name, passage in self.passages.items():
            if target == name or target in passage.sequence.actuators:
                found += [passage.reset(), *(rota.forgive(name) for rota in self.rotas.values())]
        if any(found):
            self.stir_all()
        return any(found)

    def tell(self) -> None:
        """Note anew when to look again, and what has failed."""
        times = [rota.due_seconds for rota in self.rotas.values()]
        self._due_seconds = min([*times, *(passage.due_seconds for passage in self.passages.values())], default=NEVER)
        self.failures.clear()
        for rota in self.rotas.values():
            for name, failure in rota.failed.items():
                if not is_sequence(name):
                    self.failures[name] = f"{failure.why}; others of its group come first"
        for name, passage in self.passages.items():
            if passage.failure:
                self.failures[passage.failed_at] = f"{name}: {passage.failure}"

    def remember(self, memory: GroupMemory, seconds: float) -> None:
        """Recall what a former run knew of a group."""
        rota = self.rotas.get(f"group {memory.group}")
        if rota is not None:
            rota.recall(memory.leading, memory.failed, seconds)

    def memories(self) -> Iterator[GroupMemory]:
        """Yield what the next run must know of the groups of which that has changed."""
        yield from (_memory(name, rota) for name, rota in self.rotas.items() if rota.take_news())

    def all_memories(self) -> list[GroupMemory]:
        """Return what the next run must know of every group."""
        return [_memory(name, rota) for name, rota in self.rotas.items()]


def _memory(name: str, rota: Rota) -> GroupMemory:
    failed = {member: failure.why for member, failure in rota.failed.items()}
    return GroupMemory(name.partition(" ")[2], rota.leading, failed)


def _succeeded(before: Rota | None, group: Group) -> Rota:
    rota = Rota(group)
    if before is not None:
        rota.succeed(before)
    return rota
