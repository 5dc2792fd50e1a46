"""What a dialect is: how devices of other makers write their payloads, and how they want theirs written.

Their topics need no grammar: each is an exact string of the plant file, so what comes is found by one look into a
dictionary (`listening.py`), and what is subscribed to are its keys. A dialect turns a payload into a document, of which
the plant file's pointers name the places, and fills in the form of a command.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.sources import Scalar


class UnreadableError(ValueError):
    """A payload that is no document of its dialect. Its text is the reason of the dead letter."""


class Dialect(ABC):
    """One dialect: without a state, and functions of their arguments only."""

    #: What `codec` says in the plant file.
    name: ClassVar[str]
    #: What it is, in the words of the plant file's documentation.
    says: ClassVar[str]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}>"

    @abstractmethod
    def read(self, payload: bytes) -> Any:  # noqa: ANN401 - dicts, lists and scalars, as JSON has them
        """Return the document that a payload is. Raises UnreadableError."""
        ...

    @abstractmethod
    def write(self, form: str, values: Mapping[str, Scalar | None]) -> bytes:
        """Fill in the form of a command. Values are encoded, never pasted: none can break out of its place."""
        ...

    @abstractmethod
    def flaws(self, form: str) -> Iterator[str]:
        """Find what is wrong with a form, each in a sentence without its subject."""
        ...
