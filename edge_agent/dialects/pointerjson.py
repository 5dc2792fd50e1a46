"""JSON, of which pointers name the places."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import from_json

from edge_agent.dialects.forms import EXAMPLES, GIVEN, pieces, unknown_places
from edge_agent.dialects.spec import Dialect, UnreadableError
from edge_agent.model.sources import JSON

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.sources import Scalar


class PointerJson(Dialect):
    r"""JSON in UTF-8. In a form, a place within quotes is text, one without is a value of its own.

    >>> PointerJson().write('{"id":{counter},"src":"a {agent}"}', {"counter": 7, "agent": 'b"c'})
    b'{"id":7,"src":"a b\\"c"}'
    """

    name: ClassVar[str] = JSON
    says: ClassVar[str] = "JSON; `value` is a pointer into it"

    def read(self, payload: bytes) -> Any:  # noqa: ANN401 - see Dialect
        """Return the document. Raises UnreadableError."""
        try:
            return from_json(payload)
        except ValueError as error:
            raise UnreadableError("too_deep" if "recursion limit" in str(error) else "invalid_json") from None

    def write(self, form: str, values: Mapping[str, Scalar | None]) -> bytes:
        """Fill in a form."""
        written, quoted = "", False
        for piece in pieces(form):
            written += piece.text
            quoted = _is_quoted(piece.text, quoted=quoted)
            if piece.place:
                written += _encoded(piece.filled(values), quoted=quoted)
        return written.encode("utf-8", "replace")

    def flaws(self, form: str) -> Iterator[str]:
        """Find what is wrong with a form."""
        yield from (unknown := list(unknown_places(form)))
        if unknown:
            return
        try:
            json.loads(self.write(form, {**EXAMPLES, **dict.fromkeys(GIVEN, "0")}))
        except (ValueError, RecursionError):
            yield "is not JSON when it is filled in"


def _is_quoted(text: str, *, quoted: bool) -> bool:
    """Whether the end of a text lies within quotes; `quoted`: its beginning does."""
    escaped = False
    for character in text:
        if quoted and escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
    return quoted


def _encoded(value: Scalar | None, *, quoted: bool) -> str:
    if not quoted:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)[1:-1]
    return "" if value is None else json.dumps(value)
