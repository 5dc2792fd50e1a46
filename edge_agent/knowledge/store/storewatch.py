"""What others may see of the embedded store while it works: counts for the metrics, notes for the health."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_agent.knowledge.store.files import EpochFile


class StoreWatch:
    """Counts since the store was made, kept by its parts. Another program than the agent has little to show."""

    def __init__(self, epoch: EpochFile) -> None:
        self._epoch = epoch
        self.renewals = 0  # damaged files that were set aside
        self.renewal: str | None = None  # what became of the last file that had to be begun anew
        self.loss: str | None = None  # what became of the file that was open
        self.log_bytes = 0  # of the log beside the file
        self.log_grows = False  # it cannot be emptied
        self.dropped_dead_letters = 0  # given up for want of room
        self.spooled_rows = 0  # they wait
        self.spool_dropped_rows = 0  # given up for want of room
        self.spool_refused_rows = 0  # set aside
        self.unwritable_rows = 0  # left out because the store will never take them
        self.unreadable_rows = 0  # set aside because they made no sense

    def notes(self) -> dict[str, str]:
        """Return what is to be known of the store, by part of the health."""
        store = "; ".join(filter(None, [self.renewal or self.loss, self._log(), self._unreadable()]))
        told = {"store": store, "epoch": self._epoch.trouble}
        return {part: text for part, text in told.items() if text}

    def _log(self) -> str | None:
        size = f"{self.log_bytes / 1e6:.0f} MB"
        grown = f"its log has grown to {size}: a long read of another program keeps it from being emptied"
        return grown if self.log_grows else None

    def _unreadable(self) -> str | None:
        count = self.unreadable_rows
        rows = f"{count} row{'s' * (count > 1)}"
        return f"{rows} of the store made no sense and lie in its table set_aside" if count else None
