"""What a quality test is: limits from the plant file, bounds within which it is content, and a flag for the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from edge_agent.model.figures import apart, finite, short
from edge_agent.model.fitness import Misfit
from edge_agent.model.quality import Bounds, Flag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Kinds of members. TOML knows lists only; strict validation would want tuples.
Limits = Annotated[tuple[float, float], Field(strict=False, title="a list of two numbers, [lowest, highest]")]
Above = Annotated[float, Field(gt=0)]
NotBelow = Annotated[float, Field(ge=0)]
#: A year at most: longer is a slip of the keyboard, and far longer does not fit into an instant.
Duration = Annotated[float, Field(gt=0, le=31_536_000)]


class Seen(NamedTuple):
    """A reading as a test sees it, with those before it in order; what is None is not there, or not known.

    `seconds` is where it stands in time, never before the last one; `apart_seconds` the time since the last reading
    by the clock of its node.
    """

    value: float
    seconds: float
    age_seconds: float = 0.0
    last: float | None = None
    last_seconds: float | None = None
    apart_seconds: float | None = None
    before: float | None = None  # the value before the last


class QualityTest(ABC):
    """One quality test. A subclass is a frozen dataclass whose members are the test's keys in the plant file.

    What a test remembers from one reading to the next is its state: None at rest, else an object of its own module
    that is handed back with the next reading. One with a state says so by `Bounds.still`. A test that stands `alone`
    looks at no other reading, so that it flags late ones too.
    """

    __slots__ = ()

    name: ClassVar[str]
    number: ClassVar[int]
    #: What it asks of a reading, in the words of the plant file's documentation.
    question: ClassVar[str]
    alone: ClassVar[bool] = False
    settles: ClassVar[bool] = False

    @property
    def bounds(self) -> Bounds:
        """What it finds good without being asked; nothing, unless a test says more."""
        return Bounds(rate=float("-inf"))

    @property
    def late_seconds(self) -> float | None:
        """Age at receipt past which a reading is late; None where the test does not say."""
        return None

    @abstractmethod
    def update(self, seen: Seen, state: Any) -> tuple[Any, Flag]:  # noqa: ANN401 - each test has its own state
        """Flag a reading, or the one before it where the test settles; return the state to go on with, and the flag."""
        ...

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        """Find what does not fit together among its members as they are written; a wrong type is passed over."""
        del given
        yield from ()


def judge(figure: float, suspect: float | None, fail: float | None) -> Flag:
    """Flag a figure against two limits, of which any may be missing; the limits themselves are good.

    >>> judge(0.3, 0.3, 0.8).name, judge(0.31, 0.3, None).name, judge(0.9, 0.3, 0.8).name
    ('GOOD', 'SUSPECT', 'FAIL')
    """
    if fail is not None and figure > fail:
        return Flag.FAIL
    if suspect is not None and figure > suspect:
        return Flag.SUSPECT
    return Flag.GOOD


def least(*limits: float | None) -> float:
    """Return the narrowest of the limits that are given; infinite where none is."""
    return min((limit for limit in limits if limit is not None), default=float("inf"))


def graded(given: Mapping[str, Any], suspect: str, fail: str, *, required: bool = True) -> Iterator[Misfit]:
    """Find two limits that are not in order, and that there is none where one is `required`."""
    low, high = finite(given.get(suspect)), finite(given.get(fail))
    if low is not None and high is not None and low >= high:
        first, second = apart(low, high, short)
        yield Misfit((suspect,), f"{first} is not below {fail} {second}", "suspect below fail")
    if required and not given.keys() & {suspect, fail}:
        yield Misfit((), "has no limit", f"{suspect}, {fail} or both")
