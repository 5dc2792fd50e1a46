"""Every quality test, in the order in which documents tell of them. A new one is a module, and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_agent.model.quality import CLOCK, CLOCK_NUMBER, INPUTS, INPUTS_NUMBER, Layout, Quality
from edge_agent.monitor.tests.flat_line import FlatLine
from edge_agent.monitor.tests.freshness import Freshness
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.rate_of_change import RateOfChange
from edge_agent.monitor.tests.spike import Spike

if TYPE_CHECKING:
    from edge_agent.monitor.tests.spec import QualityTest

TESTS: tuple[type[QualityTest], ...] = (
    GrossRange,
    RateOfChange,
    Spike,
    FlatLine,
    Freshness,
)


def layout(tests: tuple[type[QualityTest], ...]) -> Layout:
    """Lay out the flags of tests by their numbers. Raises ValueError where two have the same, or one is too large."""
    names = {CLOCK_NUMBER: CLOCK, INPUTS_NUMBER: INPUTS}
    for test in tests:
        if test.number in names or not 0 <= test.number <= MOST_NUMBER:
            raise ValueError(f"{test.name} cannot have the number {test.number}")
        names[test.number] = test.name
    return Layout(dict(sorted(names.items())), frozenset(test.name for test in tests if test.settles))


#: A stored reading keeps its flags in 63 bits, four a test.
MOST_NUMBER = 14
LAYOUT = layout(TESTS)


def quality(**specs: Any) -> Quality:  # noqa: ANN401 - each test has its own members
    """Return the tests that are given by name; None is not run. Raises KeyError for an unknown one."""
    by_name = {test.name: test for test in TESTS}
    given = [by_name[name](**dict(members)) for name, members in specs.items() if members is not None]
    return Quality(given)
