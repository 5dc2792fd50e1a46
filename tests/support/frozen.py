"""What the core knows, frozen as a recording holds it."""

from __future__ import annotations

import json
from typing import Any

from edge_agent.runtime.freezing import Capture


def freeze(root: object) -> Any:
    """Capture an object whole, and read the JSON that is written of it."""
    capture = Capture(root)
    for _ in capture.pieces():
        pass
    return json.loads("".join(capture.text()))
