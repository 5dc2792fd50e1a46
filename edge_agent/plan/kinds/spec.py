"""What a kind of plan is: keys of the plant file, what it looks at, and what it asks for now."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from edge_agent.model.civil import is_zone
from edge_agent.model.fitness import Misfit
from edge_agent.model.spelling import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.plant import Step
    from edge_agent.plan.scene import Find, Known, Scene


class Asked(NamedTuple):
    """What a plan asks for now.

    `steps` stand on good readings; of them those count that are not the fail-safe action of their actuator. `doubtful`
    are asked for if doubt counts as well; of them the fail-safe actions count. `alarms` are the names of what it stands
    on, `why` says it where none of these is active. `over` says why what it has asked for ends though no other plan
    wins; empty where it goes on standing. `due` is the monotonic time at which it has to be asked again, though nothing
    that it names has changed.
    """

    steps: tuple[Step, ...] = ()
    doubtful: tuple[Step, ...] = ()
    alarms: tuple[str, ...] = ()
    why: str = ""
    over: str = ""
    due: float = float("inf")


class PlanKind(ABC):
    """One kind of plan. A subclass is a frozen dataclass whose members are keys of a plan in the plant file.

    What it remembers from one turn to the next is its state: None at first, after a restart, and after its evidence
    was gone; else an object of its own module. It decides neither whether evidence is good enough nor between plans.
    """

    __slots__ = ()

    name: ClassVar[str]
    #: What it is for, in the words of the plant file's documentation.
    says: ClassVar[str]

    @abstractmethod
    def steps(self, find: Find) -> tuple[Step, ...]:
        """Return everything that it may ever ask for; `find` finds an actuator of the plant."""
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
    def alarms(self) -> tuple[str, ...]:
        """The alarms, by name, whose change may change what it asks for."""
        return ()

    @property
    def values(self) -> tuple[str, ...]:
        """The sensors of which every reading may change what it asks for."""
        return ()

    @property
    def moved(self) -> tuple[tuple[str, float | None], ...]:
        """What must move while its requests run: alarms, or sensors, each with the least movement that counts."""
        return ()

    @property
    def ends(self) -> bool:
        """Whether it ends by itself what it has asked for (`Asked.over`)."""
        return False

    @property
    def by_ignorance(self) -> bool:
        """Whether it would act because something is not known: that is no reason to start anything."""
        return False

    @abstractmethod
    def ask(self, scene: Scene, state: Any) -> tuple[Any, Asked]:  # noqa: ANN401 - each kind has its own state
        """Return the state to go on with, and what is asked for."""
        ...

    def guards(self, step: Step, find: Find) -> tuple[str, ...]:
        """Return conditions that hold whenever it asks for a step, as text; none: it may ask for it at any time."""
        del step, find
        return ()

    def told(self, scene: Scene, state: Any) -> tuple[str, ...]:  # noqa: ANN401 - each kind has its own state
        """Return, in sentences, how what it depends on is now; nothing is changed by it."""
        del scene, state
        return ()

    def timed(self, scene: Scene) -> tuple[Step, ...]:
        """Return what timed running without evidence asks for."""
        return self.steps(scene.find)

    @abstractmethod
    def instead(self, sensor: str, by: str) -> Self:
        """Return the same that looks at another sensor in the place of one."""
        ...

    @classmethod
    def conflicts(cls, given: Mapping[str, Any], known: Known) -> Iterator[Misfit]:
        """Find what does not fit, among its members as they stand in the file; a wrong type is passed over."""
        del given, known
        yield from ()


def zone_conflicts(given: Mapping[str, Any]) -> Iterator[Misfit]:
    """Find a time zone that this machine does not know."""
    place = given.get("timezone", "UTC")
    if isinstance(place, str) and not is_zone(place):
        yield Misfit(("timezone",), f"{show(place)} is no time zone", "one of the IANA's, such as Europe/Berlin")
