"""Whatever is wrong around a command: one sentence, the documented exit code, never a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.deadline import block_until

from edge_agent.cli.main import main

ROOT = Path(__file__).parents[3]
PLANT = ROOT / "config" / "plant.toml"
NETWORK = ROOT / "config" / "riverside.inp"
COMMANDS = {
    "run": [],
    "demo": ["--plain", "--duration", "1"],
    "simulate": ["--network", str(NETWORK), "--duration", "1"],
    "check": [],
    "apply": ["config/plant.toml"],
    "migrate": [],
    "release": ["station/pump1", "--reason", "test"],
    "reset": ["station/pump1", "--reason", "test"],
    "status": [],
    "explain": ["01K"],
    "export": ["readings"],
    "replay": ["day.jsonl"],
}
WITH_PLANT = ["run", "demo", "simulate", "check", "apply", "replay"]
WITH_STORE = ["export", "explain", "release", "reset"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with sound files, the working directory of the command."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("EDGE_AGENT_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/agent.toml").write_text("[agent]\nid = 'a'\n")
    (tmp_path / "config/plant.toml").write_bytes(PLANT.read_bytes())
    (tmp_path / "day.jsonl").touch()
    return tmp_path


@pytest.fixture
def told(here, capfd):
    """Run a command in this process; return its exit code and its one sentence."""

    def call(command):
        code = main([command, *COMMANDS[command]])
        out, err = capfd.readouterr()
        said = out if command == "check" else err
        assert len(said.splitlines()) == 1, said
        return code, said.strip()

    return call


DROPPED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
MANY = """
import contextlib, io, json, sys
from edge_agent.cli.main import main
told = {}
for command, arguments in json.loads(sys.argv[1]).items():
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([command, *arguments])
    told[command] = [code, out.getvalue(), err.getvalue()]
print(json.dumps(told))
"""


def unprivileged(*command, cwd):
    """Run a Python without the right to overlook permissions, which root has."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*DROPPED, sys.executable, *command],
        cwd=cwd, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def shell(*arguments, cwd):
    return unprivileged("-m", "edge_agent", *arguments, cwd=cwd)


