from __future__ import annotations

import time

import pytest

from edge_agent.model.time import EARLIEST, MICROSECONDS, Moment
from edge_agent.runtime import kernelclock
from edge_agent.runtime.clock import ClockQuality, ScaledClock, SystemClock

AT = EARLIEST + 400 * 86_400 * MICROSECONDS


class Kernel:
    """A kernel that says what a test wants, and counts how often it is asked."""

    def __init__(self, *, sure: bool) -> None:
        self.sure = sure
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.sure


def looked(quality: ClockQuality, seconds: float, *, ahead: float = 0.0) -> bool:
    return judged(quality, AT + round((seconds + ahead) * MICROSECONDS), seconds)


def judged(quality: ClockQuality, at: int, seconds: float) -> bool:
    quality.look(at, seconds)
    return quality.sure(at, seconds)


class Clocks:
    """The wall and the monotonic clock of a machine; some reads of the wall take long, or find it set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds, self.ahead = 1000.0, 0.0
        self.delays: list[float] = []
        monkeypatch.setattr(time, "time_ns", self.wall)
        monkeypatch.setattr(time, "monotonic", lambda: self.seconds)

    def wall(self) -> int:
        at = AT * 1000 + round((self.seconds + self.ahead) * 1e9)
        self.seconds += self.delays.pop() if self.delays else 0.0
        return at


def test_the_monotonic_count_is_the_machines_uptime_and_names_the_boot():
    before, now, after = kernelclock.uptime(), SystemClock().now(), kernelclock.uptime()
    assert before - 0.02 <= now.seconds <= after + 0.02
    assert now.boot == kernelclock.boot_id() != ""


def test_it_goes_on_over_restarts_of_the_agent():
    """What a former process remembered is placed where it was, though each process begins its clock anew."""
    former = SystemClock().now()
    now = SystemClock().now()
    placed = now.recall(former.at, former.boot, former.offset)
    assert placed is not None
    assert abs(placed - former.seconds) < 0.05


def test_a_library_that_shifts_the_clocks_of_the_process_does_not_shift_the_count(monkeypatch):
    monotonic, gettime = time.monotonic, time.clock_gettime  # noqa: TID251 - the two that such a library shifts
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() - 3600.0)
    monkeypatch.setattr(time, "clock_gettime", lambda which: gettime(which) - 3600.0)
    assert abs(SystemClock().now().seconds - kernelclock.uptime()) < 0.05


def test_without_proc_nobody_knows_the_boot_and_the_count_still_grows(monkeypatch, tmp_path):
    monkeypatch.setattr(kernelclock, "_BOOT_ID", tmp_path / "none")
    monkeypatch.setattr(kernelclock, "_UPTIME", tmp_path / "none")
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert first.boot == ""
    assert first.seconds <= second.seconds


def test_the_kernel_is_asked_every_few_seconds_only():
    kernel = Kernel(sure=True)
    quality = ClockQuality(kernel)
    assert all(looked(quality, 100.0 + n / 100) for n in range(400))
    assert kernel.asked == 1
    assert looked(quality, 106.0)
    assert kernel.asked == 2


def test_a_clock_that_nobody_keeps_right_is_not_sure_until_somebody_does():
    kernel = Kernel(sure=False)
    quality = ClockQuality(kernel)
    assert not looked(quality, 0.0)
    kernel.sure = True
    assert looked(quality, 6.0)


def test_a_clock_that_was_right_stays_so_for_days_as_long_as_nobody_sets_it():
    kernel = Kernel(sure=True)
    quality = ClockQuality(kernel)
    looked(quality, 0.0)
    kernel.sure = False
    hours = [looked(quality, hour * 3600.0, ahead=hour * 0.2) for hour in range(200)]
    assert all(hours[:168])
    assert not any(hours[168:])


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
def test_a_clock_that_is_set_by_hand_is_not_sure_from_that_look_on(ahead):
    kernel = Kernel(sure=True)
    quality = ClockQuality(kernel)
    assert looked(quality, 0.0)
    kernel.sure = False
    assert not looked(quality, 0.5, ahead=ahead)
    assert not looked(quality, 10.0)  # set back: who knows


def test_a_time_before_this_program_was_written_is_never_right():
    quality = ClockQuality(lambda: True)
    assert not judged(quality, 0, 5.0)
    assert not judged(quality, EARLIEST - 1, 10.0)
    assert judged(quality, EARLIEST, 20.0)


def test_a_process_that_is_put_aside_between_two_reads_does_not_take_the_clock_for_set(monkeypatch):
    kernel, clocks = Kernel(sure=True), Clocks(monkeypatch)
    clock = SystemClock(boot="one", synchronized=kernel)
    before = clock.now()
    kernel.sure = False
    clocks.delays = [0.0, 3.0, 3.0]
    after = clock.now()
    assert before.sure
    assert after.sure
    assert after.offset == pytest.approx(before.offset, abs=1e-3)


@pytest.mark.parametrize("ahead", [365 * 86_400.0, -3600.0])
def test_a_time_read_just_before_the_clock_is_set_right_is_not_taken_for_right(monkeypatch, ahead):
    clocks = Clocks(monkeypatch)
    clocks.ahead = ahead

    def server_sets_it() -> bool:
        clocks.ahead = 0.0
        return True

    clock = SystemClock(boot="one", synchronized=server_sets_it)
    right = AT + round(clocks.seconds * MICROSECONDS)
    moments = [clock.now(), clock.now()]
    assert all(moment.at == right for moment in moments if moment.sure)
    assert moments[-1].sure


def test_where_the_kernel_cannot_be_asked_timesyncd_is_and_else_nobody_knows(monkeypatch, tmp_path):
    monkeypatch.setattr(kernelclock, "_kernel_says", lambda: None)
    monkeypatch.setattr(kernelclock, "_SET_ONCE", tmp_path / "synchronized")
    assert not kernelclock.synchronized()
    (tmp_path / "synchronized").touch()
    assert kernelclock.synchronized()


@pytest.mark.parametrize("says", [True, False])
def test_the_kernels_word_counts_more(says, monkeypatch, tmp_path):
    monkeypatch.setattr(kernelclock, "_kernel_says", lambda: says)
    monkeypatch.setattr(kernelclock, "_SET_ONCE", tmp_path)
    assert kernelclock.synchronized() is says


def test_to_ask_the_kernel_is_cheap_and_changes_nothing():
    assert kernelclock._kernel_says() in {True, False, None}


def test_the_demos_clock_is_right_and_of_no_boot():
    now = ScaledClock(60.0, start=AT).now()
    assert (now.boot, now.sure) == ("", True)
    assert isinstance(now, Moment)
