"""A pytest plugin that runs chosen tests only, in the order that is given: `-p mutants.chosen`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

#: Names the file that lists the tests.
CHOSEN = "MUTANTS_CHOSEN"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out all others."""
    place = {name: number for number, name in enumerate(json.loads(Path(os.environ[CHOSEN]).read_text()))}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in place])
    items[:] = sorted((item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid])
