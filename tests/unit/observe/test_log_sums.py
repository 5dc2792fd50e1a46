from __future__ import annotations

import contextlib
import io
import json
import os
import sys

import pytest
from loguru import logger
from support.deadline import block_until

from edge_agent.observe.logs import logs_off_the_loop
from edge_agent.observe.logsums import AT_ONCE, LogSums, worded

pytestmark = pytest.mark.usefixtures("restored_logging")


class Steady:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def steady():
    return Steady()


@pytest.fixture
def sums(steady):
    return LogSums(steady, most_kinds=5)


@pytest.fixture
def log(sums):
    """Log, and get back the sentences that are written at once."""
    written = []

    def sink(message):
        if sums.admits(message.record):
            written.append(message.record["message"])

    handler = logger.add(sink, level="DEBUG")
    yield written
    logger.remove(handler)


def reject(reason="invalid_json", count=1):
    logger.warning("Messages rejected", reason=reason, count=count, topic="t")


def test_of_what_nodes_send_wrongly_the_first_is_written_and_the_rest_of_the_minute_is_one_line(sums, steady, log):
    reject()
    for _ in range(1_186):
        steady.seconds += 0.05
        reject()
    reject(count=7)
    assert log == ["Messages rejected"]
    assert sums.due() == []
    steady.seconds = 1060.0
    (summed,) = sums.due()
    assert (summed.more, summed.level, summed.fields["reason"]) == (1_193, "WARNING", "invalid_json")
    assert worded(summed) == "Messages rejected: 1,193 more in the last minute"


def test_a_flood_that_lasts_is_a_line_a_minute(sums, steady, log):
    lines = 0
    for _ in range(20 * 600):
        steady.seconds += 0.05
        reject()
        lines += len(sums.due())
    assert len(log) + lines <= 11


def test_a_kind_that_has_rested_for_a_minute_is_written_at_once_again(sums, steady, log):
    reject()
    steady.seconds += 60
    assert sums.due() == []
    assert sums.patience() is None
    reject()
    assert len(log) == 2


def test_nothing_is_looked_for_before_the_first_minute_is_over(sums, steady, log):
    assert sums.patience() is None
    reject()
    steady.seconds += 10
    reject("value_nan")
    assert sums.patience() == 50.0
    steady.seconds += 50
    sums.due()
    assert sums.patience() == 10.0


def test_reasons_alarms_and_equipment_are_told_apart(sums, log):
    for reason in ("invalid_json", "value_nan"):
        reject(reason)
    for alarm in ("tank1/level:low", "tank2/level:low"):
        for _ in range(AT_ONCE):
            logger.warning("Alarm raised", alarm=alarm, reason="below low")
    assert len(log) == 2 + 2 * AT_ONCE


def test_what_concerns_control_is_summed_only_above_a_sane_rate(sums, steady, log):
    for number in range(100):
        logger.info("Command decided", actuator="station/pump1", command=str(number))
    assert len(log) == AT_ONCE
    steady.seconds += 60
    (summed,) = sums.due()
    assert summed.more == 100 - AT_ONCE
    assert summed.fields["command"] == "99"
    logger.info("Command decided", actuator="station/pump1", command="100")
    assert len(log) == AT_ONCE + 1


def test_kinds_are_bounded_and_none_is_left_out_of_the_count(sums, steady, log):
    for number in range(1_000):
        logger.warning("Alarm raised", alarm=f"tank{number}/level:low")
    logger.error("The store cannot be written")
    assert log == ["Alarm raised"] * 5 + ["The store cannot be written"]
    steady.seconds += 60
    assert sum(summed.more for summed in sums.due()) == 995


def test_sentences_without_end_are_bounded_too(sums, steady, log):
    for number in range(1_000):
        logger.info(f"Sentence {number}")
    assert len(log) <= 2 * 5
    steady.seconds += 60
    assert sum(summed.more for summed in sums.due()) == 1_000 - len(log)


def test_libraries_are_of_one_kind_each(sums, log):
    for number in range(50):
        logger.bind(logger="paho").warning(f"lost {number}")
    assert len(log) == AT_ONCE


def test_who_looks_for_something_gets_every_line(sums, log):
    for _ in range(100):
        logger.debug("Publishing waits for the broker")
    assert len(log) == 100


def test_after_a_longer_time_the_minutes_are_told(sums, steady, log):
    reject()
    reject()
    steady.seconds += 200
    assert worded(sums.due()[0]) == "Messages rejected: 1 more in the last 3 minutes"


@pytest.fixture
def reader():
    """A pipe for the log, and how to read its records."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    text = io.BytesIO()

    def records():
        try:
            while data := os.read(read_end, 65536):
                text.write(data)
        except BlockingIOError:
            pass
        return [json.loads(line) for line in text.getvalue().splitlines()]

    yield write_end, records
    for end in (read_end, write_end):
        os.close(end)


def test_the_log_off_the_loop_writes_firsts_and_sums(reader, steady):
    write_end, records = reader
    with logs_off_the_loop("INFO", "json", steady, write_end) as writer:
        for _ in range(100):
            reject()
        block_until(lambda: len(records()) == 1)
        steady.seconds += 61
        logger.info("Another line")  # the writing thread waits for the minute by a clock of its own
        block_until(lambda: len(records()) == 3)
        reject()
    *_, summed, last = records()
    assert summed["message"] == "Messages rejected: 99 more in the last minute"
    assert summed["fields"] == {"reason": "invalid_json", "topic": "t", "more": 99}
    assert summed["level"] == "WARNING"
    assert summed["logger"] == records()[0]["logger"]
    assert last["fields"]["more"] == 1  # what is not due yet comes with the end
    assert writer.lost == 0


def test_what_python_itself_says_goes_the_same_way_and_waits_for_nobody(steady):
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_end, b"." * 4096)
    os.set_blocking(write_end, True)
    before, heard = sys.stderr, b""
    with logs_off_the_loop("INFO", "text", steady, write_end):
        for _ in range(100):
            print("an exception", "was lost\x1b[2J", file=sys.stderr)  # returns
        assert sys.stderr is not before
        while heard.count(b"\n") < 100:
            heard += os.read(read_end, 65536)
    assert sys.stderr is before
    assert heard.lstrip(b".") == b"an exception was lost\\x1b[2J\n" * 100
    for end in (read_end, write_end):
        os.close(end)


def test_the_log_tells_of_lost_lines_once_it_is_read_again(reader, steady):
    write_end, records = reader
    os.set_blocking(write_end, False)
    filling = 0
    try:
        while True:
            filling += os.write(write_end, b'{"fields": {}}\n' * 100)
    except BlockingIOError:
        os.set_blocking(write_end, True)
    with logs_off_the_loop("DEBUG", "json", steady, write_end) as writer:
        for number in range(3_000):
            logger.debug("busy", number=number)
        assert writer.lost >= 1_900
        block_until(lambda: "lines" in records()[-1]["fields"])
        assert records()[-1]["fields"]["lines"] == writer.lost
