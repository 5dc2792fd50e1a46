"""What the core knows as JSON, and back again exactly: so a recording can begin in the middle of a run.

Every object stands once in a table, others refer to it by its place, so that what is one object stays one. Only
classes of the core are written and read; reading runs none of their code. No pickle: a recording may come from anybody.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import deque
from enum import Enum
from importlib import import_module
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from edge_agent.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PACKAGE = "edge_agent."
_CORE = ("turn", "model.", "monitor.", "analyze.", "plan.", "execute.")
_PLAIN = (bool, int, str, type(None))


def freeze(root: object) -> dict[str, Any]:
    """Return an object and all that it refers to as JSON values. Raises TypeError for what is no data of the core."""
    freezer = _Freezer()
    place = freezer.value(root)
    return {"root": place, "objects": freezer.objects}


def thaw(frozen: object) -> Any:  # noqa: ANN401 - whatever was frozen
    """Return what was frozen, made anew. Raises RecordingError for what `freeze` has not written."""
    try:
        content = cast("dict[str, Any]", frozen)
        return _Thawer(content["objects"]).value(content["root"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ImportError, RecursionError) as error:
        raise RecordingError(f"what the agent knew cannot be read: {error!r}") from error


class _Freezer:
    def __init__(self) -> None:
        self.objects: list[Any] = []
        self._places: dict[int, int] = {}
        self._alive: list[object] = []  # so that no two have had the same id

    def value(self, given: Any) -> Any:  # noqa: ANN401 - any value of the core
        kind = type(given)
        if kind in _PLAIN:
            return given
        if kind is float:
            return given if isfinite(given) else {"float": repr(given)}
        if kind is bytes:
            return {"bytes": b64encode(given).decode()}
        if isinstance(given, Enum):
            return {"enum": [_path(kind), given.name]}
        place = self._places.get(id(given))
        if place is None:
            place = self._places[id(given)] = len(self.objects)
            self._alive.append(given)
            self.objects.append(None)
            self.objects[place] = self._content(given)
        return {"at": place}

    def _content(self, given: Any) -> list[Any]:  # noqa: ANN401 - any object of the core
        kind = type(given)
        if kind in {list, tuple}:
            return [kind.__name__, self._values(given)]
        if kind in {set, frozenset}:  # in no order: all that is done with them must not depend on it
            return [kind.__name__, self._values(sorted(given, key=repr))]
        if kind in {dict, MappingProxyType}:
            return ["dict" if kind is dict else "mapping", self._pairs(given.items())]
        return self._special(kind, given)

    def _special(self, kind: type, given: Any) -> list[Any]:  # noqa: ANN401 - any object of the core
        if kind is deque:
            return ["deque", given.maxlen, self._values(given)]
        if kind is bytearray:
            return ["bytearray", b64encode(given).decode()]
        if isinstance(given, tuple):
            return ["named", _path(kind), self._values(given)]
        return ["object", _path(kind), [[name, self.value(getattr(given, name))] for name in _members(given)]]

    def _values(self, given: Iterable[Any]) -> list[Any]:
        return [self.value(each) for each in given]

    def _pairs(self, given: Iterable[tuple[Any, Any]]) -> list[Any]:
        return [[self.value(key), self.value(each)] for key, each in given]


class _Thawer:
    def __init__(self, objects: list[Any]) -> None:
        self._objects, self._made = objects, cast("dict[int, Any]", {})

    def value(self, given: Any) -> Any:  # noqa: ANN401 - any value of the core
        if not isinstance(given, dict):
            return given
        ((kind, content),) = given.items()
        match kind:
            case "float":
                return float(content)
            case "bytes":
                return b64decode(content)
            case "enum":
                return _class(content[0])[content[1]]
        if content not in self._made:
            self._make(content, *self._objects[content])
        return self._made[content]

    def _make(self, place: int, kind: str, *content: Any) -> None:  # noqa: ANN401 - as `_Freezer` writes it
        """Make an object; one that can refer to itself is there before what it refers to."""
        *head, last = content
        if kind == "object":
            _class(head[0])
            self._made[place] = made = object.__new__(_class(head[0]))
            for name, each in last:
                object.__setattr__(made, name, self.value(each))
        elif kind == "dict":
            self._made[place] = {}
            self._made[place].update(self._pairs(last))
        elif kind == "list":
            self._made[place] = []
            self._made[place].extend(self._values(last))
        elif kind == "named":
            self._made[place] = _class(head[0])._make(self._values(last))
        elif kind == "deque":
            self._made[place] = deque(self._values(last), maxlen=head[0])
        elif kind == "bytearray":
            self._made[place] = bytearray(b64decode(last))
        elif kind == "mapping":
            self._made[place] = MappingProxyType(dict(self._pairs(last)))
        else:
            self._made[place] = {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](self._values(last))

    def _values(self, given: Iterable[Any]) -> Iterator[Any]:
        return (self.value(each) for each in given)

    def _pairs(self, given: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        return ((self.value(key), self.value(each)) for key, each in given)


def _members(given: object) -> Iterator[str]:
    """Yield the names of what an object holds: its slots, then its own attributes."""
    kind = type(given)
    _path(kind)
    for each in kind.__mro__:
        slots = each.__dict__.get("__slots__", ())
        yield from (name for name in ((slots,) if isinstance(slots, str) else slots) if hasattr(given, name))
    yield from getattr(given, "__dict__", ())


def _path(kind: type) -> str:
    module = kind.__module__.removeprefix(_PACKAGE)
    if not module.startswith(_CORE) or not kind.__module__.startswith(_PACKAGE):
        raise TypeError(f"{kind.__module__}.{kind.__qualname__} is no data of the core")
    return f"{module}:{kind.__qualname__}"


def _class(path: str) -> Any:  # noqa: ANN401 - a class of the core
    module, _, name = path.partition(":")
    if not module.startswith(_CORE) or not name.isidentifier():
        raise ValueError(f"{path} is no class of the core")
    found = getattr(import_module(_PACKAGE + module), name)
    if not isinstance(found, type) or found.__module__ != _PACKAGE + module:
        raise ValueError(f"{path} is no class of the core")
    return found
