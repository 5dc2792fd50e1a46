"""QARTOD test 7, rate of change: the value moved faster than the water can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from edge_agent.model.quality import Bounds, Flag
from edge_agent.monitor.tests.spec import Above, QualityTest, Seen, graded, judge, least

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.fitness import Misfit


@dataclass(frozen=True, slots=True)
class RateOfChange(QualityTest):
    """How fast the value may change from one reading to the next: |value - last| / seconds between them.

    In the sensor's unit per second. Warm-up: the first reading, and one for which no time has passed, is not evaluated.
    Weakness: it blames the reading after a bad one as well.
    Source: QARTOD, test 7, in the form of ioos_qc: with limits of its own instead of deviations.

    >>> RateOfChange(0.02, 0.05).update(Seen(3.3, 10.0, last=3.0, apart_seconds=10.0), None)[1].name
    'SUSPECT'
    """

    name: ClassVar[str] = "rate_of_change"
    number: ClassVar[int] = 1
    question: ClassVar[str] = "Did it change too fast?"

    suspect: Annotated[Above | None, Field(description="A faster change is doubted.")] = None
    fail: Annotated[Above | None, Field(description="A faster change cannot be.")] = None

    @property
    def bounds(self) -> Bounds:
        """Changes that are slow enough."""
        return Bounds(rate=least(self.suspect, self.fail))

    def update(self, seen: Seen, state: None) -> tuple[None, Flag]:
        """Flag the change since the reading before."""
        last, seconds = seen.last, seen.apart_seconds
        if last is None or seconds is None or seconds <= 0.0:
            return state, Flag.NOT_EVALUATED
        return state, judge(abs(seen.value - last) / seconds, self.suspect, self.fail)

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        """Find limits that are not in order, or missing."""
        return graded(given, "suspect", "fail")
