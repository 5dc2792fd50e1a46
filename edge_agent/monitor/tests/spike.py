"""QARTOD test 6, spike: a reading stands out from both of its neighbours."""

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
class Spike(QualityTest):
    """How far a reading may lie from the mean of its neighbours: |value - (before + after) / 2|.

    In the sensor's unit. It needs the next reading, so it settles one later. Warm-up: the first reading is not
    evaluated. Weakness: the neighbours of a spike of height h stand out by h / 2 themselves; choose limits accordingly.
    Source: QARTOD, test 6, method average of ioos_qc.

    >>> Spike(0.3, 0.8).update(Seen(3.0, 20.0, last=5.0, before=3.0), None)[1].name
    'FAIL'
    """

    name: ClassVar[str] = "spike"
    number: ClassVar[int] = 2
    question: ClassVar[str] = "Does it stand out from its neighbours?"
    settles: ClassVar[bool] = True

    suspect: Annotated[Above | None, Field(description="A larger distance is doubted.")] = None
    fail: Annotated[Above | None, Field(description="A larger distance cannot be.")] = None

    @property
    def bounds(self) -> Bounds:
        """Distances that are small enough."""
        return Bounds(height=least(self.suspect, self.fail))

    def update(self, seen: Seen, state: None) -> tuple[None, Flag]:
        """Flag the last reading by those on both sides of it."""
        if seen.last is None or seen.before is None:
            return state, Flag.NOT_EVALUATED
        return state, judge(abs(seen.last - (seen.before + seen.value) / 2), self.suspect, self.fail)

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        """Find limits that are not in order, or missing."""
        return graded(given, "suspect", "fail")
