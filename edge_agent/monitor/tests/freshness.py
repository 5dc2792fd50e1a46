"""QARTOD test 1, timing: a reading is old when it arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from edge_agent.model.quality import Bounds, Flag
from edge_agent.monitor.tests.spec import Duration, QualityTest, Seen, graded, judge, least

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.fitness import Misfit


@dataclass(frozen=True, slots=True)
class Freshness(QualityTest):
    """How old a reading may be when it arrives: received_at - observed_at. Past `fail_seconds` it is late.

    No warm-up. Weakness: a node whose clock is slow looks late, one whose clock is fast looks fresh.
    Source: QARTOD, test 1, timing and gap, for a single reading.

    >>> Freshness(60.0, 30.0).update(Seen(3.0, 0.0, age_seconds=30.1), None)[1].name
    'SUSPECT'
    """

    name: ClassVar[str] = "freshness"
    number: ClassVar[int] = 4
    question: ClassVar[str] = "Is it too old?"
    alone: ClassVar[bool] = True

    fail_seconds: Annotated[Duration, Field(description="An older one is late: it is stored and moves nothing.")]
    suspect_seconds: Annotated[Duration | None, Field(description="An older one is doubted.")] = None

    @property
    def bounds(self) -> Bounds:
        """Ages that are young enough."""
        return Bounds(age_seconds=least(self.suspect_seconds, self.fail_seconds))

    @property
    def late_seconds(self) -> float | None:
        """What fails is late."""
        return self.fail_seconds

    def update(self, seen: Seen, state: None) -> tuple[None, Flag]:
        """Flag the age."""
        return state, judge(seen.age_seconds, self.suspect_seconds, self.fail_seconds)

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        """Find limits that are not in order; that one is missing the schema finds."""
        return graded(given, "suspect_seconds", "fail_seconds", required=False)
