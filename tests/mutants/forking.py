"""A pytest plugin that tries changes in forks of one process: `-p mutants.forking`.

Whatever the tests need is imported and collected once. For each change a child puts the changed code into the functions
that are there, and runs the tests that reach it until the first fails.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Names the file that lists the changes, and the one that is given what became of each.
TRIALS, RESULTS = "MUTANTS_TRIALS", "MUTANTS_RESULTS"
KILLED, SURVIVED, NOT_HERE = 1, 0, 3


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Try each change; one line a change says whether it was killed, or that it cannot be tried in a fork."""
    items = {item.nodeid: item for item in session.items}
    plan = json.loads(Path(os.environ[TRIALS]).read_text())
    for trial in plan["trials"]:
        if time.perf_counter() > plan["deadline"]:  # one count for all processes
            break
        with Path(os.environ[RESULTS]).open("a") as results:
            found = [items[name] for name in trial["tests"] if name in items]
            results.write(json.dumps([trial["number"], _forked(trial, found)]) + "\n")
    return True


def _forked(trial: dict[str, Any], items: list[pytest.Item]) -> int:
    """Run the tests in a child with a change; one that ends by a signal hangs, or fell over, and is killed."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(trial["seconds"])
        os._exit(_tried(trial, items))
    _, status = os.waitpid(child, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else KILLED


def _tried(trial: dict[str, Any], items: list[pytest.Item]) -> int:
    try:
        if not put(trial["module"], trial["source"], trial["function"]):
            return NOT_HERE
        for place, item in enumerate(items):
            following = items[place + 1] if place + 1 < len(items) else None
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                return KILLED
    except BaseException:  # whatever comes of a change, it is noticed
        return KILLED
    return SURVIVED


def put(module: str, source: str, function: str) -> bool:
    """Put the code of a changed function into those that are there; return whether there is one that is another."""
    file = str(Path(module).absolute())
    changed = {
        code.co_firstlineno: code for code in _codes(compile(source, file, "exec")) if code.co_qualname == function
    }
    found = False
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename == file and each.__qualname__ == function:
            new = changed[each.__code__.co_firstlineno]
            if _differ(each.__code__, new):
                each.__code__, found = new, True
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _differ(old: CodeType, new: CodeType) -> bool:
    return old.replace(co_linetable=b"", co_firstlineno=1) != new.replace(co_linetable=b"", co_firstlineno=1)
