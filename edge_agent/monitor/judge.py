"""Puts readings to the quality tests of a sensor, and packs the flags."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, cast

from edge_agent.model.quality import INPUTS_NUMBER, Flag

if TYPE_CHECKING:
    from edge_agent.model.quality import Quality
    from edge_agent.model.readings import Reading
    from edge_agent.monitor.tests.spec import QualityTest, Seen

    #: Tests, each with the place of its flag.
    Placed: TypeAlias = tuple[tuple[QualityTest, int], ...]
    #: What tests remember of one sensor, by the place of their flags; None where all are at rest.
    States: TypeAlias = dict[int, object] | None

_GOOD, _NOT_EVALUATED = int(Flag.GOOD), int(Flag.NOT_EVALUATED)
#: Where a derived sensor is made of something that nobody has evaluated.
_NOTHING_KNOWN = _NOT_EVALUATED << 4 * INPUTS_NUMBER


def strongest(tests: int) -> int:
    """Aggregate packed flags by precedence. A reading that passed validation is good unless a test says worse.

    What is made of something that is not evaluated is not evaluated, whatever its own tests find good.
    """
    worst, left = _GOOD, tests
    while left:
        flag = left & 0xF
        if flag > worst and flag != _NOT_EVALUATED:
            worst = flag
        left >>= 4
    return _NOT_EVALUATED if worst == _GOOD and tests >= _NOTHING_KNOWN else worst


class Judge:
    """The tests of one sensor, sorted by what they look at. It remembers nothing: sensors with equal tests share it.

    `watched` are the packed good flags of the tests that must see a reading within `Bounds.still`; `pending` those of
    the tests that wait for the next reading.
    """

    __slots__ = ("_alone", "_beside", "_settling", "_watching", "pending", "watched")

    def __init__(self, quality: Quality) -> None:
        tests = [(test, 4 * test.number) for test in cast("list[QualityTest]", list(quality.values()))]
        self._alone = tuple(placed for placed in tests if placed[0].alone)
        self._settling = tuple(placed for placed in tests if placed[0].settles)
        self._beside = tuple(placed for placed in tests if not placed[0].alone and not placed[0].settles)
        self._watching = tuple(placed for placed in self._beside if placed[0].bounds.still >= 0.0)
        self.watched = sum(_GOOD << shift for _, shift in self._watching)
        self.pending = sum(_NOT_EVALUATED << shift for _, shift in self._settling)

    def __repr__(self) -> str:
        named = (test.name for tests in (self._alone, self._beside, self._settling) for test, _ in tests)
        return f"Judge({', '.join(named)})"

    def alone(self, seen: Seen) -> int:
        """Run the tests that need no other reading."""
        flags = 0
        for test, shift in self._alone:
            flags |= test.update(seen, None)[1] << shift
        return flags

    def beside(self, seen: Seen, states: States) -> tuple[int, States]:
        """Run the tests that look at the readings before, but for those that settle; return what they remember, too."""
        return _run(self._beside, seen, states)

    def watch(self, seen: Seen, states: States) -> tuple[int, States]:
        """Run the tests that must see a reading that hardly moved; return what they remember, too."""
        return _run(self._watching, seen, states)

    def settle(self, tests: int, seen: Seen) -> int:
        """Return the packed flags of the reading before, now that the one after it is here."""
        for test, shift in self._settling:
            tests = tests & ~(0xF << shift) | test.update(seen, None)[1] << shift
        return tests

    def stands_out(self, tests: int) -> bool:
        """Whether a settled reading was flagged by the test of its neighbours."""
        return any(tests >> shift & 0xF > _NOT_EVALUATED for _, shift in self._settling)


def _run(tests: Placed, seen: Seen, states: States) -> tuple[int, States]:
    flags = 0
    for test, shift in tests:
        state, flag = test.update(seen, states.get(shift) if states else None)
        flags |= flag << shift
        if state is not None:
            states = states or {}
            states[shift] = state
        elif states:
            states.pop(shift, None)
    return flags, states


@lru_cache(1024)  # most sensors of a plant are put to the same tests: one for all of them
def judge_of(quality: Quality) -> Judge:
    """Return the judge of a sensor with these tests."""
    return Judge(quality)


def outlier(before: float, settled: Reading, after: Reading) -> Reading | None:
    """Return the reading after one that stands out where it is the one to blame, None where it is not."""
    near, far = abs(settled.value - before), abs(after.value - settled.value)
    return after if far > near else None
