from __future__ import annotations

import pytest

from edge_agent.knowledge.store.trusted import TrustedTime
from edge_agent.model.time import MICROSECONDS, Moment

NOON = 1_800_000_000
YEAR = 365 * 86_400


def seen(*looks: tuple[float, float, bool]) -> TrustedTime:
    """Look at moments, each as wall and monotonic seconds since noon, and whether the wall was sure."""
    time = TrustedTime()
    for wall, seconds, sure in looks:
        time.look(Moment(round((NOON + wall) * MICROSECONDS), seconds, sure=sure))
    return time


def since_noon(time: TrustedTime) -> float:
    return time.at / MICROSECONDS - NOON


@pytest.mark.parametrize(
    ("looks", "at"),
    [
        ([(0, 0, False)], 0),  # nobody knows better
        ([(0, 0, True), (10, 10, True)], 10),
        ([(0, 0, True), (YEAR, 10, False)], 10),
        ([(0, 0, True), (YEAR, 10, False), (20, 20, False)], 20),
        ([(0, 0, True), (YEAR, 10, False), (YEAR + 50, 60, True)], YEAR + 50),
        ([(0, 0, True), (-YEAR, 10, False), (15, 15, False)], 5),  # what passed while it was behind is not counted
        ([(0, 0, True), (-YEAR, 10, True)], -YEAR),
        ([(YEAR, 0, False), (0, 10, False)], YEAR),
    ],
)
def test_it_passes_as_the_monotonic_count_and_follows_only_a_sure_wall_clock(looks, at):
    assert since_noon(seen(*looks)) == at


def test_what_is_old_is_old_by_the_wall_clock_too():
    time = seen((YEAR, 0, False), (0, 10, False))
    assert time.earliest == NOON * MICROSECONDS
    assert time.latest == (NOON + YEAR) * MICROSECONDS