def all_of(commands, cwd):
    """Run one command after the other in one process; return code, output and errors of each."""
    asked = json.dumps({command: COMMANDS[command] for command in commands})
    done = unprivileged("-c", MANY, asked, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_settings_that_are_no_toml(told, here, command):
    (here / "config/agent.toml").write_text("[mqtt\n")
    code, said = told(command)
    assert code == 2
    assert said.startswith("config/agent.toml: line 1, column 6: is not valid TOML")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_setting_that_is_wrong(told, here, command):
    (here / "config/agent.toml").write_text("[mqtt]\nport = 0\n")
    code, said = told(command)
    assert code == 2
    assert said.startswith("config/agent.toml: line 2: mqtt.port: 0 is out of range")


@pytest.mark.parametrize("command", WITH_PLANT)
def test_a_plant_file_that_is_a_folder(told, here, command):
    (here / "config/plant.toml").unlink()
    (here / "config/plant.toml").mkdir()
    code, said = told(command)
    assert code == 2
    assert "config/plant.toml: file: cannot be read: is a directory" in said


@pytest.mark.parametrize("command", WITH_STORE)
def test_a_store_that_is_not_there(told, command):
    code, said = told(command)
    assert code == 1
    # Where the agent is installed as a service the way to its store is told too.
    assert said.startswith("There is no store at var/edge-agent.db: it is made when the agent first runs")


@pytest.mark.parametrize("command", [*WITH_STORE, "apply"])
def test_a_store_that_is_no_store(told, here, command):
    (here / "var").mkdir()
    (here / "var/edge-agent.db").write_text("not a database, but long enough to be looked at" * 100)
    code, said = told(command)
    assert code == 1
    assert "var/edge-agent.db" in said


@pytest.mark.parametrize("command", ["apply", "migrate"])
def test_a_database_that_is_not_there(told, here, command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        dsn = f"postgresql://agent:s3cret@127.0.0.1:{taken.getsockname()[1]}/water"
        (here / "config/agent.toml").write_text(f"[postgres]\ndsn = '{dsn}'\n")
        code, said = told(command)
    assert code == 1
    assert said.startswith("PostgreSQL ")
    assert "s3cret" not in said


def test_a_network_that_is_not_there(told, monkeypatch):
    monkeypatch.setitem(COMMANDS, "simulate", ["--network", "none.inp"])
    assert told("simulate") == (
        2, "none.inp cannot be read: no such file or directory; expected an EPANET network (.inp)"
    )  # fmt: skip


@pytest.mark.parametrize("record", ["none/day.jsonl", "config"])
def test_a_recording_that_cannot_be_written(told, monkeypatch, record):
    monkeypatch.setitem(COMMANDS, "run", ["--record", record])
    code, said = told("run")
    assert code == 2
    assert said.startswith(f"{record} cannot be written: ")


def test_a_line_of_a_recording_is_named_once(told, here):
    (here / "day.jsonl").write_text('{"recording": 3}\n{"at": }\n')
    code, said = told("replay")
    assert (code, said) == (1, "line 2 is no part of a recording: expecting value in column 8")


@pytest.mark.parametrize("command", ["release", "reset"])
def test_equipment_in_capitals(told, monkeypatch, command):
    monkeypatch.setitem(COMMANDS, command, ["Station/Pump1", "--reason", "test"])
    assert told(command) == (2, "Station/Pump1: ids are lower case: did you mean station/pump1?")


def test_a_node_in_capitals(told, monkeypatch):
    monkeypatch.setitem(COMMANDS, "export", ["readings", "--node", "Tank1"])
    assert told("export") == (2, "--node Tank1: ids are lower case: did you mean tank1?")


def test_a_mistake_in_the_simulation_has_its_line(told, here):
    plant = here / "config/plant.toml"
    plant.write_text(
        plant.read_text().replace('"station/pump1" = { element = "pump:', '"station/pump1" = { element = "pmp:')
    )
    line = next(number for number, text in enumerate(plant.read_text().splitlines(), 1) if '"pmp:' in text)
    code, said = told("simulate")
    assert code == 2
    assert said.startswith(f"config/plant.toml: line {line}: simulation.actuators")


@pytest.mark.parametrize("hidden", ["config", "config/agent.toml", "config/plant.toml"])
def test_files_that_one_may_not_read(here, hidden):
    (here / hidden).chmod(0)
    commands = COMMANDS if hidden != "config/plant.toml" else WITH_PLANT
    told = all_of(commands, here)
    (here / hidden).chmod(0o755)
    for command, (code, out, err) in told.items():
        said = out if command == "check" else err
        assert code == 2, command
        assert all(line.startswith("config/") for line in said.splitlines()), said
        assert "cannot be read: permission denied; expected a readable TOML file" in said
        assert hidden in said


@pytest.mark.parametrize("hidden", ["var", "var/edge-agent.db"])
def test_a_store_that_one_may_not_read(here, hidden):
    (here / "var").mkdir()
    (here / "var/edge-agent.db").touch()
    (here / hidden).chmod(0)
    told = all_of(WITH_STORE, here)
    (here / hidden).chmod(0o755)
    for code, _, err in told.values():
        assert code == 1
        assert err.startswith("The store var/edge-agent.db may not be read by this user: try sudo -u ")
        assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["run"], ["apply", "config/plant.toml"], ["apply", "--dry-run", "config/plant.toml"]]
)
def test_a_folder_for_the_store_that_one_may_not_enter(here, arguments):
    (here / "var").mkdir(mode=0)
    (here / "config/agent.toml").write_text("[mqtt]\nport = 9\n[http]\nport = 0\n")
    done = shell(*arguments, cwd=here)
    (here / "var").chmod(0o755)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert len(told) == 1, done.stderr
    assert "var/edge-agent.db" in told[0]
    assert "permission denied" in told[0].lower() or "may not be read by this user: try sudo -u " in told[0]


def test_a_store_that_one_may_only_read(here, capsys):
    assert main(["apply", "config/plant.toml"]) == 0
    capsys.readouterr()
    (here / "var/edge-agent.db").chmod(0o444)
    (here / "var").chmod(0o555)
    told = all_of(["release", "reset", "apply"], here)
    (here / "var").chmod(0o755)
    for code, _, err in told.values():
        assert code == 1
        assert err.startswith("The store var/edge-agent.db may not be written by this user: try sudo -u ")
        assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["check"], ["apply", "--help"]])
def test_a_reader_who_has_gone_is_no_error(here, arguments):
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", *arguments],
        cwd=here, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=theirs, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, b"")


