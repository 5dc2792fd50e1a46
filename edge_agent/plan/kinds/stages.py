"""By a level, in stages: each switches equipment on at one value and off at another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from edge_agent.model.figures import apart, finite, short
from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import Step
from edge_agent.model.spelling import one_of, show
from edge_agent.plan.kinds.spec import Asked, PlanKind
from edge_agent.plan.steps import most_of, no_actuator, no_compound, switch
from edge_agent.plan.targets import RUN, all_of, is_compound, is_group, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from edge_agent.plan.scene import Find, Gauge, Known, Scene


@dataclass(frozen=True, slots=True)
class Stage:
    """One piece of equipment, and the values at which it is switched on and off."""

    on: Annotated[float, Field(description="Beyond this value it is switched on.")]
    off: Annotated[float, Field(description="Beyond this value, on the other side, it is switched off.")]
    use: Annotated[
        str,
        Field(
            title='an actuator: node/actuator, "group NAME" or "sequence NAME"',
            description="What is switched; of a group, one more.",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages(PlanKind):
    """Filling, each stage is switched on below `on` and off above `off`; emptying, on above `on` and off below `off`.

    In between it stays as it is. What it remembers of that ends with its evidence, and with the agent: then a stage is
    switched on by a good reading beyond `on` and by nothing else. For the fail-safe action a doubtful one is enough.
    """

    name: ClassVar[str] = "stages"
    says: ClassVar[str] = "by a level, on at one value and off at another"

    measure: Annotated[
        str, Field(title="a sensor: node/sensor", description="What the values of the stages are compared with.")
    ]
    direction: Annotated[
        Literal["fill", "empty"], Field(description="Whether what is switched on makes the measure rise, or fall.")
    ]
    stages: Annotated[
        tuple[Stage, ...],
        Field(
            strict=False,
            min_length=1,
            title="a list of at least one stage",
            description="The first begins timed running.",
        ),
    ]

    def steps(self, find: Find) -> tuple[Step, ...]:
        """Return both for each stage, on and off; of a group all numbers that may be asked for."""
        single = [stage.use for stage in self.stages if not is_group(stage.use)]
        steps = [switch(find, use, on=on) for use in single for on in (True, False)]
        return (*steps, *all_of(stage.use for stage in self.stages))

    @property
    def looks(self) -> tuple[str, ...]:
        """The measure."""
        return (self.measure,)

    @property
    def watched(self) -> tuple[str, ...]:
        """The measure."""
        return (self.measure,)

    @property
    def values(self) -> tuple[str, ...]:
        """The measure."""
        return (self.measure,)

    @property
    def moved(self) -> tuple[tuple[str, float | None], ...]:
        """The measure, by a tenth of the narrowest stage."""
        return ((self.measure, min(abs(stage.off - stage.on) for stage in self.stages) / 10),)

    def ask(self, scene: Scene, state: tuple[bool, ...] | None) -> tuple[tuple[bool, ...] | None, Asked]:
        """Ask for each stage that is beyond one of its values, or was switched on and is not off yet."""
        gauge = scene.gauge(self.measure)
        if gauge.good is None:
            return None, Asked(doubtful=self._together(self._doubted(scene.find, gauge)))
        before = state or (False,) * len(self.stages)
        runs = tuple(self._runs(stage, gauge.good, was) for stage, was in zip(self.stages, before, strict=True))
        steps = []
        for stage, on in zip(self.stages, runs, strict=True):
            if on or self._beyond(gauge.good, stage.off, on=False):
                steps.append(switch(scene.find, stage.use, on=on))
        asked, doubted = self._together(steps), self._together(self._doubted(scene.find, gauge))
        return runs, Asked(asked, tuple(dict.fromkeys((*asked, *doubted))), why=self._why(gauge, runs))

    def _together(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        """Return steps in which each group is asked for a number: stages that use one ask for one more each."""
        return together(steps, (stage.use for stage in self.stages))

    def _beyond(self, value: float, limit: float, *, on: bool) -> bool:
        """Whether a value lies beyond the one that switches on, or off."""
        return value < limit if on is (self.direction == "fill") else value > limit

    def _runs(self, stage: Stage, value: float, was: bool) -> bool:  # noqa: FBT001 - what it was
        if self._beyond(value, stage.off, on=False):
            return False
        return was or self._beyond(value, stage.on, on=True)

    def _doubted(self, find: Find, gauge: Gauge) -> Iterator[Step]:
        """Yield what a doubtful reading would switch; of it the fail-safe actions count."""
        if gauge.doubtful is not None:
            for stage in self.stages:
                for limit, on in ((stage.on, True), (stage.off, False)):
                    counts = not (on and is_group(stage.use))  # of a group doubt counts as one less, never as one more
                    if counts and self._beyond(gauge.doubtful, limit, on=on):
                        yield switch(find, stage.use, on=on)

    def _why(self, gauge: Gauge, runs: tuple[bool, ...]) -> str:
        value = (gauge.good if gauge.doubtful is None else gauge.doubtful) or 0.0
        limits = [limit for stage in self.stages for limit in (stage.on, stage.off)]
        shown, _ = apart(value, min(limits, key=lambda limit: abs(limit - value)))
        unit = f" {gauge.unit}" if gauge.unit else ""
        doubtful = "" if gauge.doubtful is None else ", a doubtful reading"
        return f"{self.measure} is {shown}{unit}{doubtful}: {sum(runs)} of {len(runs)} stages on"

    def guards(self, step: Step, find: Find) -> tuple[str, ...]:
        """Return on which side of the value that switches its equipment off it is asked for."""
        for stage in self.stages:
            if step in (switch(find, stage.use, on=on) for on in (True, False)):
                on = step == switch(find, stage.use, on=True)
                sides = ("<=", ">") if self.direction == "fill" else (">=", "<")
                return (f"{self.measure} {sides[0 if on else 1]} {stage.off!r}",)
        return ()

    def told(self, scene: Scene, state: tuple[bool, ...] | None) -> tuple[str, ...]:
        """Return how each stage is."""
        unit = scene.gauge(self.measure).unit
        runs = state or (False,) * len(self.stages)
        on, off = ("below", "above") if self.direction == "fill" else ("above", "below")
        return tuple(
            f"stage {place} ({stage.use}): {'on' if running else 'off'}; {self.measure} {on} {short(stage.on)} {unit} "
            f"switches it on, {off} {short(stage.off)} {unit} off"
            for place, (stage, running) in enumerate(zip(self.stages, runs, strict=True), 1)
        )

    def timed(self, scene: Scene) -> tuple[Step, ...]:
        """Return the first stage."""
        use = self.stages[0].use
        return (Step(use, RUN, 1.0) if is_group(use) else switch(scene.find, use, on=True),)

    def instead(self, sensor: str, by: str) -> Self:
        """Return the same by another measure."""
        return replace(self, measure=by) if self.measure == sensor else self

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find what there is not, values on the wrong sides of each other, and those that no good reading passes."""
        measure, stages = given.get("measure"), given.get("stages")
        if isinstance(measure, str) and measure not in known.sensors:
            yield Misfit(("measure",), f"{show(measure)} is no sensor of this plant", one_of(known.sensors, measure))
        if given.get("trip") is True:
            yield Misfit(("trip",), "is nothing to stages", 'a plan of kind "condition" that protects the equipment')
        seen: list[str] = []
        for position, stage in enumerate(stages if isinstance(stages, list) else ()):
            if isinstance(stage, dict):
                path = ("stages", position)
                yield from (one._replace(path=(*path, *one.path)) for one in _use(stage.get("use"), seen, known))
                within = known.ranges.get(measure) if isinstance(measure, str) else None
                for one in _sides(stage, given.get("direction"), within):
                    yield one._replace(path=(*path, *one.path))


