"""What nodes say reaches people as text: no terminal obeys it, no markup is read in it, no spreadsheet computes it."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import select
import subprocess
import sys

import pytest
from support.deadline import block_until

STATE = "water/riverside/station/state/pump1"
BAD = "water/riverside/load/telemetry/s0"
#: Markup that closes what nobody opened; clear the screen, in 7 and 8 bits; overwrite the line; write backwards.
NASTY = "[/x] [bold]\x1b[2J\x9b31m\rdone\u202e"
SHOWN = r"[/x] [bold]\x1b[2J\x9b31m\rdone\u202e"


@pytest.fixture
def told(agent, station):
    """An agent that has heard it."""
    agent.start()
    station.publish(STATE, json.dumps({"state": NASTY}), qos=1).wait_for_publish(10)
    station.publish("water/riverside/tank1/telemetry/level", "5.5", qos=1).wait_for_publish(10)
    block_until(lambda: station.commands)
    ack = {"id": station.commands[0]["id"], "status": "rejected", "detail": NASTY}
    station.publish("water/riverside/station/ack/pump1", json.dumps(ack), qos=1)
    for formula in ("=1+1", "+cmd|' /C calc'!A0", "@x", "-1.5 m"):
        station.publish(BAD, formula, qos=1).wait_for_publish(10)
    block_until(lambda: len(agent.export("dead-letters")) == 4)
    block_until(lambda: any(command["outcome"] for command in agent.export("commands")))
    return agent


def on_a_terminal(agent, *arguments):
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_agent", *arguments],
        cwd=agent.folder,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "200"},
    )
    os.close(theirs)
    found = b""
    try:
        while select.select([ours], [], [], 30)[0]:
            found += os.read(ours, 65536)
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    assert process.wait(30) == 0, found
    return found.decode().replace("\r\n", "\n")


def assert_harmless(text):
    for nasty in ("\x1b[2J", "\x9b", "\r", "\u202e"):
        assert nasty not in text


def test_status_shows_a_state_of_a_node_as_it_is_written_and_no_terminal_obeys_it(told):
    shown = on_a_terminal(told, "status")
    assert_harmless(shown)
    assert "[/x] [bold]" in shown
    as_json = told.command_line("status", "--json").stdout
    assert_harmless(as_json)
    assert NASTY in [actuator["state"] for actuator in json.loads(as_json)["actuators"]]


def test_an_explanation_shows_what_a_node_gave_as_its_reason(told, station):
    shown = on_a_terminal(told, "explain", station.commands[0]["id"])
    assert_harmless(shown)
    assert f"rejected: {SHOWN}" in shown


def test_the_log_escapes_it(told):
    block_until(lambda: "Command rejected" in told.log)
    assert_harmless(told.log)
    assert "[/x] [bold]" in told.log


def test_an_export_says_the_same_in_characters_that_can_be_printed(told):
    text = told.command_line("export", "commands").stdout
    assert_harmless(text)
    assert all(line.isprintable() for line in text.splitlines())


def test_a_spreadsheet_computes_nothing_and_numbers_stay_numbers(told):
    done = told.command_line("export", "dead-letters", "--format", "csv")
    payloads = [row["payload"] for row in csv.DictReader(io.StringIO(done.stdout))]
    assert sorted(payloads) == sorted(["'=1+1", "'+cmd|' /C calc'!A0", "'@x", "'-1.5 m"])
    readings = told.command_line("export", "readings", "--format", "csv").stdout
    assert [row["value"] for row in csv.DictReader(io.StringIO(readings))] == ["5.5"]
