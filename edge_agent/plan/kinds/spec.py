"""What a kind of plan is: keys of the plant file, what it looks at, and what it asks for now."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from edge_agent.model.fitness import Misfit
from edge_agent.model.plant import ACTIONS
from edge_agent.model.spelling import one_of, show

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from edge_agent.model.fitness import Place
    from edge_agent.model.plant import Step


class Known(NamedTuple):
    """What plans can refer to, as it is declared.

    Alarms by name with the measure they are of (empty: of none), sensors with their quantity, actuators with their
    kind.
    """

    alarms: Mapping[str, str]
    sensors: Mapping[str, Any]
    actuators: Mapping[str, Any]


class Scene(NamedTuple):
    """What a kind sees in one turn: names of the active alarms, and of those that doubt would raise."""

    active: Container[str]
    doubted: Container[str]


class Asked(NamedTuple):
    """What a plan asks for now.

    `steps` stand on good readings; of them those count that are not the fail-safe action of their actuator. `doubtful`
    are asked for if doubt counts as well; of them the fail-safe actions count. `alarms` are the names of what it stands
    on, `why` says it where none of these is active.
    """

    steps: tuple[Step, ...] = ()
    doubtful: tuple[Step, ...] = ()
    alarms: tuple[str, ...] = ()
    why: str = ""


class PlanKind(ABC):
    """One kind of plan. A subclass is a frozen dataclass whose members are keys of a plan in the plant file.

    What it remembers from one turn to the next is its state: None at first, after a restart, and after its evidence
    was gone; else an object of its own module. It decides neither whether evidence is good enough nor between plans.
    """

    __slots__ = ()

    name: ClassVar[str]
    #: What it is for, in the words of the plant file's documentation.
    says: ClassVar[str]

    @property
    @abstractmethod
    def steps(self) -> tuple[Step, ...]:
        """Everything that it may ever ask for."""
        ...

    @property
    @abstractmethod
    def looks(self) -> tuple[str, ...]:
        """What it needs good readings of: sensors (`node/sensor`) and nodes."""
        ...

    @property
    def blockers(self) -> tuple[str, ...]:
        """Those of `looks` that must be known for timed running too: what keeps it from starting."""
        return ()

    @property
    def watched(self) -> tuple[str, ...]:
        """Those of `looks` that its requests are to change: a frozen one should be noticed."""
        return ()

    @property
    def by_ignorance(self) -> bool:
        """Whether it would act because something is not known: that is no reason to start anything."""
        return False

    @abstractmethod
    def ask(self, scene: Scene, state: Any) -> tuple[Any, Asked]:  # noqa: ANN401 - each kind has its own state
        """Return the state to go on with, and what is asked for."""
        ...

    def timed(self, scene: Scene) -> tuple[Step, ...]:
        """Return what timed running without evidence asks for."""
        del scene
        return self.steps

    @abstractmethod
    def instead(self, sensor: str, by: str) -> Self:
        """Return the same that looks at another sensor in the place of one."""
        ...

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find what does not fit, among its members as they stand in the file; a wrong type is passed over."""
        del given, known
        yield from ()


def step_conflicts(key: str, steps: Sequence[Any], known: Known) -> Iterator[Misfit]:
    """Find what is wrong with steps as they stand in the file: no such actuator, twice the same, no such action."""
    seen: set[str] = set()
    for position, step in enumerate(steps):
        actuator = step.get("actuator") if isinstance(step, dict) else None
        if not isinstance(actuator, str):
            continue
        here = (key, position)
        if actuator in seen:
            yield Misfit((*here, "actuator"), f"{show(actuator)} comes twice in this plan", "one step an actuator")
        seen.add(actuator)
        if actuator in known.actuators:
            yield from _action(here, step, known.actuators[actuator])
        else:
            yield no_actuator((*here, "actuator"), actuator, known)


def no_actuator(path: Place, actuator: str, known: Known) -> Misfit:
    """Say that there is no such actuator."""
    return Misfit(path, f"{show(actuator)} is no actuator of this plant", one_of(known.actuators, actuator))


def _action(path: Place, step: Mapping[str, Any], kind: Any) -> Iterator[Misfit]:  # noqa: ANN401 - as it is written
    actions = ACTIONS.get(kind, ()) if isinstance(kind, str) else ()  # type: ignore[call-overload] # any text
    action = step.get("action")
    if not actions or not isinstance(action, str):
        return
    if action not in actions:
        yield Misfit((*path, "action"), f"{show(action)} is no action of a {kind}", one_of(actions, action))
    elif action == "set" and "value" not in step:
        yield Misfit((*path, "value"), "is missing", "a number from 0 to 1 with action set")
    elif action != "set" and "value" in step:
        yield Misfit((*path, "value"), f"is given with action {action}", "a value with action set only")
