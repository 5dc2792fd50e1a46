"""What the core knows as JSON, and back again exactly: so a recording can begin in the middle of a run.

Every object stands once in a table, others refer to it by its place, so that what is one object stays one. Only
classes of the core are written and read; reading runs none of their code. No pickle: a recording may come from anybody.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections import deque
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from importlib import import_module
from itertools import chain, islice
from math import isfinite
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from edge_agent.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_PACKAGE = "edge_agent."
_CORE = ("turn", "known", "model.", "dialects.", "expressions.", "monitor.", "analyze.", "plan.", "execute.")
_PLAIN = frozenset({bool, int, str, type(None)})
_CONTAINERS = frozenset({list, tuple, set, frozenset, deque})
#: Objects that are looked at in one piece, about 6 ms.
MOST_OBJECTS = 3_000
#: Objects that are written in one piece, about 2 ms.
_WRITTEN = 500
_json = json.JSONEncoder(separators=(",", ":")).encode
#: What an object holds, a dict its keys and values by turns; and its members' names where they are not all its slots.
_Look: TypeAlias = tuple[tuple[Any, ...], tuple[str, ...] | None]


def thaw(frozen: object) -> Any:  # noqa: ANN401 - whatever was frozen
    """Return what was frozen, made anew. Raises RecordingError for what a Capture has not written."""
    try:
        content = cast("dict[str, Any]", frozen)
        return _Thawer(content["objects"]).value(content["root"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ImportError, RecursionError) as error:
        raise RecordingError(f"what the agent knew cannot be read: {error!r}") from error


class Capture:
    """An object and all that it refers to as they were, whatever becomes of them, to be made JSON values of later.

    Taken in pieces, between which nothing may change; about 2 µs an object. What never changes is looked at when it is
    written, which may be in another thread.
    """

    def __init__(self, root: object) -> None:
        self._places: dict[int, int] = {}
        self._alive: list[object] = []  # so that no two have had the same id
        self._seen: list[_Look] = []
        self.root = self._value(root)

    def pieces(self, most: int = MOST_OBJECTS) -> Iterator[None]:
        """Look at all there is, so many objects at a time. Raises TypeError for what is no data of the core."""
        alive, seen = self._alive, self._seen
        while len(seen) < len(alive):
            for given in alive[len(seen) : len(seen) + most]:
                look = _look(given)
                seen.append(look)
                for child in look[0]:
                    if not _CLASSES[type(child)].inert:
                        self._find(child)
            yield

    def _find(self, given: object) -> None:
        if id(given) not in self._places and not _CLASSES[type(given)].leaf:
            self._places[id(given)] = len(self._alive)
            self._alive.append(given)

    def text(self) -> Iterator[str]:
        """Yield what was seen as JSON, bit by bit: whoever makes JSON keeps all others from running."""
        yield f'{{"root":{_json(self.root)},"objects":['
        objects, separator = self.objects(), ""
        while some := list(islice(objects, _WRITTEN)):
            yield separator + _json(some)[1:-1]
            separator = ","
        yield "]}"

    def objects(self) -> Iterator[list[Any]]:
        """Yield each object by its place, as JSON values."""
        for place, given in enumerate(self._alive):  # it grows meanwhile
            values, names = self._seen[place] if place < len(self._seen) else _look(given)
            yield self._content(given, values, names)

    def _content(
        self,
        given: Any,  # noqa: ANN401 - any object of the core
        values: tuple[Any, ...],
        names: tuple[str, ...] | None,
    ) -> list[Any]:
        kind = type(given)
        if kind in {list, tuple}:
            return [kind.__name__, self._values(values)]
        if kind in {set, frozenset}:  # in no order: all that is done with them must not depend on it
            return [kind.__name__, self._values(sorted(values, key=repr))]
        if kind in {dict, MappingProxyType}:
            flat = self._values(values)
            pairs = [list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)]
            return ["dict" if kind is dict else "mapping", pairs]
        if kind in {deque, bytearray}:
            return self._special(given, values)
        if isinstance(given, tuple):
            return ["named", _path(kind), self._values(values)]
        names = names or _CLASSES[kind].slots
        return ["object", _path(kind), [[name, self._value(each)] for name, each in zip(names, values, strict=True)]]

    def _special(self, given: Any, values: tuple[Any, ...]) -> list[Any]:  # noqa: ANN401 - a deque or a bytearray
        if isinstance(given, bytearray):
            return ["bytearray", b64encode(values[0]).decode()]
        return ["deque", given.maxlen, self._values(values)]

    def _values(self, given: Iterable[Any]) -> list[Any]:
        return [self._value(each) for each in given]

    def _value(self, given: Any) -> Any:  # noqa: ANN401 - any value of the core
        kind = type(given)
        if kind in _PLAIN:
            return given
        if kind is float:
            return given if isfinite(given) else {"float": repr(given)}
        if kind is bytes:
            return {"bytes": b64encode(given).decode()}
        if isinstance(given, Enum):
            return {"enum": [_path(kind), given.name]}
        self._find(given)
        return {"at": self._places[id(given)]}


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

    def _make(self, place: int, kind: str, *content: Any) -> None:  # noqa: ANN401 - as a Capture writes it
        """Make an object; one that can refer to itself is there before what it refers to."""
        *head, last = content
        if kind == "object":
            _class(head[0])
            self._made[place] = made = object.__new__(_class(head[0]))
            for name, each in last:
                object.__setattr__(made, name, self.value(each))
            _fill(made)
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


def _fill(made: Any) -> None:  # noqa: ANN401 - any object of the core
    """Fill in what a noun has got since it was frozen, as it is where nothing is said of it."""
    for member in fields(made) if is_dataclass(made) else ():
        if member.default is not MISSING and not hasattr(made, member.name):
            object.__setattr__(made, member.name, member.default)


def _look(given: Any) -> _Look:  # noqa: ANN401 - any object of the core
    """Return what an object holds now."""
    kind = type(given)
    if kind in {dict, MappingProxyType}:
        return tuple(chain.from_iterable(given.items())), None
    if kind is bytearray:
        return (bytes(given),), None
    if kind in _CONTAINERS or isinstance(given, tuple):
        return tuple(given), None
    found = _CLASSES[kind]
    slots, values = found.slots, found.values
    if values is not None:
        with suppress(AttributeError):  # a slot that was never filled
            return values(given), None
    held = {name: getattr(given, name) for name in slots if hasattr(given, name)} | getattr(given, "__dict__", {})
    return tuple(held.values()), tuple(held)


class _Class(NamedTuple):
    """How objects of a class are looked at: `values` of all its `slots`.

    `leaf`: they are written where they stand; `inert`: they never change, nor does what they hold.
    """

    leaf: bool = False
    inert: bool = False
    slots: tuple[str, ...] = ()
    values: Callable[[Any], tuple[Any, ...]] | None = None


class _Classes(dict[type, _Class]):
    """What was found out of classes, once each. Raises TypeError for those that are no data of the core."""

    def __missing__(self, kind: type) -> _Class:
        self[kind] = found = self._found(kind)
        return found

    @staticmethod
    def _found(kind: type) -> _Class:
        if kind in {*_PLAIN, float, bytes} or issubclass(kind, Enum):
            return _Class(leaf=True, inert=True)
        if kind in _CONTAINERS or kind in {dict, MappingProxyType, bytearray}:
            return _Class()
        path = _path(kind)
        if issubclass(kind, tuple):
            return _Class()
        slots = tuple(_slots(kind))
        inert = path.startswith("model.") and is_dataclass(kind) and _is_frozen(kind)
        always = len(slots) > 1 and not kind.__dictoffset__
        return _Class(inert=inert, slots=slots, values=attrgetter(*slots) if always else None)


_CLASSES = _Classes()


def _is_frozen(kind: Any) -> bool:  # noqa: ANN401 - a dataclass
    return bool(kind.__dataclass_params__.frozen)


def _slots(kind: type) -> Iterator[str]:
    for each in kind.__mro__:
        slots = each.__dict__.get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else slots


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
