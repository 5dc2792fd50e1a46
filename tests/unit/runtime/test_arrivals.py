from __future__ import annotations

from edge_agent.runtime.arrivals import SHORTEST_SILENCE_SECONDS, Arrivals


def test_a_sender_that_waits_for_acknowledgements_is_silent_soon():
    """Bursts of a broker's window of 20, each followed by as long a silence as it takes to notice it."""
    arrivals, now = Arrivals(0.0), 60.0
    for _ in range(20):
        for _ in range(4):
            arrivals.update(5, now)
            now += 0.0005
        now = arrivals.silent_from() + 0.003  # the commit
    assert arrivals.silent_from() - now < 3 * SHORTEST_SILENCE_SECONDS


def test_an_even_trickle_is_never_silent_between_two_messages():
    arrivals, now = Arrivals(0.0), 0.0
    for number in range(1000):
        now += 0.01
        if number > 10:
            assert arrivals.silent_from() > now
        arrivals.update(1, now)


def test_sensors_that_speak_together_now_and_then_are_left_time():
    arrivals, now = Arrivals(0.0), 0.0
    for _ in range(10):
        now += 10.0
        arrivals.update(20, now)
    assert arrivals.silent_from() - now > 0.3
