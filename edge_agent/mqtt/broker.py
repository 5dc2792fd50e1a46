"""A broker of one's own, for the demo and the tests: Mosquitto where it is installed, else amqtt in this process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.errors import BrokerUnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOOPBACK = "127.0.0.1"
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0
_PROBE_SECONDS = 0.02
#: Debian installs Mosquitto where only root's PATH looks.
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


class Address(NamedTuple):
    """Where a broker listens, and which one it is: `mosquitto` or `amqtt`."""

    host: str
    port: int
    kind: str


@contextlib.asynccontextmanager
async def open_broker(port: int | None = None) -> AsyncIterator[Address]:
    """Run a broker on loopback, on a free port unless one is given. Raises BrokerUnavailableError where none starts."""
    program, settings = find_mosquitto(), find_local_settings()
    if program is None or settings is None:
        async with open_amqtt(port) as address:
            yield address
    else:
        async with open_mosquitto(program, settings, port) as address:
            yield address


@contextlib.asynccontextmanager
async def open_mosquitto(program: Path, settings: Path, port: int | None = None) -> AsyncIterator[Address]:
    """Run Mosquitto with a settings file, its data in a temporary folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="edge-agent-broker-") as folder:
        port = free_port(port or 0)
        written = write_settings(settings, Path(folder), port)
        process = await asyncio.create_subprocess_exec(
            program,
            "-c",
            written,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            process_group=0,  # else Ctrl-C on the terminal would end the broker before its clients
        )
        try:
            await _until_listening(process, port)
            yield Address(LOOPBACK, port, "mosquitto")
        finally:
            await _stop(process)


@contextlib.asynccontextmanager
async def open_amqtt(port: int | None = None) -> AsyncIterator[Address]:
    """Run amqtt in this process and loop. MQTT 3.1.1 only; nothing survives it."""
    try:
        from edge_agent.mqtt.embedded import run_amqtt  # noqa: PLC0415 - needs the extra `sim`
    except ImportError as error:
        raise BrokerUnavailableError("no broker: install Mosquitto, or edge-agent with its extra `sim`") from error
    async with run_amqtt(LOOPBACK, port or 0) as chosen:
        yield Address(LOOPBACK, chosen, "amqtt")


def find_mosquitto() -> Path | None:
    """Find the broker's program on PATH or where systems put it."""
    found = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS]))
    return Path(found) if found else None


def find_local_settings() -> Path | None:
    """Find `mosquitto/local.conf`: beside this module in an installed package, else in the source tree."""
    here = Path(__file__).resolve()
    places = (here.with_name("local.conf"), here.parents[2] / "mosquitto" / "local.conf")
    return next((place for place in places if place.is_file()), None)


def write_settings(settings: Path, folder: Path, port: int) -> Path:
    """Copy a settings file into a folder, with the port and the folder for the data put in; the rest stays as it is."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    changed = {"listener": f"listener {port} {LOOPBACK}", "persistence_location": f"persistence_location {data}/"}
    lines = [
        changed.get(line.split(maxsplit=1)[0], line) if line.strip() else line
        for line in settings.read_text(encoding="utf-8").splitlines()
    ]
    if os.geteuid() == 0:
        lines.append("user root")  # else it becomes the user mosquitto, who may not write here
    written = folder / "mosquitto.conf"
    written.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return written


def free_port(port: int = 0) -> int:
    """Ask the system for a port that nobody listens on, or for this one. Raises BrokerUnavailableError if taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise BrokerUnavailableError(f"the broker cannot listen on port {port}: {error}") from error
        return int(probe.getsockname()[1])


async def _until_listening(process: asyncio.subprocess.Process, port: int) -> None:
    try:
        async with asyncio.timeout(_START_SECONDS):
            while process.returncode is None:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(LOOPBACK, port)
                    writer.close()
                    return
                await asyncio.sleep(_PROBE_SECONDS)
    except TimeoutError:
        pass
    raise BrokerUnavailableError(f"Mosquitto did not start on port {port}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
