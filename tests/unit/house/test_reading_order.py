"""docs/architecture.md lists what to read in which order: it is there, it is short, and each file leads to the next."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
MOST_FILES, MOST_LINES = 6, 900
LISTS = ("From a threshold to a command", "From an UPDATE to the alarm")


def rows(title):
    """Return the rows of a list: the trade's word, the module, what to read in it, and what it hands on."""
    section = PAGE.partition(f"### {title}\n")[2].partition("\n#")[0]
    table = [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\|.*\|$", section, re.MULTILINE)]
    return [(word, file.strip("`"), re.findall(r"`([\w.]+)`", names), given) for word, file, names, given in table[2:]]


def source(file):
    return (ROOT / "edge_agent" / file).read_text("utf-8")


def defined(file):
    """Return the classes, functions and methods of a module by name, methods as Class.method."""
    found = set()
    for node in ast.parse(source(file)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
            found.update(f"{node.name}.{name}" for name in inner)
    return found


def identifiers(file):
    """Return the names that the code of a module uses, but for its texts and comments."""
    tree = ast.parse(source(file))
    for node in ast.walk(tree):  # documentation is no code
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return {word.lower() for word in re.findall(r"\w+", ast.unparse(tree))}


@pytest.mark.parametrize("title", LISTS)
def test_a_list_has_few_files_that_are_there_and_names_what_is_in_them(title):
    found = rows(title)
    assert 3 <= len(found) <= MOST_FILES
    assert len({word for word, *_ in found}) == len(found)
    missing = [(file, name) for _, file, names, _ in found for name in names if name not in defined(file)]
    assert missing == []
    assert all(names for _, _, names, _ in found)


@pytest.mark.parametrize("title", LISTS)
def test_each_file_of_a_list_hands_something_to_the_next(title):
    found = rows(title)
    for (_, file, _, given), (_, following, _, _) in pairwise(found):
        [handed] = re.findall(r"`(\w+)`", given)
        assert handed.lower() in identifiers(file), (file, handed)
        assert handed.lower() in identifiers(following), (following, handed)


def test_the_way_from_a_threshold_to_a_command_is_read_in_an_hour():
    lines = {file: len(source(file).splitlines()) for _, file, _, _ in rows(LISTS[0])}
    assert sum(lines.values()) <= MOST_LINES, lines


def test_what_it_takes_to_add_a_part_is_counted_by_a_test_of_its_own():
    section = PAGE.partition("### To add a part\n")[2].partition("\n#")[0]
    found = re.findall(r"^\| ([\w ]+) \| (\d)\b.*\| `(\S+)` \|$", section, re.MULTILINE)
    assert [part for part, *_ in found][:7] == [
        "quality test",
        "measure",
        "kind of plan",
        "kind of provision",
        "dialect",
        "profile of a device",
        "kind of store",
    ]
    for part, files, test in found:
        counted = [
            len(re.findall(r'"[^"]+"', each))
            for each in re.findall(r"touched\(\) == \[(.*)\]", (ROOT / test).read_text())
        ]
        before = 2 if part.startswith("profile") else 0  # it is added after a dialect
        assert int(files) + before in counted, part
