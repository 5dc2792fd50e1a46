from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.harmless import harmless, harmless_lines, json_text, spreadsheet_cell

#: Escape sequences of 7 and 8 bits, line ends, right-to-left override, a lone surrogate, a line separator.
NASTY = "\x1b[2J\x9b31m\r\n\x07\x7f\u202e\u2028\ud800\u200b"


def test_letters_of_all_people_stay_as_they_are():
    for text in ("läuft, 3.2 µS/cm ✓", "稼働中", "[/x] {y} \\d", ""):
        assert harmless(text) == text


@given(st.text() | st.just(NASTY))
def test_nothing_is_left_that_a_terminal_obeys(text):
    assert harmless(text).isprintable()
    assert all(line.isprintable() for line in harmless_lines(text).split("\n"))
    assert len(harmless_lines(text).split("\n")) == len(text.split("\n"))


def test_what_is_escaped_can_be_read():
    assert harmless("a\x1b[2Jb\x9b\u202e\n") == "a\\x1b[2Jb\\x9b\\u202e\\n"


@given(st.text() | st.just(NASTY))
def test_json_says_the_same_and_can_be_printed(text):
    written = json_text({"state": text, text: [1.5, None]})
    assert written.isprintable()
    assert json.loads(written) == {"state": text, text: [1.5, None]}
    assert json.loads(json_text({"state": text}, indent=2)) == {"state": text}


def test_json_keeps_letters():
    assert json_text({"unit": "µS"}) == '{"unit": "µS"}'


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\rx", "\n=1", "＝1"])  # noqa: RUF001
def test_text_that_a_spreadsheet_would_take_for_a_formula_is_marked_as_text(text):
    assert spreadsheet_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [-1.5, 3, None, True, "-1.5", "+3", "-2e-3", "tank1", "", "a=b", "'=1"])
def test_numbers_and_other_text_stay(value):
    assert spreadsheet_cell(value) is value
