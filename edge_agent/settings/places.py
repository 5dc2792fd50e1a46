"""The numbers in a payload, with their places as a plant file names them."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from edge_agent.dialects.plaintext import PlainText
from edge_agent.dialects.pointerjson import PointerJson
from edge_agent.dialects.spec import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Members by which an element of an array is told from others.
_NAMES = ("id", "name", "n", "key")
#: Deeper places are nobody's sensor.
_MOST_STEPS = 12


def leaves(payload: bytes, most: int) -> list[tuple[str, str]]:
    """Return pointer and value of every number in a payload, so many at the most; the pointer is empty for a bare one.

    >>> leaves(b'{"a":[{"id":"x","v":1},{"id":"y","v":2.5}],"t":"hot"}', 9)
    [('/a/[id=x]/v', '1'), ('/a/[id=y]/v', '2.5')]
    """
    try:
        document = PointerJson().read(payload)
    except UnreadableError:
        try:
            document = PlainText().read(payload)
        except UnreadableError:
            return []
    return list(islice(_numbers(document, "", 0), most))


def _numbers(document: Any, above: str, steps: int) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any payload
    if isinstance(document, bool | int | float):
        if not isinstance(document, int) or abs(document) < 1 << 63:
            yield above, json.dumps(document)
    elif steps >= _MOST_STEPS:
        return
    elif isinstance(document, dict):
        for key, value in document.items():
            yield from _numbers(value, f"{above}/{_escaped(key)}", steps + 1)
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from _numbers(value, f"{above}/{_choice(value, place)}", steps + 1)


def _choice(element: Any, place: int) -> str:  # noqa: ANN401 - as above
    """Return how an element is chosen: by a name it has, which is not its number and not its place."""
    if isinstance(element, dict):
        for name in _NAMES:
            if isinstance(element.get(name), str) and element[name]:
                return _escaped(f"[{name}={element[name]}]")
    return str(place)


def _escaped(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")
