"""All interlocks of a site: what they stop, what they let begin, and how their trips end."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.agenda import NEVER
from edge_agent.model.plant import NO_EFFECT, NO_EVIDENCE, TRIPPED
from edge_agent.model.remembered import InterlockMemory
from edge_agent.plan.interlocks.exclusive import Exclusive
from edge_agent.plan.interlocks.expectancy import Expectancy
from edge_agent.plan.interlocks.guarded import actuators_in
from edge_agent.plan.interlocks.permit import Permit
from edge_agent.plan.interlocks.tidings import take_effects, tell
from edge_agent.plan.interlocks.trip import Trip
from edge_agent.plan.interlocks.views import view
from edge_agent.plan.lookout import Lookout
from edge_agent.plan.provisions.interlocks import GROUP, Interlock
from edge_agent.plan.provisions.registry import provisions_of
from edge_agent.plan.spread import parts_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from edge_agent.model.commands import Decision
    from edge_agent.model.inbox import Operation
    from edge_agent.model.plant import Actuator, Plant, Provision
    from edge_agent.model.remembered import InterlockView
    from edge_agent.model.time import Moment
    from edge_agent.plan.interlocks.guard import Guard, Prospect, Stop
    from edge_agent.plan.interlocks.guarded import Outlook

_DECLARED = (Trip, Permit, Exclusive)
#: Which alarm of an actuator is told where several interlocks stop it.
_RANKS = {TRIPPED: 0, NO_EFFECT: 1, NO_EVIDENCE: 2}


class Interlocked(NamedTuple):
    """What interlocks have come to in one turn.

    `stops`: of which actuators the fail-safe action is asked for, and why. `changed`: those for which something may be
    other than before. `memories`: what a restart must know and has changed. `failures`: actuators that ran without
    effect for as long as they may, and what was missing; `proven`: those that have shown theirs.
    """

    stops: Mapping[str, Stop] = MappingProxyType({})
    changed: frozenset[str] = frozenset()
    memories: tuple[InterlockMemory, ...] = ()
    decisions: tuple[Decision, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    proven: tuple[str, ...] = ()

    @property
    def has_news(self) -> bool:
        """Whether anything is other than before."""
        return bool(self.changed or self.memories or self.decisions or self.failures or self.proven)


class Interlocks:
    """The interlocks of one site. They are looked at when something that they name has changed, or time is up.

    `stops` are the actuators of which they ask for the fail-safe action, and why, as of the last look; `ineffective`
    those whose effect was missing, and why, until it is shown or a person resets it.
    """

    def __init__(self, start_seconds: float) -> None:
        self._start_seconds = start_seconds
        self._guards: dict[str, Guard] = {}
        self._asks: dict[str, Mapping[str, Stop]] = {}  # by guard: what it stops
        self._of: dict[str, list[Guard]] = {}  # by actuator: whoever may bar its commands
        self._lookout: Lookout[Guard] = Lookout()
        self.stops: Mapping[str, Stop] = {}
        self.ineffective: Mapping[str, str] = {}
        self._heard: set[str] = set()  # actuators that have reported since the last look
        self._stirred: set[str] = set()  # actuators of interlocks that are gone, or were edited
        self._memories: dict[str, InterlockMemory] = {}  # of trips that have ended without a look
        self._told: list[tuple[Guard, str]] = []
        self._kept: list[tuple[Guard, str]] = []  # what had latched before the start, until that is told
        self._refused: dict[str, str] = {}
        self._sure = True

    def __repr__(self) -> str:
        return f"<Interlocks: {len(self._guards)}, {len(self.stops)} actuators are stopped>"

    def __bool__(self) -> bool:
        """Whether there is any; most plants have none."""
        return bool(self._guards)

    def adopt(self, plant: Plant, provisions: Collection[Provision]) -> None:
        """Put changed interlocks in force, and what is expected of equipment.

        A trip stays latched over an edit, and ends with its declaration.
        """
        before, self._guards = self._guards, {}
        groups = parts_of(provisions)
        for name, one in provisions_of(Interlock, provisions).items():
            kept = before.pop(name, None)
            guard = kept if isinstance(kept, _DECLARED) and kept.declared == one else self._made(name, one, kept)
            self._stirred.update(guard.actuators)
            guard.survey(plant, tuple(dict.fromkeys(_guarded(one, groups))))
            self._stirred.update(guard.actuators)
            self._guards[name] = guard
        for each in plant.actuators:
            if each.expect is not None:
                self._expect(each, before.pop(each.name, None), plant)
        for gone in before.values():
            self._stirred.update(gone.actuators)
            self._asks.pop(gone.name, None)
            if isinstance(gone, Trip) and gone.latched:
                self._told.append((gone, f"trip {gone.name} ends: the interlock is not declared any more"))
                self._memories[gone.name] = InterlockMemory(gone.name, None)
        self._of = {}
        for guard in self._guards.values():
            for actuator in guard.actuators:
                self._of.setdefault(actuator, []).append(guard)
        self._lookout.survey(self._guards)

    def _expect(self, actuator: Actuator, before: Guard | None, plant: Plant) -> None:
        kept = before if isinstance(before, Expectancy) and before.actuator == actuator else None
        guard = self._guards[actuator.name] = kept or Expectancy(actuator, self._start_seconds)
        if kept is None and isinstance(before, Expectancy):
            guard.succeed(before)
        guard.survey(plant, (actuator.name,))
        self._stirred.add(actuator.name)

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
            if isinstance(guard, Trip | Expectancy):
                guard.remember(memory, now)
                if isinstance(guard, Trip) and guard.latched:
                    self._kept.append((guard, f"interlock {guard.name} had tripped before the start: {guard.says_so}"))
            elif memory.tripped_at is not None or memory.reason:
                self._memories[memory.interlock] = InterlockMemory(memory.interlock, None)

    # In time ------------------------------------------------------------------------------------------------------

    def decide(self, outlook: Outlook, changed: Iterable[str] | None, resets: Iterable[Operation]) -> Interlocked:
        """Look at those of which something has changed, and reset those that a person may reset."""
        if not (self._guards or self._stirred or self._told or self._memories):
            self._heard.clear()
            return Interlocked(self.stops)
        now = outlook.scene.now
        resets = [reset for reset in resets if reset.target in self._guards]
        if changed is None or now.sure is not self._sure:
            self._lookout.look_at_all()
        names = {*(changed or ()), *self._heard}
        self._heard.clear()
        looked = self._lookout.take(names, now.seconds)
        if not (looked or resets or self._stirred or self._told or self._memories):
            return Interlocked(self.stops)
        latched = {guard.name for guard in looked if isinstance(guard, Trip) and guard.latched}
        for guard in looked:
            if guard.update(outlook):
                self._stirred.update(guard.actuators)
        told = [*self._told, *self._by_themselves(looked, latched)]
        self._told = []
        decisions = [*tell(self._kept, "held", outlook), *tell(told, "reset", outlook), *self._reset(resets, outlook)]
        self._kept = []
        touched = list(dict.fromkeys((*looked, *(self._guards[reset.target] for reset in resets))))
        for guard in touched:
            self._lookout.file(guard, outlook.sight, now.seconds)
        self._collect(touched)
        stirred, self._stirred = frozenset(self._stirred), set()
        failures, proven = take_effects(touched)
        memories = self._take_memories(touched, now)
        return Interlocked(self.stops, stirred, memories, tuple(decisions), failures, proven)

    def _by_themselves(self, looked: Iterable[Guard], latched: set[str]) -> Iterator[tuple[Guard, str]]:
        for guard in looked:
            if isinstance(guard, Trip) and guard.name in latched and not guard.latched:
                self._refused.pop(guard.name, None)
                yield guard, f"interlock {guard.name} has reset itself"

    def _reset(self, resets: Iterable[Operation], outlook: Outlook) -> Iterator[Decision]:
        for reset in resets:
            guard, by = self._guards[reset.target], reset.by
            why = guard.reset()
            if why:
                self._refused[guard.name] = why
                yield from tell([(guard, f"{by} cannot reset interlock {guard.name}: {why}")], "refused", outlook)
                continue
            self._refused.pop(guard.name, None)
            self._stirred.update(guard.actuators)
            if _has_name(guard):
                yield from tell([(guard, f"{by} has reset interlock {guard.name}")], "reset", outlook)

    def _collect(self, touched: Iterable[Guard]) -> None:
        """Note the stop of each actuator: a trip before all else, and the first by name."""
        reasons = {guard.name: guard.reason for guard in touched if isinstance(guard, Expectancy)}
        kept = {name: why for name, why in self.ineffective.items() if name not in reasons and name in self._guards}
        self.ineffective = kept | {name: why for name, why in reasons.items() if why}
        for guard in touched:
            asks = guard.stops()
            self._asks = {name: those for name, those in self._asks.items() if name != guard.name}
            if asks:
                self._asks[guard.name] = asks
        found: dict[str, Stop] = {}
        for _, asks in sorted(self._asks.items()):
            for actuator, stop in asks.items():
                before = found.get(actuator)
                if before is None or _RANKS[stop.alarm] < _RANKS[before.alarm]:
                    found[actuator] = stop
        self._stirred.update(name for name in {*found, *self.stops} if found.get(name) != self.stops.get(name))
        self.stops = found

    def _take_memories(self, touched: Iterable[Guard], now: Moment) -> tuple[InterlockMemory, ...]:
        """Return what a restart must know and has changed; all of it where the clock has become sure."""
        anew, self._sure = now.sure is not self._sure, now.sure
        changed = list(self._guards.values()) if anew else [guard for guard in touched if guard.take_change()]
        ended, self._memories = tuple(self._memories.values()), {}
        return (*ended, *filter(None, (guard.memory(now) for guard in changed)))

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

    def memories(self, now: Moment) -> list[InterlockMemory]:
        """Return what the next run must know of every trip, and of effects that were missing."""
        return list(filter(None, (guard.memory(now) for guard in self._guards.values())))

    def views(self) -> tuple[InterlockView, ...]:
        """Return how each interlock is now."""
        return tuple(
            view(guard, self._refused.get(guard.name, "")) for guard in self._guards.values() if _has_name(guard)
        )


def _has_name(guard: Guard) -> bool:
    """Whether it is an interlock, and not what is expected of an actuator."""
    return not isinstance(guard, Expectancy)


def _guarded(interlock: Interlock, groups: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield the actuators that an interlock guards: of a group its members."""
    for name in (*interlock.stop, *interlock.permit):
        yield from groups.get(name.removeprefix(GROUP), ()) if name.startswith(GROUP) else (name,)
    for text in interlock.exclusive:
        yield from actuators_in(text)