def _use(use: object, seen: list[str], known: Known) -> Iterator[Misfit]:
    """Find what there is not, and what more stages use than it has; `seen` are those before."""
    if not isinstance(use, str):
        return
    if is_compound(use):
        yield from no_compound(("use",), use, known)
    elif use not in known.actuators:
        yield no_actuator(("use",), use, known)
    content = known.provisions.get("groups", {}).get(use.partition(" ")[2]) if is_group(use) else None
    most = most_of(content) if isinstance(content, dict) else None
    if use in seen and not is_group(use):
        yield Misfit(("use",), f"{show(use)} comes twice in this plan", "one stage an actuator")
    elif most is not None and seen.count(use) == most:
        yield Misfit(("use",), f"{most} of {use} may run at once", "one stage for each")
    seen.append(use)


def _sides(stage: Mapping[str, Any], direction: object, within: tuple[float, float] | None) -> Iterator[Misfit]:
    """Find values on the wrong sides of each other, and those that no good reading passes."""
    on, off = finite(stage.get("on")), finite(stage.get("off"))
    if on is None or off is None or direction not in {"fill", "empty"}:
        return
    lower, upper = (on, off) if direction == "fill" else (off, on)
    names = ("on", "off") if direction == "fill" else ("off", "on")
    if lower >= upper:
        first, second = apart(lower, upper, short)
        yield Misfit((names[0],), f"{first} is not below {names[1]} {second}", f"{names[0]} below {names[1]}")
    elif within is not None:
        if lower <= within[0]:
            value, least = apart(lower, within[0], short)
            yield Misfit((names[0],), f"no good reading lies below {value}", f"more than {least}")
        if upper >= within[1]:
            value, most = apart(upper, within[1], short)
            yield Misfit((names[1],), f"no good reading lies above {value}", f"less than {most}")
