"""QARTOD test 4, gross range: a value the sensor cannot give, or that nobody expects of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from edge_agent.model.figures import apart, finite, short
from edge_agent.model.fitness import Misfit
from edge_agent.model.quality import Bounds, Flag
from edge_agent.monitor.tests.spec import Limits, QualityTest, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class GrossRange(QualityTest):
    """Values outside `fail` cannot be, values outside `suspect` are doubted; the limits themselves are inside.

    In the sensor's unit. No warm-up. Weakness: it knows nothing of the moment, so that a plausible error passes.
    Source: QARTOD, Manual for Real-Time Quality Control of In-situ Temperature and Salinity Data, test 4.

    >>> GrossRange((0.0, 6.0), (0.2, 5.8)).update(Seen(5.9, 0.0), None)[1].name
    'SUSPECT'
    """

    name: ClassVar[str] = "gross_range"
    number: ClassVar[int] = 0
    question: ClassVar[str] = "Is the value possible?"
    alone: ClassVar[bool] = True

    fail: Annotated[Limits, Field(description="Lowest and highest value the sensor can give.")]
    suspect: Annotated[Limits | None, Field(description="Lowest and highest value that is usual; within `fail`.")] = (
        None
    )

    @property
    def bounds(self) -> Bounds:
        """What lies in both ranges."""
        suspect = self.suspect or self.fail
        return Bounds(max(self.fail[0], suspect[0]), min(self.fail[1], suspect[1]))

    def update(self, seen: Seen, state: None) -> tuple[None, Flag]:
        """Flag the value."""
        low, high = self.fail
        if not low <= seen.value <= high:
            return state, Flag.FAIL
        low, high = self.suspect or self.fail
        return state, Flag.GOOD if low <= seen.value <= high else Flag.SUSPECT

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Iterator[Misfit]:
        """Find ranges that are upside down, and a usual range that is not inside the possible one."""
        ranges = {name: _range(given.get(name)) for name in ("fail", "suspect")}
        upside_down = {name: limits for name, limits in ranges.items() if limits and limits[0] >= limits[1]}
        for name, (low, high) in upside_down.items():
            first, second = apart(low, high, short)
            yield Misfit((name,), f"{first} is not below {second}", "the lowest value first, then the highest")
        fail, suspect = ranges["fail"], ranges["suspect"]
        if fail and suspect and not upside_down and not (fail[0] <= suspect[0] and suspect[1] <= fail[1]):
            (lower, lowest), (upper, highest) = (apart(*pair, short) for pair in zip(suspect, fail, strict=True))
            wrong = f"[{lower}, {upper}] is not inside fail [{lowest}, {highest}]"
            yield Misfit(("suspect",), wrong, "limits inside those of fail")


def _range(value: object) -> tuple[float, float] | None:
    limits = [finite(limit) for limit in value] if isinstance(value, list) else []
    if len(limits) != 2 or limits[0] is None or limits[1] is None:
        return None
    return limits[0], limits[1]
