"""Plain text: the payload is the value."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from edge_agent.dialects.forms import pieces, places, unknown_places
from edge_agent.dialects.spec import Dialect, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.sources import Scalar

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TRUTH = {"true": True, "false": False}
#: No text is longer that is a value.
_LONGEST = 1_024


class PlainText(Dialect):
    r"""Text in UTF-8, the whole of it one value: a number or a boolean where JSON writes it so, else text.

    >>> [PlainText().read(payload) for payload in (b"12.5\n", b"true", b"ON", b"007")]
    [12.5, True, 'ON', '007']
    """

    name: ClassVar[str] = "text"
    says: ClassVar[str] = "text; the payload is the value"

    def read(self, payload: bytes) -> Any:  # noqa: ANN401 - see Dialect
        """Return the value; a JSON number is one here, so that a bare `12.5` needs no word about it."""
        try:
            text = payload.decode().strip()
        except UnicodeDecodeError:
            raise UnreadableError("malformed") from None
        if len(text) > _LONGEST:
            raise UnreadableError("malformed")
        if _NUMBER.fullmatch(text):
            return json.loads(text)
        return _TRUTH.get(text, text)

    def write(self, form: str, values: Mapping[str, Scalar | None]) -> bytes:
        """Fill in numbers and ids, and what the plant file says of the device."""
        written = ""
        for piece in pieces(form):
            value = piece.filled(values) if piece.place else ""
            written += piece.text + ("" if value is None else str(value))
        return written.encode("utf-8", "replace")

    def flaws(self, form: str) -> Iterator[str]:
        """Find what is wrong with a form."""
        yield from unknown_places(form)
        if "reason" in places(form):
            yield "has a place {reason}: in plain text nothing keeps a sentence within its place"
