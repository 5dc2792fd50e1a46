"""What a process has used, as the benchmarks count it."""

from __future__ import annotations

import os
import threading

from bench.meter import Meter, cpu_seconds, wake_ups


def test_each_wait_of_a_thread_is_a_wake_up():
    before, nobody_comes = wake_ups(os.getpid()), threading.Event()
    for _ in range(20):
        nobody_comes.wait(0.001)
    assert wake_ups(os.getpid()) - before >= 20


def test_a_meter_tells_the_share_of_a_core_since_it_was_made():
    meter, start = Meter(os.getpid()), cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) - start < 0.05:
        pass
    used = meter.read()
    assert 0.01 < used.share <= 2.0
    assert used.wake_ups >= 0
