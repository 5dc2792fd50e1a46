"""Writes docs/performance.md."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.machine import describe
from bench.table import markdown

if TYPE_CHECKING:
    from bench.table import Report

_DOCS = Path(__file__).resolve().parents[2] / "docs"


def write(report: Report) -> None:
    """Write the document."""
    (_DOCS / "performance.md").write_text(str(describe()) + markdown(report), encoding="utf-8")
