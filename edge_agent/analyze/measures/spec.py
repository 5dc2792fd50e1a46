"""What a threshold's limit is compared with: the value itself, or a figure made of the values before it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.fitness import Misfit


class Measure(ABC):
    """One measure. A subclass is a frozen dataclass whose members are keys of a threshold in the plant file.

    It sees the good readings of a sensor in their order. What it remembers from one to the next is its state: None at
    first, else an object of its own module. One whose figure is the value itself says so: its limit need not be asked
    about values that change nothing. One that `foresees` tells of later values; one that is `implied_by` a key of the
    plant file need not be named there.
    """

    __slots__ = ()

    name: ClassVar[str]
    #: What it is, in the words of the plant file's documentation.
    says: ClassVar[str]
    is_value: ClassVar[bool] = False
    foresees: ClassVar[bool] = False
    implied_by: ClassVar[str | None] = None

    @abstractmethod
    def update(self, value: float, seconds: float, state: Any) -> tuple[Any, float | None]:  # noqa: ANN401 - its own
        """Return the state to go on with and the figure at a time of observation; None where it cannot tell."""
        ...

    @abstractmethod
    def subject(self, sensor: str) -> str:
        """Name what is compared, in a sentence."""
        ...

    @abstractmethod
    def unit(self, unit: str) -> str:
        """Return the unit of the figure for a sensor in this unit."""
        ...

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        """Find what does not fit together in a threshold as it is written; a wrong type is passed over."""
        del given
        yield from ()
