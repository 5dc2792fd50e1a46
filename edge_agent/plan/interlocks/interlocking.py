"""All interlocks of a site: what they stop, what they let begin, and how their trips end."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from edge_agent.model.agenda import NEVER
from edge_agent.model.commands import Decision
from edge_agent.model.remembered import InterlockMemory
from edge_agent.plan.interlocks.exclusive import Exclusive
from edge_agent.plan.interlocks.guarded import actuators_in
from edge_agent.plan.interlocks.permit import Permit
from edge_agent.plan.interlocks.trip import Trip
from edge_agent.plan.interlocks.views import view
from edge_agent.plan.lookout import Lookout
from edge_agent.plan.provisions.interlocks import GROUP, Interlock
from edge_agent.plan.provisions.registry import provision_of, provisions_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from edge_agent.model.inbox import Operation
    from edge_agent.model.plant import Plant, Provision
    from edge_agent.model.remembered import InterlockView
    from edge_agent.model.time import Moment
    from edge_agent.plan.interlocks.guard import Guard, Prospect, Stop
    from edge_agent.plan.interlocks.guarded import Outlook


class Interlocked(NamedTuple):
    """What interlocks have come to in one turn.

    `stops`: of which actuators the fail-safe action is asked for, and why. `changed`: those for which something may be
    other than before. `memories`: what a restart must know and has changed.
    """

    stops: Mapping[str, Stop] = MappingProxyType({})
    changed: frozenset[str] = frozenset()
    memories: tuple[InterlockMemory, ...] = ()
    decisions: tuple[Decision, ...] = ()

    @property
    def has_news(self) -> bool:
        """Whether anything is other than before."""
        return bool(self.changed or self.memories or self.decisions)


class Interlocks:
    """The interlocks of one site. They are looked at when something that they name has changed, or time is up.

    `stops` are the actuators of which they ask for the fail-safe action, and why, as of the last look.
    """

    def __init__(self, start_seconds: float) -> None:
        self._start_seconds = start_seconds
        self._guards: dict[str, Guard] = {}
        self._of: dict[str, list[Guard]] = {}  # by actuator: whoever may bar its commands
        self._lookout: Lookout[Guard] = Lookout()
        self.stops: Mapping[str, Stop] = {}
        self._heard: set[str] = set()  # actuators that have reported since the last look
        self._stirred: set[str] = set()  # actuators of interlocks that are gone, or were edited
        self._memories: dict[str, InterlockMemory] = {}  # of trips that have ended without a look
        self._told: list[tuple[Guard, str]] = []
        self._refused: dict[str, str] = {}
        self._sure = True

    def __repr__(self) -> str:
        return f"<Interlocks: {len(self._guards)}, {len(self.stops)} actuators are stopped>"

    def adopt(self, plant: Plant, provisions: Collection[Provision]) -> None:
        """Put changed interlocks in force. A trip stays latched over an edit, and ends with its declaration."""
        before, self._guards = self._guards, {}
        groups = {each.id: getattr(provision_of(each), "members", ()) for each in provisions if each.kind == "group"}
        for name, one in provisions_of(Interlock, provisions).items():
            kept = before.pop(name, None)
            guard = kept if kept is not None and kept.declared == one else self._made(name, one, kept)
            self._stirred.update(guard.actuators)
            guard.survey(plant, tuple(dict.fromkeys(_guarded(one, groups))))
            self._stirred.update(guard.actuators)
            self._guards[name] = guard
        for gone in before.values():
            self._stirred.update(gone.actuators)
            if isinstance(gone, Trip) and gone.latched:
                self._told.append((gone, f"trip {gone.name} ends: the interlock is not declared any more"))
                self._memories[gone.name] = InterlockMemory(gone.name, None)
        self._of = {}
        for guard in self._guards.values():
            for actuator in guard.actuators:
                self._of.setdefault(actuator, []).append(guard)
        self._lookout.survey(self._guards)

    def _made(self, name: str, declared: Interlock, before: Guard | None) -> Guard:
        kind = Trip if declared.trip else Permit if declared.permit else Exclusive
        guard = kind(name, declared, self._start_seconds)
        if isinstance(before, Trip) and isinstance(guard, Trip):
            guard.succeed(before)
        elif isinstance(before, Trip) and before.latched:
            self._told.append((before, f"trip {before.name} ends: the interlock has become another one"))
            self._memories[before.name] = InterlockMemory(before.name, None)
        return guard

    def recall(self, memories: Iterable[InterlockMemory], now: Moment) -> None:
        """Recall what a former run knew; what has latched is so until it is reset."""
        for memory in memories:
            guard = self._guards.get(memory.interlock)
            if isinstance(guard, Trip):
                guard.remember(memory, now)
            elif memory.tripped_at is not None:
                self._memories[memory.interlock] = InterlockMemory(memory.interlock, None)

    # In time ------------------------------------------------------------------------------------------------------

    def decide(self, outlook: Outlook, changed: Iterable[str] | None, resets: Iterable[Operation]) -> Interlocked:
        """Look at those of which something has changed, and reset those that a person may reset."""
        now = outlook.scene.now
        resets = [reset for reset in resets if reset.target in self._guards]
        if changed is None or now.sure is not self._sure:
            self._lookout.look_at_all()
        names = {*(changed or ()), *self._heard}
        self._heard.clear()
        looked = self._lookout.take(names, now.seconds)
        if not (looked or resets or self._stirred or self._told or self._memories):
            return Interlocked(self.stops)
        stirred, self._stirred = self._stirred, set()
        latched = {guard.name for guard in looked if isinstance(guard, Trip) and guard.latched}
        for guard in looked:
            if guard.update(outlook):
                stirred.update(guard.actuators)
            self._lookout.file(guard, outlook.sight, now.seconds)
        told = [*self._told, *self._by_themselves(looked, latched)]
        self._told = []
        decisions = [*self._tell(told, "reset", outlook), *self._reset(resets, outlook, stirred)]
        stops = self._collect()
        stirred.update(name for name in {*stops, *self.stops} if stops.get(name) != self.stops.get(name))
        self.stops = stops
        return Interlocked(stops, frozenset(stirred), self._take_memories(now), tuple(decisions))

    def _by_themselves(self, looked: Iterable[Guard], latched: set[str]) -> Iterator[tuple[Guard, str]]:
        for guard in looked:
            if isinstance(guard, Trip) and guard.name in latched and not guard.latched:
                self._refused.pop(guard.name, None)
                yield guard, f"interlock {guard.name} has reset itself"

    def _reset(self, resets: Iterable[Operation], outlook: Outlook, stirred: set[str]) -> Iterator[Decision]:
        for reset in resets:
            guard, by = self._guards[reset.target], reset.by
            why = guard.reset() if isinstance(guard, Trip) else "it does not latch: there is nothing to reset"
            if why:
                self._refused[guard.name] = why
                yield from self._tell([(guard, f"{by} cannot reset interlock {guard.name}: {why}")], "refused", outlook)
                continue
            self._refused.pop(guard.name, None)
            stirred.update(guard.actuators)
            self._lookout.file(guard, outlook.sight, outlook.seconds)
            yield from self._tell([(guard, f"{by} has reset interlock {guard.name}")], "reset", outlook)

    @staticmethod
    def _tell(
        told: Iterable[tuple[Guard, str]], verdict: Literal["reset", "refused"], outlook: Outlook
    ) -> Iterator[Decision]:
        """Record what became of a trip, for each actuator that it guards."""
        now = outlook.scene.now
        for guard, reason in told:
            for name in guard.actuators:
                found = outlook.scene.find(name)
                if found is not None:
                    yield Decision(now.at, name, found.fail_safe, None, None, verdict, reason)

    def _collect(self) -> Mapping[str, Stop]:
        """Return the stop of each actuator: one on evidence before one for want of it, and the first by name."""
        found: dict[str, Stop] = {}
        for _, guard in sorted(self._guards.items()):
            for actuator, stop in guard.stops().items():
                before = found.get(actuator)
                if before is None or (stop.known and not before.known):
                    found[actuator] = stop
        return found

    def _take_memories(self, now: Moment) -> tuple[InterlockMemory, ...]:
        """Return what a restart must know and has changed; all of it where the clock has become sure."""
        anew, self._sure = now.sure is not self._sure, now.sure
        trips = [guard for guard in self._guards.values() if isinstance(guard, Trip)]
        changed = [trip for trip in trips if trip.take_change() or (anew and trip.latched)]
        ended, self._memories = tuple(self._memories.values()), {}
        return (*ended, *(trip.memory(now) for trip in changed))

    def hear(self, actuators: Iterable[str]) -> None:
        """Note that equipment has reported: whatever names it is looked at in the next turn, which is due now."""
        self._heard.update(name for name in actuators if self._lookout.minds(name))

    def next_seconds(self) -> float:
        """Return the monotonic time at which to look again though nothing has come."""
        return -NEVER if self._heard or self._stirred else self._lookout.next_seconds()

    # What others ask ----------------------------------------------------------------------------------------------

    def bar(self, prospect: Prospect, outlook: Outlook) -> str | None:
        """Return which interlock keeps a command from being given now, and why; empty where none does.

        None where no interlock is about the actuator.
        """
        guards = self._of.get(prospect.actuator)
        if guards is None:
            return None
        for guard in guards:
            why = guard.bar(prospect, outlook)
            if why is not None:
                return f"{guard.name}: {why}"
        return ""

    def partners(self, actuator: str) -> Iterator[str]:
        """Yield the actuators whose commands may pass, or not, when an actuator becomes another."""
        for guard in self._of.get(actuator, ()):
            if isinstance(guard, Exclusive):
                yield from guard.actuators

    def forbids(self, actuator: str) -> str | None:
        """Return why an actuator must not begin, as of the last look; conditions that exclude others not counted."""
        for guard in self._of.get(actuator, ()):
            if guard.says_so and not isinstance(guard, Exclusive):
                return f"interlock {guard.name}: {guard.says_so}"
        return None

    def memories(self, now: Moment) -> list[InterlockMemory]:
        """Return what the next run must know of every trip."""
        return [guard.memory(now) for guard in self._guards.values() if isinstance(guard, Trip)]

    def views(self) -> tuple[InterlockView, ...]:
        """Return how each interlock is now."""
        return tuple(view(guard, self._refused.get(guard.name, "")) for guard in self._guards.values())


def _guarded(interlock: Interlock, groups: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield the actuators that an interlock guards: of a group its members."""
    for name in (*interlock.stop, *interlock.permit):
        yield from groups.get(name.removeprefix(GROUP), ()) if name.startswith(GROUP) else (name,)
    for text in interlock.exclusive:
        yield from actuators_in(text)
