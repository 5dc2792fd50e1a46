from __future__ import annotations

import os
import time

import pytest
from support.deadline import block_until

from edge_agent.observe.logwriter import MOST_LINE_BYTES, LogWriter


class Pipe:
    """A pipe that nobody reads unless asked to, full to the brim from the start."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.write_end, False)
        self._filling = 0
        try:
            while True:
                self._filling += os.write(self.write_end, b"\n" * 4096)
        except BlockingIOError:
            os.set_blocking(self.write_end, True)
        os.set_blocking(self.read_end, False)
        self.lines = []
        self._rest = b""

    def flow(self):
        """Read what there is."""
        try:
            while data := os.read(self.read_end, 65536):
                filling, self._filling = min(self._filling, len(data)), max(self._filling - len(data), 0)
                *lines, self._rest = (self._rest + data[filling:]).split(b"\n")
                self.lines += [line.decode() for line in lines]
        except BlockingIOError:
            pass
        return self.lines

    def close(self):
        for end in (self.read_end, self.write_end):
            os.close(end)


@pytest.fixture
def pipe():
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def make_writer(pipe):
    writers = []

    def make(**options):
        writers.append(LogWriter(pipe.write_end, **options))
        return writers[-1]

    yield make
    for writer in writers:
        pipe.flow()
        writer.close(0.1)


def test_lines_come_in_order_and_in_full(make_writer, pipe):
    writer = make_writer()
    pipe.flow()
    for number in range(500):
        writer.put(f"line {number}\n")
    block_until(lambda: len(pipe.flow()) == 500)
    assert pipe.lines == [f"line {number}" for number in range(500)]
    assert writer.lost == 0


def test_a_reader_that_stands_still_delays_nobody_and_what_is_lost_is_counted_and_told(make_writer, pipe):
    writer = make_writer(most_lines=100, tell=lambda lines: writer.put(f"lost {lines}\n"))
    began = time.perf_counter()
    for number in range(10_000):
        writer.put(f"line {number}\n")
    assert time.perf_counter() - began < 1.0
    lost = writer.lost
    assert 10_000 - 102 <= lost <= 10_000 - 100
    block_until(lambda: f"lost {lost}" in pipe.flow())
    kept = 10_000 - lost
    assert sorted(pipe.lines) == sorted([*(f"line {number}" for number in range(kept)), f"lost {lost}"])
    assert writer.lost == lost
    writer.put("on\n")
    block_until(lambda: "on" in pipe.flow())
    assert [line for line in pipe.lines if line.startswith("lost")] == [f"lost {lost}"]


def test_a_line_is_cut_to_its_most(make_writer, pipe):
    writer = make_writer()
    writer.put("ü" * MOST_LINE_BYTES + "\n")
    writer.put("next\n")
    block_until(lambda: "next" in pipe.flow())
    assert len(pipe.lines[0].encode()) < MOST_LINE_BYTES
    assert pipe.lines[0].endswith("...")


def test_the_end_writes_what_waits_and_what_was_lost(make_writer, pipe):
    writer = make_writer(most_lines=10, tell=lambda lines: writer.put(f"lost {lines}\n"))
    for number in range(30):
        writer.put(f"line {number}\n")
    pipe.flow()
    assert writer.close()
    assert pipe.flow()[:2] == ["line 0", "line 1"]
    assert pipe.lines[-1] == f"lost {writer.lost}"
    assert writer.lost == 30 - (len(pipe.lines) - 1)


def test_the_end_is_not_held_up_and_nobody_else_hangs_at_the_pipe_after_it(make_writer, pipe):
    writer = make_writer()
    writer.put("line\n")
    began = time.perf_counter()
    assert not writer.close(0.2)
    assert 0.2 <= time.perf_counter() - began < 2
    os.write(pipe.write_end, b"a traceback\n")  # returns
    writer.put("late\n")
    assert writer.lost == 1


def test_a_reader_that_is_gone_loses_lines_and_raises_nothing(pipe):
    writer = LogWriter(pipe.write_end)
    os.close(pipe.read_end)
    try:
        writer.put("line\n")
        block_until(lambda: writer.lost == 1)
        writer.put("line\n")
        block_until(lambda: writer.lost == 2)
        assert writer.close()
    finally:
        pipe.read_end = os.open(os.devnull, os.O_RDONLY)


def test_a_descriptor_that_does_not_block_is_waited_for(make_writer, pipe):
    os.set_blocking(pipe.write_end, False)
    writer = make_writer()
    writer.put("line\n")
    block_until(lambda: "line" in pipe.flow())
    assert writer.lost == 0


def test_without_standard_error_everything_is_lost_and_nothing_else_happens():
    writer = LogWriter(None)
    writer.put("line\n")
    assert writer.lost == 1
    assert writer.close()


def test_the_beat_goes_on_for_as_long_as_it_likes(pipe):
    beats = []
    writer = LogWriter(pipe.write_end, beat=lambda: beats.append(0) or (0.0 if len(beats) < 3 else None))
    pipe.flow()
    writer.put("line\n")
    block_until(lambda: len(beats) == 3)
    assert writer.close()
    assert len(beats) == 3
