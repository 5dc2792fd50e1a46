"""What others may see of the embedded store while it works: counts for the metrics, notes for the health."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.knowledge.store.care import Care
    from edge_agent.knowledge.store.files import EpochFile
    from edge_agent.knowledge.store.spool import Spooling


class StoreWatch:
    """Counts since the store was made. Without care (another program than the agent) there is little to tell."""

    def __init__(self, care: Care | None, epoch: EpochFile, spooling: Spooling | None) -> None:
        self._care, self._epoch, self._spooling = care, epoch, spooling
        self.unwritable_rows = 0  # left out because the store will never take them
        self.unreadable_rows = 0  # set aside because they made no sense

    @property
    def renewals(self) -> int:
        """How often a damaged file was set aside."""
        return self._care.renewals if self._care else 0

    @property
    def renewal(self) -> str | None:
        """What became of the last file that had to be begun anew; None where none had."""
        return self._care.renewal if self._care else None

    @property
    def log_bytes(self) -> int:
        """How large the log beside the file is."""
        return self._care.log_bytes if self._care else 0

    @property
    def dropped_dead_letters(self) -> int:
        """How many dead letters were given up for want of room."""
        return self._care.dropped_letters if self._care else 0

    @property
    def spooled_rows(self) -> int:
        """See Spool."""
        return self._spooling.rows if self._spooling else 0

    @property
    def spool_dropped_rows(self) -> int:
        """How many rows of the spool were given up for want of room."""
        return self._spooling.dropped_rows if self._spooling else 0

    @property
    def spool_refused_rows(self) -> int:
        """How many rows of the spool were set aside."""
        return self._spooling.refused_rows if self._spooling else 0

    def notes(self) -> dict[str, str]:
        """Return what is to be known of the store, by part of the health."""
        care, unreadable = self._care, self._unreadable()
        store = [unreadable] if care is None else [care.renewal or care.loss, care.note(), unreadable]
        told = {"store": "; ".join(filter(None, store)), "epoch": self._epoch.trouble}
        return {part: text for part, text in told.items() if text}

    def _unreadable(self) -> str | None:
        count = self.unreadable_rows
        rows = f"{count} row{'s' * (count > 1)}"
        return f"{rows} of the store made no sense and lie in its table set_aside" if count else None
