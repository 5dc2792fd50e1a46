"""How much the embedded store may keep."""

from __future__ import annotations

from dataclasses import dataclass

_MEGABYTE = 1_000_000
_DAY_MICROSECONDS = 86_400_000_000


@dataclass(frozen=True, slots=True)
class StoreBounds:
    """Bounds of the store's file and of the spool in it; days count from the newest reading, sizes are 10^6 bytes.

    Within the file the spool has `spool_max_mb`, at most half of `max_mb`; no class of records has more than a tenth.
    On a full disk readings older than `full_keep_days` make room for new ones.
    """

    keep_days: float = 30.0
    max_mb: float = 1024.0
    spool_max_days: float = 30.0
    spool_max_mb: float = 512.0
    reserve_mb: float = 8.0
    full_keep_days: float = 1.0

    @property
    def keep_microseconds(self) -> int:
        """Return how long things are kept."""
        return round(self.keep_days * _DAY_MICROSECONDS)

    @property
    def full_keep_microseconds(self) -> int:
        """Return how long readings are kept even where the disk is full."""
        return round(self.full_keep_days * _DAY_MICROSECONDS)

    @property
    def max_bytes(self) -> int:
        """Return how large the file may grow."""
        return round(self.max_mb * _MEGABYTE)

    @property
    def class_bytes(self) -> int:
        """Return how much of the file dead letters may take, decisions, alarm events, and commands with theirs."""
        return self.max_bytes // 10

    @property
    def rubbish_floor(self) -> int:
        """Return how much of the file is for dead letters alone: the newest of them stay where it is full."""
        return self.max_bytes // 50

    @property
    def spool_rubbish_bytes(self) -> int:
        """Return how much of the spool dead letters may take."""
        return self.spool_bytes // 10

    @property
    def spool_microseconds(self) -> int:
        """Return how long the spool keeps what nobody takes."""
        return round(self.spool_max_days * _DAY_MICROSECONDS)

    @property
    def spool_bytes(self) -> int:
        """Return how large the spool may grow."""
        return round(min(self.spool_max_mb, self.max_mb / 2) * _MEGABYTE)

    @property
    def reserve_bytes(self) -> int:
        """Return what is set aside beside the file for a full disk."""
        return round(self.reserve_mb * _MEGABYTE)
