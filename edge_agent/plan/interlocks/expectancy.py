"""Proof of effect: what runs has to bring something about, or it is stopped and counted as failed."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from edge_agent.model.agenda import NEVER
from edge_agent.model.plant import EVIDENCE_SECONDS, NO_EFFECT, NO_EVIDENCE
from edge_agent.model.remembered import InterlockMemory
from edge_agent.plan.conditions.meaning import compiled
from edge_agent.plan.interlocks.guard import Guard, Stop
from edge_agent.plan.interlocks.guarded import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.plant import Actuator
    from edge_agent.model.time import Moment
    from edge_agent.plan.interlocks.guard import Prospect
    from edge_agent.plan.interlocks.guarded import Outlook


class Effect(Enum):
    """What the running of one actuator has brought about. The last two ask for its fail-safe action."""

    IDLE = "idle"  # it does not run
    AWAITED = "awaited"  # it runs, and what is expected is not so yet, or was so lately
    SHOWN = "shown"
    BLIND = "blind"  # nobody has known for longer than evidence counts: no failure, and no proof
    MISSING = "missing"  # it ran for as long as it may without: one failure


_STOPPING = frozenset({Effect.BLIND, Effect.MISSING})


class Expectancy(Guard):
    """What is expected of one actuator. `reason` says why its effect was missing, until it is shown, or reset.

    `failed` and `proven`: since the last time that was taken.
    """

    __slots__ = (
        "_again_seconds",
        "_condition",
        "_last",
        "_rest",
        "_since",
        "_unknown",
        "_within_seconds",
        "actuator",
        "effect",
        "failed",
        "proven",
        "reason",
        "why",
    )

    def __init__(self, actuator: Actuator, start_seconds: float) -> None:
        super().__init__(actuator.name, start_seconds, EVIDENCE_SECONDS, "UTC")
        expect = actuator.expect
        self.actuator = actuator
        self._condition = "" if expect is None else expect.condition
        self._within_seconds = 0.0 if expect is None else expect.within_seconds
        self._rest = max(self._within_seconds, actuator.min_off_seconds)
        self.effect = Effect.IDLE
        self.reason = self.why = ""
        self.failed = self.proven = False
        self._since = 0.0  # from when on it may run so long without
        self._unknown: float | None = None  # since when it runs and nobody knows
        self._again_seconds = 0.0  # from when on it may be tried again
        self._last = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """What is expected."""
        return (self._condition,)

    @property
    def listens(self) -> tuple[str, ...]:
        """The actuator as well."""
        return (*super().listens, self.name)

    @property
    def says_so(self) -> str:
        """Why it must not run now."""
        return self.why if self.effect in _STOPPING else ""

    def succeed(self, before: Expectancy) -> None:
        """Go on for equipment that was declared anew: that its effect was missing stands."""
        self.reason = self._last = before.reason

    def remember(self, memory: InterlockMemory, now: Moment) -> None:
        """Recall that its effect was missing: that stands until it is shown."""
        del now
        self.reason = self._last = memory.reason

    def memory(self, now: Moment) -> InterlockMemory:
        """Return what the next run must know."""
        return InterlockMemory(self.name, None, self.reason, [], False, now.boot, now.offset, now.sure)

    def take_change(self) -> bool:
        """Whether what a restart must know has changed since the last call."""
        before, self._last = self._last, self.reason
        return before != self._last

    def update(self, outlook: Outlook) -> bool:
        """Look whether it runs, and what that has brought about."""
        before, self.due = self.effect, NEVER
        around = self._around(outlook, {})
        truth = compiled(self._condition)(around)
        if outlook.scene.equipment(self.name).get("running"):
            self.due = around.due
            self._runs(truth, outlook)
        else:
            self._rests(truth, outlook.seconds)
        return before is not self.effect

    def _runs(self, truth: bool | None, outlook: Outlook) -> None:  # noqa: FBT001 - a truth
        seconds = outlook.seconds
        if self.effect is Effect.IDLE:
            self.effect, self._since = Effect.AWAITED, seconds
        if truth is not None:
            self._unknown = None
        elif self._unknown is None:
            self._unknown = seconds
        if truth:
            self.proven = self.proven or self.effect is not Effect.SHOWN or bool(self.reason)
            self.effect, self.reason, self._since = Effect.SHOWN, "", seconds
        elif self.effect is Effect.MISSING:
            self._again_seconds = seconds + self._rest
        else:
            self._lack(truth, outlook)

    def _lack(self, truth: bool | None, outlook: Outlook) -> None:  # noqa: FBT001 - a truth
        """Heed that what is expected is not known to be so."""
        seconds = outlook.seconds
        if self.effect is Effect.SHOWN:
            self.effect = Effect.AWAITED
        due = self._since + self._within_seconds
        blind = max(due, (seconds if self._unknown is None else self._unknown) + self.evidence_seconds)
        if truth is False and seconds >= due:
            self.effect, self.failed = Effect.MISSING, True
            self._again_seconds = seconds + self._rest
            lasted = f"{self.name} has run for {self._within_seconds:g} s and it is not so that {self._condition}"
            self.reason = self.why = lasted + shown(self.texts, outlook.scene)
        elif truth is None and seconds >= blind:
            self.effect = Effect.BLIND
            self.why = f"{self.name} runs and nobody knows whether {self._condition}"
        elif self.effect is not Effect.BLIND:
            self.due = min(self.due, due if truth is False else blind)

    def _rests(self, truth: bool | None, seconds: float) -> None:  # noqa: FBT001 - a truth
        """Allow another try: after its rest, or when there is evidence again."""
        self._unknown = None
        if self.effect is Effect.MISSING and seconds < self._again_seconds:
            self.due = self._again_seconds
        elif self.effect is not Effect.BLIND or truth is not None:
            self.effect = Effect.IDLE

    def reset(self) -> str:
        """Begin anew for a person who has looked at it."""
        self.reason = ""
        if self.effect in _STOPPING:
            self.effect = Effect.IDLE
        return ""

    def stops(self) -> Mapping[str, Stop]:
        """Return its stop while its effect is missing, or nobody knows."""
        if self.effect not in _STOPPING:
            return {}
        alarm = NO_EFFECT if self.effect is Effect.MISSING else NO_EVIDENCE
        return {self.name: Stop(self.name, f"proof of effect: {self.why}", alarm)}

    def bar(self, prospect: Prospect, outlook: Outlook) -> str | None:
        """Bar whatever makes it run while it is stopped."""
        del outlook
        return self.why if prospect.actuator == self.name and self.effect in _STOPPING else None
