"""`edge-agent qc`: counts, the file of flags, the picture, and mistakes in a sentence."""

from __future__ import annotations

import csv
import json

import pytest

from edge_agent.cli.main import main

PLANT = """
[site]
id = "riverside"
[nodes.tank1.sensors.level]
quantity = "level"
unit = "m"
interval_seconds = 10
[nodes.tank1.sensors.level.quality]
gross_range = { fail = [0.0, 6.0] }
spike = { fail = 0.8 }
[nodes.tank1.sensors.bare]
quantity = "level"
unit = "m"
"""
SERIES = "time;level\n" + "".join(
    f"2026-03-01T06:{minute:02}:{second:02}Z;{9 if (minute, second) == (5, 30) else 3},{minute}\n"
    for minute in range(10)
    for second in range(0, 60, 10)
)


@pytest.fixture
def qc(tmp_path, capsys):
    (tmp_path / "plant.toml").write_text(PLANT, "utf-8")
    (tmp_path / "series.csv").write_text(SERIES, "utf-8")

    def run(*arguments, sensor="tank1/level"):
        base = ["qc", str(tmp_path / "series.csv"), "--sensor", sensor, "--plant", str(tmp_path / "plant.toml")]
        code = main([*base, *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_it_counts_and_writes_the_flag_of_every_row(qc, tmp_path):
    code, out, _ = qc()
    assert code == 0
    assert "tank1/level: 60 rows, times from 'time', values from 'level'" in out
    with (tmp_path / "series.flags.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    (failed,) = (row for row in rows if row["gross_range"] == "fail")
    assert (failed["line"], failed["observed_at"], failed["value"]) == ("35", "2026-03-01T06:05:30.000Z", "9.5")
    assert (failed["flag"], failed["spike"]) == ("fail", "fail")


def test_json_is_one_record(qc, tmp_path):
    code, out, _ = qc("--json", "--output", tmp_path / "flags.csv")
    told = json.loads(out)
    assert (code, told["sensor"], told["rows"]) == (0, "tank1/level", 60)
    assert told["flags"]["gross_range"] == {"good": 59, "fail": 1}
    assert (tmp_path / "flags.csv").exists()


def test_the_picture_is_drawn(qc, tmp_path):
    pytest.importorskip("matplotlib")
    code, out, _ = qc("--plot", tmp_path / "picture.png")
    picture = (tmp_path / "picture.png").read_bytes()
    assert (code, picture[:8]) == (0, b"\x89PNG\r\n\x1a\n")
    assert f"wrote {tmp_path / 'picture.png'}" in out


@pytest.mark.parametrize(
    ("arguments", "sensor", "sentence"),
    [
        ((), "tank1/levle", "has no sensor 'tank1/levle'; there are tank1/level, tank1/bare"),
        ((), "tank1/bare", "tank1/bare names no quality test"),
        (("--value", "flow"), "tank1/level", "has no column 'flow'; there are time, level"),
        (("--timezone", "Middle/Earth"), "tank1/level", "there is no time zone 'Middle/Earth'"),
        (("--plot", "picture.nonsense"), "tank1/level", "picture.nonsense cannot be drawn"),
    ],
)
def test_a_mistake_is_one_sentence(qc, arguments, sensor, sentence):
    pytest.importorskip("matplotlib")
    code, _, err = qc(*arguments, sensor=sensor)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err


def test_the_file_that_is_read_is_never_written_over(qc, tmp_path):
    code, _, err = qc("--output", tmp_path / "series.csv")
    assert (code, (tmp_path / "series.csv").read_text("utf-8")) == (2, SERIES)
    assert "is the file that is read" in err
