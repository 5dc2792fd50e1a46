from __future__ import annotations

from edge_agent.runtime.arrivals import LONGER_SILENCE_SECONDS, SHORTEST_SILENCE_SECONDS, Arrivals


def test_a_sender_that_waits_for_acknowledgements_is_silent_soon():
    """Bursts of a broker's window of 20, each followed by as long a silence as it takes to notice it."""
    arrivals, now = Arrivals(0.0), 60.0
    for _ in range(20):
        for _ in range(4):
            arrivals.update(5, now)
            now += 0.0005
        now = arrivals.silent_from(20) + 0.003  # the commit
    assert arrivals.silent_from(20) - now < 3 * SHORTEST_SILENCE_SECONDS


def test_an_even_trickle_is_never_silent_between_two_messages():
    arrivals, now = Arrivals(0.0), 0.0
    for number in range(1000):
        now += 0.01
        if number > 10:
            assert arrivals.silent_from(20) > now
        arrivals.update(1, now)


def test_silence_is_suspicious_late_where_the_broker_has_sent_more_unacknowledged():
    arrivals = Arrivals(0.0)
    for number in range(100):
        arrivals.update(1, number * 0.1)
    assert arrivals.silent_from(50) - 9.9 < 0.5
    arrivals.acknowledged(100, 9.95)
    assert arrivals.silent_from(50) - 9.9 >= LONGER_SILENCE_SECONDS
    assert arrivals.silent_from(100) - 9.9 < 0.5


def test_what_is_gathered_together_is_no_silence_in_between():
    gathering = Arrivals(0.0, gather_seconds=0.02)
    for number in range(500):
        now = number * 0.02
        assert number < 10 or gathering.silent_from(10**6) > now
        gathering.update(20, now)


def stall(arrivals, now, window, refill_seconds):
    """Fill a window one by one, acknowledge it in the silence that follows, and let more come after so many seconds."""
    for _ in range(window):
        now += 0.1
        arrivals.update(1, now)
    now = arrivals.silent_from(window)
    arrivals.acknowledged(window, now)
    arrivals.update(4, now + refill_seconds)
    return now + refill_seconds


def test_a_broker_that_stops_twice_at_one_number_and_goes_on_when_acknowledged_is_acknowledged_at_half_of_it():
    arrivals, now = Arrivals(0.0), 0.0
    assert arrivals.most(now) == float("inf")
    now = stall(arrivals, now, 20, 0.01)
    assert arrivals.most(now) == float("inf")
    now = stall(arrivals, now, 20, 0.01)
    assert arrivals.most(now) == 10
    assert arrivals.most(now + 3600) == float("inf")


def test_a_window_of_one_is_found_too():
    arrivals, now = Arrivals(0.0), 0.0
    for _ in range(2):
        now = stall(arrivals, now, 1, 0.01)
    assert arrivals.most(now) == 1


def test_senders_that_pause_by_themselves_are_no_window():
    arrivals, now = Arrivals(0.0), 0.0
    for _ in range(10):
        now = stall(arrivals, now, 20, 1.0)
    assert arrivals.most(now) == float("inf")


def test_another_connection_may_have_another_window():
    arrivals, now = Arrivals(0.0), 0.0
    for _ in range(2):
        now = stall(arrivals, now, 20, 0.01)
    arrivals.begin()
    assert arrivals.most(now) == float("inf")


def test_sensors_that_speak_together_now_and_then_are_left_time():
    arrivals, now = Arrivals(0.0), 0.0
    for _ in range(10):
        now += 10.0
        arrivals.update(20, now)
    assert arrivals.silent_from(20) - now > 0.3
