"""QARTOD quality flags: per test, and their aggregate.

Source: U.S. IOOS, Manual for the Use of Real-Time Oceanographic Data Quality Control Flags, version 1.2 (2020).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


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

#: The tests a reading can pass through. Their order is that of the nibbles in `Reading.tests`: only ever append.
TESTS = ("gross_range", "rate_of_change", "spike", "flat_line", "freshness", "clock")
SHIFT = {test: 4 * position for position, test in enumerate(TESTS)}


def flag_name(flag: int) -> str:
    """Name a flag as the interface does: `good`, `not_evaluated`, `suspect`, `fail`, `missing`."""
    return Flag(flag).name.lower()


def aggregate(flags: Iterable[int]) -> Flag:
    """Join flags into one by precedence; nothing at all is `missing`."""
    return max((Flag(flag) for flag in flags), key=_RANK.__getitem__, default=Flag.MISSING)


def unpack_tests(tests: int) -> dict[str, str]:
    """Read the packed flags of a reading: test name to flag name, only the tests that were run."""
    found = ((test, tests >> shift & 0xF) for test, shift in SHIFT.items())
    return {test: flag_name(flag) for test, flag in found if flag}


def pack_tests(flags: dict[str, str]) -> int:
    """Pack flags by test name, the inverse of `unpack_tests`. Raises KeyError for an unknown test or flag."""
    return sum(Flag[flag.upper()] << SHIFT[test] for test, flag in flags.items())
