from __future__ import annotations

import socket

import pytest
from support.notifysocket import NotifySocket

from edge_agent.model.time import Moment
from edge_agent.model.turn import Turn
from edge_agent.observe.servicemanager import ServiceManager


@pytest.fixture(params=["a path", "an abstract address"])
def systemd(request, tmp_path):
    heard = NotifySocket(tmp_path / "notify" if request.param == "a path" else None)
    yield heard
    heard.close()


def turns(manager, *seconds):
    for at in seconds:
        manager.turn(Turn(Moment(0, at)))


def test_the_first_turn_makes_it_ready_and_turns_feed_the_watchdog(systemd):
    manager = ServiceManager({"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 7)
    assert systemd.words == []
    turns(manager, 100.0)
    assert systemd.words == ["READY=1"]
    turns(manager, 100.2, 107.0)
    assert systemd.words == ["READY=1"]
    turns(manager, 107.5, 107.7, 115.0)
    assert systemd.words == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
    manager.stopping()
    assert systemd.words[-1] == "STOPPING=1"


@pytest.mark.parametrize(
    "watchdog",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}],
)
def test_without_a_watchdog_of_its_own_it_is_ready_and_no_more(systemd, watchdog):
    manager = ServiceManager({"NOTIFY_SOCKET": systemd.address} | watchdog, 7)
    turns(manager, 0.0, 100.0, 200.0)
    assert systemd.words == ["READY=1"]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_socket_nothing_is_told(environ, monkeypatch):
    def refuse(*_arguments):
        raise AssertionError("a socket was made")

    monkeypatch.setattr(socket, "socket", refuse)
    manager = ServiceManager(environ | {"WATCHDOG_USEC": "1000000"}, 7)
    turns(manager, 0.0, 100.0)
    manager.stopping()


def test_what_systemd_does_not_take_is_told_with_a_later_turn(tmp_path):
    manager = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")}, 7)
    turns(manager, 0.0)
    heard = NotifySocket(tmp_path / "notify")
    try:
        turns(manager, 0.2)
        assert heard.words == ["READY=1"]
    finally:
        heard.close()


def test_a_systemd_that_stands_still_delays_no_turn(systemd):
    manager = ServiceManager({"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "4"}, 7)
    turns(manager, *range(5_000))  # returns: the socket's queue holds far fewer
    told = len(systemd.words)
    assert 0 < told < 5_000
    turns(manager, 6_000)
    assert len(systemd.words) == told + 1
