"""One plan in time: what it looks at, whether it applies, and what it falls back on without evidence."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from edge_agent.model.evidence import by_name, grace_seconds, looks, missing
from edge_agent.model.remembered import PlanMemory
from edge_agent.plan.kinds.registry import kind_of
from edge_agent.plan.kinds.spec import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_agent.model.evidence import Look, Sight
    from edge_agent.model.plant import Fallback, Plan, Plant, Step
    from edge_agent.model.time import Moment
    from edge_agent.plan.kinds.spec import PlanKind
    from edge_agent.plan.scene import Scene


_NEVER = float("inf")
#: What changes after a time has changed so long after it at the latest, however times are rounded.
_AFTERWARDS_SECONDS = 1e-6


class Ground(Enum):
    """What a plan's requests stand on."""

    AWAITED = "awaited"  # the agent has just started: evidence may still come
    SEEN = "seen"  # all it looks at was good lately
    INSTEAD = "instead"  # a fallback: another sensor was
    RUNNING, RESTING = "running", "resting"  # a fallback: timed running
    BLIND = "blind"  # nothing


class PlanState:
    """Whether one plan applies, on what ground, and when it may apply again."""

    __slots__ = (
        "_blockers",
        "_instead",
        "_last",
        "_lost_seconds",
        "_memos",
        "_seen_once",
        "applies",
        "asked",
        "fired_seconds",
        "ground",
        "kind",
        "latched",
        "looks",
        "plan",
        "reason",
        "resumed",
        "start_seconds",
        "steps",
        "timed",
        "used",
        "when_safe",
    )

    def __init__(self, plan: Plan, plant: Plant, start_seconds: float) -> None:
        self.plan = plan
        self.kind = kind_of(plan)
        self.start_seconds = start_seconds
        self.applies = False  # it asks for something, on good readings
        self.when_safe = False  # the same for the fail-safe action: doubt is enough
        self.latched = False
        self.resumed = False  # it applied when a former run ended: it need not rest before it does again
        self.fired_seconds: float | None = None
        self.ground = Ground.AWAITED
        self.reason = ""  # why the ground is not the best one
        self.asked = Asked()
        self.steps: tuple[Step, ...] = ()
        self.timed: tuple[Step, ...] = ()  # what timed running asks for now
        self._instead: PlanKind | None = None  # the same by the sensor of a fallback, while that carries
        self._memos: tuple[Any, Any] = None, None  # what the kind, and the one instead, remember
        self._lost_seconds: float | None = None
        self._seen_once = False
        self._last = (False, False)
        self.survey(plant)

    def __repr__(self) -> str:
        return f"<PlanState {self.plan.id}: {self.ground.value}, {'applies' if self.applies else 'does not apply'}>"

    @property
    def name(self) -> str:
        """The name of the plan."""
        return self.plan.id

    def survey(self, plant: Plant) -> None:
        """Look at a changed plant: how often a sensor is expected may be other than before."""
        within = self.plan.evidence_seconds
        self.steps = self.kind.steps(plant.actuator)  # all that it may ask for
        self.looks = self.used = looks(self.kind.looks, within, plant)  # `used`: with the sensor of a fallback perhaps
        self._blockers = looks(self.kind.blockers, within, plant)

    def remember(self, memory: PlanMemory, now: Moment) -> None:
        """Recall what a former run knew. How long ago it fired counts only where that can be told."""
        self.resumed, self.latched = memory.applies, memory.latched
        self._last = (memory.applies, memory.latched)
        if memory.fired_at is not None:
            self.fired_seconds = now.recall(memory.fired_at, memory.boot, memory.offset, sure=memory.sure)

    def memory(self, now: Moment) -> PlanMemory:
        """Return what the next run must know."""
        fired = self.fired_seconds
        at = None if fired is None else now.at_seconds(fired)
        return PlanMemory(self.plan.id, self.applies, at, self.latched, now.boot, now.offset, now.sure)

    def succeed(self, before: PlanState) -> None:
        """Keep what had latched before an edit, and, where it looks at the same, what was seen and lost."""
        self.latched = before.latched and self.plan.latch
        if self.looks == before.looks:
            self._seen_once, self._lost_seconds = before._seen_once, before._lost_seconds

    def reset(self, target: str) -> bool:
        """End its latch for a person who names it, or an actuator it asks for; return whether it had latched."""
        named = self.plan.id == target or any(step.actuator == target for step in self.steps)
        latched, self.latched = self.latched, self.latched and not named
        return latched and named

    def update(self, scene: Scene, sight: Sight) -> bool:
        """Look at the scene and at evidence. Return whether anything that must be remembered has changed."""
        seconds = scene.now.seconds
        self._stand(sight, seconds)
        self._ask(scene)
        holds = bool(self.asked.steps)
        begins = holds and not self.applies and self.rested(seconds)
        if begins and not self.resumed:
            self.fired_seconds = seconds
        self.resumed = self.resumed and self.ground is Ground.AWAITED
        self.applies = holds and (self.applies or begins)
        self.when_safe = bool(self.asked.doubtful)
        if self.when_safe and self.plan.latch:
            self.latched = True
        now = (self.applies, self.latched)
        changed, self._last = now != self._last, now
        return changed

    def rested(self, seconds: float) -> bool:
        """Whether the cooldown since it last began to apply is over; it never holds a fail-safe action back."""
        fired = self.fired_seconds
        return self.resumed or fired is None or seconds >= fired + self.plan.cooldown_seconds

    def told(self, scene: Scene) -> tuple[str, ...]:
        """Return what its kind says of what it depends on, as things are now."""
        own, other = self._memos
        return self.kind.told(scene, own) if self._instead is None else self._instead.told(scene, other)

    @property
    def known(self) -> bool:
        """Whether all it looks at, or what takes its place, was good lately."""
        return self.ground in {Ground.SEEN, Ground.INSTEAD}

    @property
    def listens(self) -> tuple[str, ...]:
        """What it waits to hear of: whose next word, or reading, may change it, though no alarm does."""
        values = self.kind.values if self._instead is None else (*self.kind.values, *self._instead.values)
        if self.ground is Ground.SEEN:
            return values
        others = tuple(step.use for step in self.plan.without_evidence if step.use is not None)
        return (*(look.name for look in self.looks), *others, *values)

    @property
    def alarms(self) -> tuple[str, ...]:
        """The alarms whose change may change it."""
        return self.kind.alarms if self._instead is None else (*self.kind.alarms, *self._instead.alarms)

    def due_seconds(self, sight: Sight, seconds: float) -> float:
        """Return the monotonic time, after this one, at which time alone may change it; infinite where it cannot."""
        times = [self.asked.due, *self.times(sight, seconds)]
        return min((at for time in times for at in (time, time + _AFTERWARDS_SECONDS) if at > seconds), default=_NEVER)

    def times(self, sight: Sight, seconds: float) -> Iterator[float]:
        """Yield the monotonic times at which its ground may change, or it may apply again, though nothing is heard."""
        if self.ground is Ground.AWAITED:
            yield self.start_seconds + grace_seconds(self.looks)
        if self.fired_seconds is not None and not self.applies:
            yield self.fired_seconds + self.plan.cooldown_seconds
        instead = [step.use for step in self.plan.without_evidence if step.use is not None]
        for look in self.looks:
            for seen in map(sight, (look.name, *instead)):
                if seen is not None:
                    yield seen + look.within_seconds
        if self._lost_seconds is not None:
            for step in self.plan.without_evidence:
                yield from _times_of(step, self._lost_seconds, seconds)

    @property
    def may_act(self) -> bool:
        """Whether what is not the fail-safe action may be requested, if its alarms say so."""
        return self.known and not self.kind.by_ignorance

    def _ask(self, scene: Scene) -> None:
        """Ask the kind; doubt about a sensor that a fallback replaces still leads to the fail-safe action."""
        own, other = self._memos
        own, self.asked = self.kind.ask(scene, own)
        if self._instead is not None:
            other, asked = self._instead.ask(scene, other)
            doubtful = tuple(dict.fromkeys((*self.asked.doubtful, *asked.doubtful)))
            alarms = tuple(dict.fromkeys((*asked.alarms, *self.asked.alarms)))
            why, due = asked.why if asked.steps else self.asked.why, min(asked.due, self.asked.due)
            self.asked = asked._replace(doubtful=doubtful, alarms=alarms, why=why, due=due)
        self._memos = (own, other) if self.known else (None, None)
        self.timed = self.kind.timed(scene) if self.ground is Ground.RUNNING else ()

    def _stand(self, sight: Sight, seconds: float) -> None:
        """Find the ground: evidence, else the first fallback that carries."""
        self._instead, self.used = None, self.looks
        gone = missing(self.looks, sight, self.start_seconds, seconds)
        if gone is None:
            self.ground, self.reason, self._lost_seconds, self._seen_once = Ground.SEEN, "", None, True
            return
        if self._lost_seconds is None:
            self._lost_seconds = seconds
        self.reason = gone
        self.ground = self._fall_back(sight, seconds)

    def _fall_back(self, sight: Sight, seconds: float) -> Ground:
        for step in self.plan.without_evidence:
            ground = self._try(step, sight, seconds)
            if ground is not None:
                return ground
        waits = not self._seen_once and seconds < self.start_seconds + grace_seconds(self.looks)
        return Ground.AWAITED if waits else Ground.BLIND

    def _try(self, step: Fallback, sight: Sight, seconds: float) -> Ground | None:
        if step.use is not None:
            return Ground.INSTEAD if self._use(step.use, sight, seconds) else None
        if step.do is not None:
            return Ground.BLIND if self._seen_once else None
        if not self._seen_once or step.run_seconds is None or self._lost_seconds is None:
            return None  # nothing but the fail-safe action before the first evidence
        if missing(self._blockers, sight, self.start_seconds, seconds) is not None:
            return None  # unknown blocks in `unless`
        lost = seconds - self._lost_seconds
        if lost >= (step.at_most_seconds or float("inf")):
            return None
        every = step.every_seconds or step.run_seconds
        return Ground.RUNNING if lost % every >= every - step.run_seconds else Ground.RESTING

    def _use(self, sensor: str, sight: Sight, seconds: float) -> bool:
        """Look at another sensor in the place of the one that is missing; return whether that is enough."""
        kept = []
        lost: Look | None = None
        for look in self.looks:
            if lost is None and missing([look], sight, self.start_seconds, seconds) is not None:
                lost = look
                look = look._replace(name=sensor)  # noqa: PLW2901 - the same limits of age
            kept.append(look)
        if lost is None or missing(by_name(kept).values(), sight, self.start_seconds, seconds) is not None:
            return False
        self._seen_once, self.used = True, tuple(by_name(kept).values())
        self._instead = self.kind.instead(lost.name, sensor)
        return True


def _times_of(step: Fallback, lost_seconds: float, seconds: float) -> Iterator[float]:
    """Yield the monotonic times at which timed running begins or ends next."""
    if step.run_seconds is None:
        return
    every = step.every_seconds or step.run_seconds
    begun = lost_seconds + (seconds - lost_seconds) // every * every
    for period in (begun, begun + every):
        yield period
        yield period + every - step.run_seconds
    if step.at_most_seconds is not None:
        yield lost_seconds + step.at_most_seconds
