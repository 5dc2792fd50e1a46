"""One noun, one meaning: the glossary against the code."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GLOSSARY = (ROOT / "docs/glossary.md").read_text("utf-8")
MEANINGS, _, UNUSED = GLOSSARY.partition("## Words that are not used")
SOURCES = {path: path.read_text("utf-8") for path in sorted((ROOT / "edge_agent").rglob("*.py"))}


@cache
def classes():
    """Return every public class of the agent: its name to the modules that define it."""
    found = defaultdict(set)
    for path, source in SOURCES.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].add(str(path.relative_to(ROOT)))
    return found


@cache
def words(source):
    """Return the words of a module: of its names, its sentences and its comments, each in lower case."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", source.replace("sqlite_master", ""))  # SQLite's own word
    return {word.lower() for word in re.findall(r"[A-Za-z]+", split)}


def rows(text):
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\|.*\|$", text, re.MULTILINE)]


def unused():
    return [word for row in rows(UNUSED)[2:] for word in row[0].split(", ")]


def test_a_word_is_explained_once():
    explained = [row[0] for row in rows(MEANINGS) if row[0] not in {"word", "---"}]
    assert len(explained) >= 50
    assert sorted(set(explained)) == sorted(explained)


def test_a_class_that_the_glossary_names_is_defined_once():
    named = set(re.findall(r"\| `(\w+)` \|$", MEANINGS, re.MULTILINE))
    assert len(named) >= 15
    defined = classes()
    assert {name: defined[name] for name in named if len(defined[name]) != 1} == {}


def test_no_two_classes_have_one_name():
    twice = {name: sorted(modules) for name, modules in classes().items() if len(modules) > 1}
    assert twice == {}


@pytest.mark.parametrize("word", unused())
def test_the_code_does_not_say(word):
    forms = {word, f"{word}s", f"{word}es", f"{word}ed"}
    saying = [str(path.relative_to(ROOT)) for path, source in SOURCES.items() if forms & words(source)]
    assert saying == []


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))])
def test_documents_use_the_words_of_the_glossary(page):
    text = (ROOT / page).read_text("utf-8").replace(UNUSED, "")
    forms = {form for word in unused() for form in (word, f"{word}s", f"{word}es", f"{word}ed")}
    # Prometheus has alerts, eKuiper and measured peers say hysteresis.
    allowed = {"docs/metrics.md": {"alert"}, "docs/performance.md": {"hysteresis"}}
    assert sorted(forms & words(text) - allowed.get(page, set())) == []
