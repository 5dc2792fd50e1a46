from __future__ import annotations

import asyncio
import sys

import pytest

from edge_agent.cli.eventloop import run_in
from edge_agent.errors import UsageError


async def running_loop():
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


@pytest.fixture
def without_uvloop(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)  # what makes an import fail


def test_the_loop_of_python_runs_where_it_is_asked_for():
    assert run_in("asyncio", running_loop) == "asyncio"


@pytest.mark.parametrize("choice", ["auto", "uvloop"])
def test_uvloop_runs_where_it_is_installed(choice):
    pytest.importorskip("uvloop")
    assert run_in(choice, running_loop) == "uvloop"


@pytest.mark.usefixtures("without_uvloop")
def test_without_uvloop_the_loop_of_python_runs():
    assert run_in("auto", running_loop) == "asyncio"


@pytest.mark.usefixtures("without_uvloop")
def test_where_uvloop_is_asked_for_and_missing_one_sentence_says_so():
    with pytest.raises(UsageError, match=r"uvloop.*not installed"):
        run_in("uvloop", running_loop)
