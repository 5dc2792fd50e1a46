"""Telegraf and eKuiper, built from their Go modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.peers import MissingError

if TYPE_CHECKING:
    from pathlib import Path

    from bench.peers import Peer


def telegraf(port: int, folder: Path) -> Peer:
    raise MissingError("not yet")


def ekuiper(port: int, folder: Path) -> Peer:
    raise MissingError("not yet")
