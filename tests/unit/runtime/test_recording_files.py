"""The files of recordings: appended to, bounded, readable after any end."""

from __future__ import annotations

import gzip
import os
import stat
from pathlib import Path

import pytest
from support.deadline import block_until

from edge_agent.errors import RecordingError
from edge_agent.runtime.recordingfile import RecordingFile, lines_of


def never(number):
    raise AssertionError(f"line {number} is missing")


def read(path):
    return list(lines_of(path, never))


def record(path, *texts, **more):
    with RecordingFile(path, **more) as file:
        for text in texts:
            assert file.write([text])


def test_what_is_written_is_read_line_by_line(tmp_path):
    record(tmp_path / "day", '{"a":1}\n{"b":2}\n', '{"c":3}\n')
    assert read(tmp_path / "day") == ['{"a":1}', '{"b":2}', '{"c":3}']
    assert gzip.decompress((tmp_path / "day").read_bytes()) == b'{"a":1}\n{"b":2}\n{"c":3}\n'


def test_another_process_appends(tmp_path):
    record(tmp_path / "day", '{"a":1}\n')
    record(tmp_path / "day", '{"b":2}\n')
    assert read(tmp_path / "day") == ['{"a":1}', '{"b":2}']


def test_what_was_written_can_be_read_while_it_goes_on(tmp_path):
    with RecordingFile(tmp_path / "day") as file:
        file.write(['{"a":1}\n'])
        block_until(lambda: read(tmp_path / "day") == ['{"a":1}'])


@pytest.mark.parametrize("torn", range(1, 60))
def test_an_end_that_is_torn_costs_what_was_not_written_and_nothing_after_it(tmp_path, torn):
    path = tmp_path / "day"
    record(path, '{"a":1}\n', '{"b":"' + "x" * 50 + '"}\n')
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - min(torn, len(whole) - 12)])
    record(path, '{"c":3}\n')
    told = []
    found = list(lines_of(path, told.append))
    assert found[-1] == '{"c":3}'
    assert set(found) <= {'{"a":1}', '{"b":"' + "x" * 50 + '"}', '{"c":3}'}
    assert len(told) <= 1


def test_a_line_without_its_end_is_left_out_and_told(tmp_path):
    (tmp_path / "day").write_text('{"a":1}\n{"b":')
    told = []
    assert list(lines_of(tmp_path / "day", told.append)) == ['{"a":1}']
    assert told == [2]


def test_a_last_line_that_lacks_only_its_end_is_read(tmp_path):
    (tmp_path / "day").write_text('{"a":1}\n{"b":2}')
    assert read(tmp_path / "day") == ['{"a":1}', '{"b":2}']


def test_a_day_that_is_over_is_put_aside_under_its_name(tmp_path):
    path = tmp_path / "day"
    with RecordingFile(path) as file:
        for number in range(3):
            file.write([f'{{"n":{number}}}\n'])
            if number < 2:
                assert file.put_aside("2026-11-22")
    assert [read(tmp_path / name) for name in ("day.2026-11-22", "day.2026-11-22.2", "day")] == [
        ['{"n":0}'],
        ['{"n":1}'],
        ['{"n":2}'],
    ]


def test_the_oldest_go_when_all_are_too_large(tmp_path):
    path = tmp_path / "day"
    text = "".join(f'{{"n":"{os.urandom(500).hex()}"}}\n' for _ in range(20))  # some 10 kB, packed
    with RecordingFile(path, most_bytes=100_000) as file:
        for number in range(30):
            block_until(lambda: file.write([text]))
            if number % 2:
                block_until(lambda number=number: file.put_aside(f"2026-11-{number:02d}"))
    sizes = {each.name: each.stat().st_size for each in tmp_path.iterdir()}
    assert sum(sizes.values()) <= 100_000
    assert "day.2026-11-29" in sizes
    assert "day.2026-11-01" not in sizes


def test_a_file_says_when_it_is_large(tmp_path):
    with RecordingFile(tmp_path / "day", most_bytes=1000) as file:
        assert not file.is_large
        file.write([os.urandom(200).hex() + "\n"])
        block_until(lambda: file.is_large)


def test_only_its_owner_may_read_it(tmp_path):
    record(tmp_path / "day", '{"a":1}\n')
    assert stat.S_IMODE((tmp_path / "day").stat().st_mode) == 0o600


def test_where_it_cannot_be_written_is_an_error_of_recording(tmp_path):
    with pytest.raises(RecordingError, match="none/day"), RecordingFile(tmp_path / "none" / "day"):
        pass


def test_a_full_disk_is_told_with_the_next_write():
    told = []

    def fails(file):
        try:
            file.write(['{"a":1}\n'])
        except RecordingError as error:
            told.append(str(error))
        return told

    with RecordingFile(Path("/dev/full")) as file:
        block_until(lambda: fails(file))
    assert told == ["the recording cannot be written: No space left on device"]


def test_a_disk_that_stands_still_loses_lines_and_holds_up_nobody(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)  # opened, and never read
    with RecordingFile(tmp_path / "pipe") as file:
        text = os.urandom(100_000).hex() + "\n"
        taken = [file.write([text]) for _ in range(200)]
        assert taken[0]
        assert not taken[-1]
        os.close(reader)  # the writer is let go
