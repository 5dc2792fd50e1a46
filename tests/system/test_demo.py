"""The demo as its users see it: a process, its lines, its summary, its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from support.deadline import block_until

from edge_agent.demo.show import ShowOptions, show
from edge_agent.mqtt.broker import open_amqtt
from edge_agent.settings.agent import Settings
from edge_agent.settings.plantfile import load_plant_file

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PLANT = ROOT / "config" / "plant.toml"
#: So fast that a tank is filled within seconds: an hour of plant time in eight seconds.
SPEED = "450"
_LINE = re.compile(r"(?P<time>\d\d:\d\d:\d\d)  (?P<kind>\S.{17})  (?P<text>.+)")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_AGENT_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "edge_agent", "demo", "--plant", str(PLANT), *arguments]


def run(*arguments: str, folder: Path, timeout: float = 60, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo without an end, its lines to be read from a pipe, that leads a process group as on a terminal."""
    with subprocess.Popen(
        command("--plain", "--speed", SPEED),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def told(output: str) -> list[tuple[str, str]]:
    """Read the plain lines: kind and text."""
    found = (_LINE.fullmatch(line) for line in output.splitlines())
    return [(line["kind"].strip(), line["text"]) for line in found if line]


def row(output: str, name: str) -> str:
    """Read one row of the summary."""
    line = next(line for line in output.splitlines() if line.strip().startswith(name))
    return line.strip().removeprefix(name).strip()


DONE_BEFORE = ["command decided", "command done"]


def check_a_full_cycle(output: str, broker: str) -> None:
    """See that the tank was filled and left alone, every step told, every command done, and all of it summed up."""
    lines = told(output)
    kinds = [kind for kind, _ in lines]
    starts = [kind for kind, text in lines if kind.startswith("command") and re.search(r"#1 station/pump1 start", text)]
    # Beside a slow broker the equipment may report that it runs before the broker has confirmed the command.
    assert starts in (["command decided", "command published", "command accepted", "command done"], DONE_BEFORE)
    assert any(kind == "command done" and "station/pump1 stop (stop_tank1)" in text for kind, text in lines)
    switched = [(kind, text.split()[0].rstrip(":")) for kind, text in lines if kind.startswith("switch point")]
    assert switched[:3] == [
        ("switch point on", "tank1/level:fill_on"),
        ("switch point off", "tank1/level:fill_on"),
        ("switch point on", "tank1/level:fill_off"),
    ]
    # Half a second in which the machine stands still is four minutes of the plant's silence: stale, and rightly so.
    alarms = [text for kind, text in lines if kind.startswith("alarm") and ":stale" not in text]
    assert alarms == []
    assert "status" in kinds
    assert not {"command failed", "command rejected", "command expired"} & set(kinds)
    assert f"broker {broker})" in output
    assert row(output, "dead letters") == "none"
    assert re.fullmatch(r"done \d+", row(output, "commands"))
    assert row(output, "commands") == f"done {kinds.count('command done')}"
    assert int(row(output, "readings").split()[1].replace(",", "")) > 500
    for end in ("lowest", "highest"):
        agent, native, _limit, verdict = row(output, f"tank1/level {end}, m").split()
        assert float(agent) == pytest.approx(float(native), abs=0.1)
        assert verdict == "kept"
    assert row(output, "station/pump1 starts").split() == ["1", "1"]
    agent, native = (float(energy) for energy in row(output, "pump energy, kWh").split())
    assert agent == pytest.approx(native, rel=0.1)


def test_a_full_cycle_beside_mosquitto(tmp_path: Path) -> None:
    done = run("--duration", "8", "--speed", SPEED, "--plain", "--record", "recording.jsonl", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    check_a_full_cycle(done.stdout, "mosquitto")
    assert [path.name for path in tmp_path.iterdir()] == ["recording.jsonl"], "its store is gone, its recording is not"
    replayed = subprocess.run(
        [sys.executable, "-m", "edge_agent", "replay", "recording.jsonl", "--plant", str(PLANT)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    decided = [line for line in map(json.loads, replayed.stdout.splitlines()) if "command" in line]
    assert [line["command"]["action"] for line in decided] == [
        text.split()[2] for kind, text in told(done.stdout) if kind == "command decided"
    ]


async def test_a_full_cycle_beside_the_embedded_broker(capfd: pytest.CaptureFixture[str]) -> None:
    console = Console(file=io.StringIO(), width=80)
    settings = Settings(http={"port": 0})  # type: ignore[arg-type] # pydantic makes the section of it
    options = ShowOptions(float(SPEED), duration=8)
    async with asyncio.timeout(60):
        await show(settings, load_plant_file(PLANT), options, console, asyncio.Event(), broker_of=open_amqtt)
    captured = capfd.readouterr()
    assert captured.err == ""
    assert isinstance(console.file, io.StringIO)
    check_a_full_cycle(captured.out + console.file.getvalue(), "amqtt")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_everybody_on_the_terminal_ends_it_in_order(
    started: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert started.stdout is not None
    for line in started.stdout:
        if "command done" in line:
            break
    os.killpg(started.pid, number)
    output, errors = started.communicate(timeout=20)
    assert (started.returncode, errors) == (0, "")
    assert re.fullmatch(r"done \d+", row(output, "commands"))
    assert row(output, "station/pump1 starts").split()[0] == "1"


def test_it_ends_when_nobody_reads_on(started: subprocess.Popen[str]) -> None:
    assert started.stdout is not None
    assert started.stderr is not None
    started.stdout.readline()
    started.stdout.close()
    assert started.wait(timeout=20) == 0
    assert started.stderr.read() == ""


def test_a_broker_that_dies_is_one_sentence_and_exit_code_1(started: subprocess.Popen[str]) -> None:
    assert started.stdout is not None
    started.stdout.readline()
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text(encoding="ascii").split()
    os.kill(int(children[0]), signal.SIGKILL)
    _, errors = started.communicate(timeout=40)
    assert started.returncode == 1
    assert re.fullmatch(r"the agent has lost the broker \(mosquitto at 127\.0\.0\.1:\d+\)", errors.splitlines()[-1])
    assert "Traceback" not in errors


def test_a_network_that_is_not_there_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    shutil.copy(PLANT, tmp_path)
    done = run("--plain", "--plant", str(tmp_path / PLANT.name), folder=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r"\S+riverside\.inp cannot be loaded: .+\n", done.stderr)


def test_a_taken_port_is_no_obstacle_and_the_other_one_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--duration", "1", "--plain", folder=tmp_path, EDGE_AGENT_HTTP__PORT=str(port))
    assert (done.returncode, done.stderr) == (0, "")
    found = re.search(r"metrics and health: http://127\.0\.0\.1:(\d+)/metrics", done.stdout)
    assert found is not None
    assert int(found[1]) not in {0, port}


def test_the_users_settings_hold_but_for_what_the_demo_brings_along(tmp_path: Path) -> None:
    done = run(
        "--duration",
        "3",
        "--plain",
        "--speed",
        SPEED,
        folder=tmp_path,
        EDGE_AGENT_CONTROL__MODE="advisory",
        EDGE_AGENT_MQTT__HOST="broker.invalid",
        EDGE_AGENT_STORE__PATH="/nowhere/edge-agent.db",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"advised \d+", row(done.stdout, "commands"))
    assert row(done.stdout, "station/pump1 starts").split()[0] == "0"


def test_on_a_terminal_it_draws_on_the_other_screen_and_gives_the_terminal_back(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    with subprocess.Popen(
        command("--speed", SPEED),
        cwd=tmp_path,
        env=environment(TERM="xterm-256color", COLUMNS="80", LINES="24"),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    ) as process:
        os.close(follower)
        os.set_blocking(leader, False)
        screen = bytearray()

        def shows(what: bytes) -> bool:
            with contextlib.suppress(BlockingIOError, OSError):  # the terminal is closed when its last user is gone
                screen.extend(os.read(leader, 65536))
            return what in screen

        try:
            block_until(lambda: shows(b"tank1/level"), timeout=20)
            os.kill(process.pid, signal.SIGINT)
            block_until(lambda: shows(b"The agent") or process.poll() is not None, timeout=20)
            block_until(lambda: shows(b"dead letters     none"), timeout=20)
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
            os.close(leader)
    entered, left = screen.index(b"\x1b[?1049h"), screen.index(b"\x1b[?1049l")
    assert entered < screen.index(b"tank1/level") < left < screen.index(b"EPANET's controls")
    assert screen.rindex(b"\x1b[?25h") > left - 20, "the cursor is shown again"
