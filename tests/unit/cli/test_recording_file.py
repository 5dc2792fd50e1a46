from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from edge_agent.cli.run import written

if TYPE_CHECKING:
    from pathlib import Path


def test_a_recording_is_for_the_agents_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    before = os.umask(0)
    try:
        with written(path) as file:
            file.write(["{}\n"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
