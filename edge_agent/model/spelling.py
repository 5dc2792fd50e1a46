"""What stood in a file, what is allowed there, and what was probably meant, in the words of a finding."""

from __future__ import annotations

import json
import math
from datetime import date, time
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 60


def show(value: object) -> str:
    """Write a value as it stood in the file, on one line and not too long."""
    if isinstance(value, date | time):
        text = value.isoformat()
    elif isinstance(value, dict | list):
        text = "a table" if isinstance(value, dict) else f"a list of {len(value)}"
    elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 64:
        text = "a whole number beyond 64 bits"
    elif isinstance(value, float) and not math.isfinite(value):
        text = str(value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def one_of(names: Iterable[str], meant: object = None) -> str:
    """List what is allowed, and guess what was meant."""
    allowed = list(names)
    text = f"one of {', '.join(allowed)}" if len(allowed) > 1 else allowed[0] if allowed else "nothing"
    return text + did_you_mean(meant, allowed)


def did_you_mean(written: object, names: Iterable[str]) -> str:
    """Guess which of the names was meant; empty where nothing is close."""
    if not isinstance(written, str):
        return ""
    by_folded = {name.casefold(): name for name in names}
    close = get_close_matches(written.casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {by_folded[close[0]]}?" if close else ""
