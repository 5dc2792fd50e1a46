"""A trip: what it names is stopped while its condition holds and, once it has held, until it is reset."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.model.plant import NO_EVIDENCE, TRIPPED
from edge_agent.model.remembered import InterlockMemory
from edge_agent.model.time import rfc3339
from edge_agent.plan.conditions.meaning import compiled
from edge_agent.plan.interlocks.guard import Guard, Stop
from edge_agent.plan.interlocks.guarded import at_once, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.time import Instant, Moment
    from edge_agent.plan.interlocks.guard import Prospect
    from edge_agent.plan.interlocks.guarded import GuardedCircumstances, Outlook
    from edge_agent.plan.provisions.interlocks import Interlock

#: Trips that reset themselves are counted for so long.
DAY_SECONDS = 86_400.0


class Says(Enum):
    """What the condition of a trip says. The last three ask for the fail-safe action; the last alone latches."""

    AWAITED = "awaited"  # nobody has known yet in this run: nothing is commanded
    CLEAR = "clear"  # it does not hold
    COMING = "coming"  # it holds, and has not lasted yet: nothing begins
    UNKNOWN = "unknown"  # nobody knows, and not for long: nothing begins
    BLIND = "blind"  # nobody has known for longer than evidence counts
    DOUBTED = "doubted"  # it holds if doubtful readings count
    HOLDS = "holds"


_STOPPING = frozenset({Says.BLIND, Says.DOUBTED, Says.HOLDS})
_BARRING = _STOPPING | {Says.AWAITED}
_UNKNOWN = frozenset({Says.AWAITED, Says.UNKNOWN, Says.BLIND})


class Judgement(NamedTuple):
    """What a look at the condition came to: what it says, why, and since when what has to last lasts."""

    says: Says
    why: str
    good: GuardedCircumstances
    doubt: GuardedCircumstances


class Trip(Guard):
    """One trip in time. `tripped_at` is since when it has latched, `waits` that only a person ends it."""

    __slots__ = (
        "_doubted",
        "_last",
        "_over_seconds",
        "_resets",
        "_since",
        "_unknown_seconds",
        "declared",
        "reason",
        "says",
        "tripped_at",
        "waits",
        "why",
    )

    def __init__(self, name: str, declared: Interlock, start_seconds: float) -> None:
        super().__init__(name, start_seconds, declared.evidence_seconds, declared.timezone)
        self.declared = declared
        self.says, self.why = Says.AWAITED, "nothing has been heard yet"
        self.tripped_at: Instant | None = None
        self.reason = ""  # why it has latched
        self.waits = False
        self._since: dict[str, float] = {}
        self._doubted: dict[str, float] = {}
        self._unknown_seconds: float | None = None
        self._over_seconds: float | None = None  # since when it is latched and its condition is over
        self._resets: list[float] = []  # when it has reset itself, within a day
        self._last: tuple[object, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """Its condition."""
        return (self.condition,)

    @property
    def condition(self) -> str:
        """The condition that trips it."""
        return self.declared.trip or ""

    @property
    def latched(self) -> bool:
        """Whether it has tripped and was not reset."""
        return self.tripped_at is not None

    @property
    def says_so(self) -> str:
        """What it says now, in words."""
        if self.tripped_at is not None:
            end = "a person must reset it" if self.waits else "it resets itself"
            return f"{self.reason}, since {rfc3339(self.tripped_at)}: {end}"
        return self.why

    # What outlives a restart, or an edit --------------------------------------------------------------------------

    def remember(self, memory: InterlockMemory, now: Moment) -> None:
        """Recall what a former run knew. A reset of which nobody can tell how long ago it was, was just now."""
        self.tripped_at, self.reason, self.waits = memory.tripped_at, memory.reason, memory.waits
        if self.tripped_at is not None:
            self.tripped_at = min(self.tripped_at, now.at)
        placed = (now.recall(at, memory.boot, memory.offset, sure=memory.sure) for at in memory.resets)
        self._resets = sorted(now.seconds if seconds is None else seconds for seconds in placed)
        self._last = self._state

    def memory(self, now: Moment) -> InterlockMemory:
        """Return what the next run must know."""
        resets = [now.at_seconds(seconds) for seconds in self._resets]
        return InterlockMemory(
            self.name, self.tripped_at, self.reason, resets, self.waits, now.boot, now.offset, now.sure
        )

    def succeed(self, before: Trip) -> None:
        """Stay latched after an edit; without a reset of its own it waits for a person from now on."""
        self.tripped_at, self.reason, self._resets = before.tripped_at, before.reason, before._resets
        self.waits = before.waits or self.declared.reset is None
        if self.declared.trip == before.declared.trip:
            self._since, self._doubted = before._since, before._doubted

    @property
    def _state(self) -> tuple[object, ...]:
        return self.tripped_at, self.waits, len(self._resets)

    def take_change(self) -> bool:
        """Whether what a restart must know has changed since the last call."""
        before, self._last = self._last, self._state
        return before != self._last

    # In time ------------------------------------------------------------------------------------------------------

    def update(self, outlook: Outlook) -> bool:
        """Look at the condition; latch, or reset by itself."""
        before = self.says, self.latched
        found = self._judge(outlook)
        self.says, self.why = found.says, found.why
        self._since, self._doubted = found.good.since, found.doubt.since
        if found.says not in _UNKNOWN:
            self._unknown_seconds = None
        elif self._unknown_seconds is None:
            self._unknown_seconds = outlook.seconds
        self.due = min(found.good.due, found.doubt.due)
        if self.says in _UNKNOWN:
            self.due = min(self.due, self._blind_seconds(outlook))
        if self.says is Says.HOLDS and not self.latched:
            self._latch(outlook.scene.now)
        elif self.latched:
            self._heed_time(outlook.seconds)
        return before != (self.says, self.latched)

    def _latch(self, now: Moment) -> None:
        self.tripped_at, self.reason, self._over_seconds = now.at, self.why, None
        self._resets = [at for at in self._resets if now.seconds < at + DAY_SECONDS]
        reset = self.declared.reset
        self.waits = reset is None or len(self._resets) >= reset.at_most

    def _heed_time(self, seconds: float) -> None:
        """Reset it where its condition has been over, without a break, for the time that was given."""
        if self.says is not Says.CLEAR:
            self._over_seconds = None
            return
        if self._over_seconds is None:
            self._over_seconds = seconds
        reset = self.declared.reset
        if reset is None or self.waits:
            return
        ends = self._over_seconds + reset.after_seconds
        if seconds >= ends:
            self._resets.append(seconds)
            self._end()
        else:
            self.due = min(self.due, ends)

    def reset(self) -> str:
        """End it for a person, who answers for it; return why not, empty where it is done."""
        if not self.latched:
            return "it has not tripped"
        if self.says is not Says.CLEAR:
            return self.why
        self._resets = []
        self._end()
        return ""

    def _end(self) -> None:
        self.tripped_at, self.reason, self.waits, self._over_seconds = None, "", False, None

    # What it lets pass --------------------------------------------------------------------------------------------

    def stops(self) -> Mapping[str, Stop]:
        """Return what it stops: all that it guards, while it is latched, doubted or blind."""
        if not self.latched and self.says not in _STOPPING:
            return {}
        blind = self.says is Says.BLIND and not self.latched
        stop = Stop(self.name, f"interlock {self.name}: {self.says_so}", NO_EVIDENCE if blind else TRIPPED)
        return dict.fromkeys(self.actuators, stop)

    def bar(self, prospect: Prospect, outlook: Outlook) -> str | None:
        """Bar everything while it stops, or nobody has known yet; else what begins unless it is clear."""
        if prospect.actuator not in self.actuators:
            return None
        if self.latched:
            return self.says_so
        found = self._judge(outlook)
        barred = found.says in _BARRING or (prospect.begins and found.says is not Says.CLEAR)
        return found.why if barred else None

    def _judge(self, outlook: Outlook) -> Judgement:
        text, scene = self.condition, outlook.scene
        good = self._around(outlook, dict(self._since))
        doubt = self._around(outlook, dict(self._doubted), doubt=True)
        truth, suspected = compiled(text)(good), compiled(text)(doubt)
        if truth:
            return Judgement(Says.HOLDS, f"{text}{shown((text,), scene)}", good, doubt)
        if suspected:
            return Judgement(Says.DOUBTED, f"doubtful readings say {text}{shown((text,), scene)}", good, doubt)
        if truth is None:
            return Judgement(
                self._unknown(outlook), f"nobody knows whether {text}: {self._missing(outlook)}", good, doubt
            )
        if at_once(text)(self._around(outlook, {})) is not False:
            return Judgement(Says.COMING, f"{text} is about to be so{shown((text,), scene)}", good, doubt)
        return Judgement(Says.CLEAR, "", good, doubt)

    def _unknown(self, outlook: Outlook) -> Says:
        if outlook.seconds >= self._blind_seconds(outlook):
            return Says.BLIND
        return Says.AWAITED if self.says is Says.AWAITED else Says.UNKNOWN

    def _blind_seconds(self, outlook: Outlook) -> float:
        """Return from when on nobody has known for too long, where nobody knows now."""
        since = outlook.seconds if self._unknown_seconds is None else self._unknown_seconds
        return min((since + self.evidence_seconds, *self._evidence_ends(outlook.sight)))

    def _missing(self, outlook: Outlook) -> str:
        """Say what is not known: the first sensor that does not show what can be trusted."""
        for place in self._within:
            seen = outlook.sight(place)
            if seen is None:
                return f"nothing good has been heard of {place} yet"
            if "/" in place and not outlook.scene.gauge(place).trusted:
                return f"{place} has not been good for {outlook.seconds - seen:.0f} s"
        return "what it names has not been heard, or the clock may be wrong"
