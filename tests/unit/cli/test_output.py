from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FULL = Path("/dev/full")


def edge_agent(*arguments: str, stdout: int, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", [["check"], ["apply", "--dry-run", "config/plant.toml"]])
def test_an_output_that_cannot_be_written_is_one_sentence(arguments: list[str], tmp_path: Path) -> None:
    with FULL.open("w") as full:
        done = edge_agent(*arguments, stdout=full.fileno(), EDGE_AGENT_STORE__PATH=str(tmp_path / "store.db"))
    assert (done.returncode, done.stderr) == (1, "standard output cannot be written: No space left on device\n")


def test_a_reader_who_has_had_enough_is_no_error(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = edge_agent("check", stdout=theirs)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_dry_run_begins_no_store(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    done = edge_agent(
        "apply", "--dry-run", "config/plant.toml", stdout=subprocess.PIPE, EDGE_AGENT_STORE__PATH=str(store)
    )
    assert done.returncode == 0
    assert "add plan" in done.stdout
    assert not store.exists()
