"""A recording in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class KeptLines:
    """Takes so many blocks of lines; what is put aside is kept by day."""

    def __init__(self, room: int = 10**9) -> None:
        self.text, self.room, self.is_large = "", room, False
        self.aside: list[tuple[str, str]] = []

    def write(self, text: Iterable[str]) -> bool:
        if not self.room:
            return False
        self.room -= 1
        self.text += "".join(text)
        return True

    def put_aside(self, day: str) -> bool:
        self.aside.append((day, self.text))
        self.text = ""
        return True
