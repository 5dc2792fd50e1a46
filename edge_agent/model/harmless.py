"""Text from outside, made harmless for those who read it: on a terminal, in JSON, in a spreadsheet."""

from __future__ import annotations

import json
import re
from typing import Any

#: What makes a spreadsheet take a cell for a formula, its full-width forms too; a number may begin so.
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001 - these are meant
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def harmless(text: str) -> str:
    """Escape what is no letter, sign or space: escape sequences, line ends, other directions of writing."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def harmless_lines(text: str) -> str:
    """Do the same with each line of a text, so that it keeps its lines."""
    return "\n".join(map(harmless, text.split("\n")))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def json_text(content: Any, indent: int | None = None) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Write JSON in which every character can be printed: the others are escaped in the way of JSON."""
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    return "\n".join(line if line.isprintable() else _escaped_json(line) for line in text.split("\n"))


def _escaped_json(line: str) -> str:
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def spreadsheet_cell(value: object) -> object:
    """Keep a spreadsheet from taking text for a formula, by an apostrophe before it; numbers stay numbers."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