@contextlib.contextmanager
def silent_server():
    """Take connections and never say a word; yields its port and the connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1], server


@pytest.mark.parametrize("command", ["status", "migrate", "replay"])
def test_ctrl_c_is_one_sentence(here, command):
    with silent_server() as (port, server):
        (here / "config/agent.toml").write_text(
            f"[http]\nport = {port}\n[postgres]\ndsn = 'host=127.0.0.1 port={port} connect_timeout=30'\n"
        )
        (here / "day.jsonl").unlink()
        os.mkfifo(here / "day.jsonl")
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", command, *COMMANDS[command]],
            cwd=here, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        if command == "replay":  # it waits for a line once someone could write one
            writer = (here / "day.jsonl").open("w")
        else:
            server.settimeout(30)
            connection, _ = server.accept()
            connection.settimeout(30)
            assert connection.recv(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        if command == "replay":
            writer.close()
        else:
            connection.close()
    assert (process.returncode, err) == (1, "interrupted\n")


class Answers(BaseHTTPRequestHandler):
    body = b"{}"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def agent_like(here):
    """Something that answers where the settings say that the agent does."""
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    (here / "config/agent.toml").write_text(f"[http]\nport = {server.server_port}\n")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_proxy_of_the_shell_is_asked_for_the_agent_on_this_machine(agent_like, monkeypatch, capsys):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(Answers, "body", b'{"agent": "gateway-1"}')
    assert main(["status", "--json"]) == 0
    assert '"agent": "gateway-1"' in capsys.readouterr().out


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"<html>", b"[" * 100_000])
def test_another_program_on_the_port_is_told(agent_like, told, monkeypatch, body):
    monkeypatch.setattr(Answers, "body", body)
    code, said = told("status")
    assert code == 1
    assert said.startswith("no agent answers at http://127.0.0.1:")


def test_a_program_that_does_not_speak_http_is_told(here, told):
    with silent_server() as (port, server):
        (here / "config/agent.toml").write_text(f"[http]\nport = {port}\n")

        def greet():
            connection, _ = server.accept()
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")
            connection.close()

        thread = threading.Thread(target=greet)
        thread.start()
        code, said = told("status")
        thread.join()
    assert code == 1
    assert said.startswith(f"no agent answers at http://127.0.0.1:{port}/status: ")


@pytest.mark.parametrize(
    ("http", "address"), [("host = '::1'", "[::1]"), ("host = '0.0.0.0'", "127.0.0.1"), ("host = '::'", "[::1]")]
)
def test_an_agent_is_asked_where_it_listens(told, here, http, address):
    (here / "config/agent.toml").write_text(f"[http]\n{http}\nport = 9\n")
    code, said = told("status")
    assert code == 1
    assert said.startswith(f"no agent answers at http://{address}:9/status: ")


def test_a_port_that_nobody_knows_is_told(told, here):
    (here / "config/agent.toml").write_text("[http]\nport = 0\n")
    assert told("status") == (2, "http.port is 0: the agent took a free port, which only its log names")


def test_what_an_encoding_lacks_is_no_traceback(here):
    (here / "config/agent.toml").write_text("[mqtt]\nhost = 'wässer ł'\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", "check"],
        cwd=here, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "latin-1"}, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"\\u0142" in done.stdout


@contextlib.contextmanager
def under_way(here, command, sentence):
    """Start a command that lasts; yields the process and its log once it has said a sentence."""
    log = here / "said.log"
    (here / "config/agent.toml").write_text("[mqtt]\nport = 9\n[http]\nport = 0\n")
    arguments = [*COMMANDS[command], "--duration", "60"] if command == "simulate" else COMMANDS[command]
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", command, *arguments],
            cwd=here, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        block_until(lambda: sentence in log.read_text(), timeout=20)
        yield process, log
    finally:
        process.kill()
        process.wait()


def test_a_terminal_that_closes_does_not_end_the_agent(here):
    with under_way(here, "run", "The agent has started") as (process, log):
        process.send_signal(signal.SIGHUP)
        block_until(lambda: "SIGHUP is ignored" in log.read_text(), timeout=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0


@pytest.mark.parametrize(
    ("command", "sentence", "number"),
    [
        ("run", "The agent has started", signal.SIGINT),
        ("simulate", "The simulated plant is running", signal.SIGINT),
        ("simulate", "The simulated plant is running", signal.SIGHUP),
    ],
)
def test_what_lasts_ends_in_order(here, command, sentence, number):
    with under_way(here, command, sentence) as (process, log):
        process.send_signal(number)
        assert process.wait(timeout=15) == 0
        assert "Traceback" not in log.read_text()
