"""QARTOD quality flags: per test, and their aggregate; and what the rest of the agent knows of a quality test.

Source: U.S. IOOS, Manual for the Use of Real-Time Oceanographic Data Quality Control Flags, version 1.2 (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from math import inf
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Flag(IntEnum):
    """The trust in a reading; the numbers are QARTOD's primary flags."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


#: From the weakest to the strongest voice in an aggregate.
PRECEDENCE = (Flag.MISSING, Flag.NOT_EVALUATED, Flag.GOOD, Flag.SUSPECT, Flag.FAIL)
_RANK = {flag: rank for rank, flag in enumerate(PRECEDENCE)}

#: The flag for a time in the future: no plant file names this test, every sensor is put to it.
CLOCK = "clock"
#: Its number: see Spec.number.
CLOCK_NUMBER = 5
#: The flag of what a derived sensor is made of, the worst of it: no plant file names this test either.
INPUTS = "inputs"
INPUTS_NUMBER = 14


def flag_name(flag: int) -> str:
    """Name a flag as the interface does: `good`, `not_evaluated`, `suspect`, `fail`, `missing`."""
    return Flag(flag).name.lower()


def aggregate(flags: Iterable[int]) -> Flag:
    """Join flags into one by precedence; nothing at all is `missing`."""
    return max((Flag(flag) for flag in flags), key=_RANK.__getitem__, default=Flag.MISSING)


class Bounds(NamedTuple):
    """What one test, or all tests of a sensor, find good without being asked; the bounds themselves are inside.

    The value in the sensor's unit, its change per second, its distance from the mean of its two neighbours, and its
    age at receipt. Within `still` of the reading before it a test has to see a reading nevertheless: `inf` for one
    that has to see all of them.
    """

    lowest: float = -inf
    highest: float = inf
    rate: float = inf
    height: float = inf
    age_seconds: float = inf
    still: float = -inf


def joined(bounds: Iterable[Bounds]) -> Bounds:
    """Join the bounds of several tests: within them all are content.

    >>> joined([Bounds(0.0, 6.0), Bounds(rate=0.5, still=0.01)])
    Bounds(lowest=0.0, highest=6.0, rate=0.5, height=inf, age_seconds=inf, still=0.01)
    """
    lowest, highest, rate, height, age, still = zip(*(Bounds(), *bounds), strict=True)
    return Bounds(max(lowest), min(highest), min(rate), min(height), min(age), max(still))


class Spec(Protocol):
    """One quality test with the limits that a sensor's plant file gives it: a value that compares and hashes.

    `number` is its place in a stored reading, never given to another test. One that `settles` flags a reading when
    the next one has come. Past `late_seconds` a reading is late; None where the test does not say.
    """

    name: ClassVar[str]
    number: ClassVar[int]
    settles: ClassVar[bool]

    @property
    def bounds(self) -> Bounds:
        """What it finds good without being asked."""
        ...

    @property
    def late_seconds(self) -> float | None:
        """Return the age past which a reading is late; None where the test does not say."""
        ...


class Quality(Mapping[str, Spec]):
    """The tests that a sensor is put to, by name, in the order of their numbers."""

    __slots__ = ("_specs", "late_seconds", "settles")

    def __init__(self, specs: Iterable[Spec] = ()) -> None:
        self._specs = {spec.name: spec for spec in sorted(specs, key=lambda spec: spec.number)}
        late = [spec.late_seconds for spec in self._specs.values() if spec.late_seconds is not None]
        self.late_seconds: float | None = min(late, default=None)
        self.settles = any(spec.settles for spec in self._specs.values())

    def __getitem__(self, name: str) -> Spec:
        return self._specs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def __hash__(self) -> int:
        return hash(tuple(self._specs.values()))

    def __repr__(self) -> str:
        return f"Quality({', '.join(map(repr, self._specs.values()))})"

    @property
    def bounds(self) -> Bounds:
        """What all of its tests find good without being asked."""
        return joined(spec.bounds for spec in self._specs.values())


class Layout(NamedTuple):
    """Where the flag of each test lies in `Reading.tests`: four bits each, names by number; and which tests settle."""

    names: Mapping[int, str]
    settling: frozenset[str]

    def unpack(self, tests: int) -> dict[str, str]:
        """Read the packed flags of a reading: test name to flag name, only the tests that were run."""
        found = ((name, tests >> 4 * number & 0xF) for number, name in self.names.items())
        return {name: flag_name(flag) for name, flag in found if flag}

    def pack(self, flags: Mapping[str, str]) -> int:
        """Pack flags by test name, the inverse of `unpack`. Raises KeyError for an unknown test or flag."""
        shift = {name: 4 * number for number, name in self.names.items()}
        return sum(Flag[flag.upper()] << shift[name] for name, flag in flags.items())
