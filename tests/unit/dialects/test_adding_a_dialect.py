"""A dialect is one module and one registration, a profile one file: shown by adding each to a copy of the program."""

from __future__ import annotations

import pytest
from support.parttree import Part, Tree

SEMICOLONS = '''
"""Values between semicolons, as some loggers send them: `3.21;4.1;ok`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from edge_agent.dialects.forms import pieces, unknown_places
from edge_agent.dialects.spec import Dialect, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edge_agent.model.sources import Scalar


class Semicolons(Dialect):
    """The document is an array of texts."""

    name: ClassVar[str] = "semicolons"
    says: ClassVar[str] = "texts between semicolons; `value` is `/0`, `/1` and so on"

    def read(self, payload: bytes) -> Any:
        try:
            return payload.decode("ascii").split(";")
        except UnicodeDecodeError:
            raise UnreadableError("malformed") from None

    def write(self, form: str, values: Mapping[str, Scalar | None]) -> bytes:
        filled = [(piece.text, piece.filled(values) if piece.place else "") for piece in pieces(form)]
        return "".join(text + str(value).replace(";", "") for text, value in filled).encode()

    def flaws(self, form: str) -> Iterator[str]:
        yield from unknown_places(form)
'''
DIALECT = Part("dialects/semicolons.py", SEMICOLONS, "Semicolons", "dialects/registry.py", "DIALECTS")
PROFILE = """
title = "A logger"
maker = "https://example.com/"
guess = ["log/{device}"]
[sensors]
topic = "log/{device}"
codec = "semicolons"
text_numbers = true
"""
PLANT = """
[nodes.tank1]
device = "L7"
profile = "logger"
[nodes.tank1.sensors.level]
quantity = "level"
unit = "m"
source = { value = "/1" }
[nodes.tank1.sensors.pressure]
quantity = "pressure"
unit = "bar"
source = { value = "VALUE" }
"""
READ = """
import sys
from support.foreigners import foreign_plant, heard
from support.plants import Bench

turn = Bench(foreign_plant(sys.argv[1])).turn(heard("log/L7", "x;3.21;4.1"), heard("log/L7", b"\\xff"), after=1)
found = [(reading.sensor.name, reading.value) for reading in turn.readings]
print(found, [letter.reason for letter in turn.dead_letters])
"""
CHECK = """
import sys
from support.foreigners import foreign_plant
from edge_agent.errors import ConfigurationError

try:
    foreign_plant(sys.argv[1])
except ConfigurationError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    made = Tree(tmp_path_factory.mktemp("part"), DIALECT)
    assert made.touched() == ["dialects/registry.py", "dialects/semicolons.py"]
    (made.folder / "edge_agent/dialects/profiles/logger.toml").write_text(PROFILE, "utf-8")
    return made


def test_a_dialect_touches_its_module_and_the_registry_and_a_profile_one_file(tree: Tree) -> None:
    assert tree.touched() == ["dialects/profiles/logger.toml", "dialects/registry.py", "dialects/semicolons.py"]


def test_devices_that_speak_it_are_read(tree: Tree) -> None:
    told = tree.run(READ, PLANT.replace("VALUE", "/2"))
    assert told == "[('tank1/level', 3.21), ('tank1/pressure', 4.1)] ['malformed']\n"


def test_a_mistake_is_named_like_any_other(tree: Tree) -> None:
    told = tree.run(CHECK, PLANT.replace("VALUE", "2"))
    assert told == (
        'plant.toml: nodes.tank1.sensors.pressure.source.value: "2" does not begin with /; '
        "expected a JSON pointer such as /ANALOG/A0 or /[id=3]/value\n"
    )
    wrong = tree.run(CHECK, PLANT.replace('"VALUE"', '"/2", codec = "xml"'))
    assert (
        'expected one of "json", "text", "semicolons"' in wrong
        or 'expected one of "semicolons", "json", "text"' in wrong
    )
