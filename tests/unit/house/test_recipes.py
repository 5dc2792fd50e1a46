"""CONTRIBUTING.md: what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def recipes():
    return re.findall(r"^## Recipe: (.*)$", PAGE, re.MULTILINE)


def test_the_files_that_the_recipes_name_are_there():
    named = set(re.findall(r"`((?:edge_agent|tests|docs|deploy|config)/[\w/.-]*\w/?)`", PAGE))
    assert len(named) >= 30
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_the_doors_it_names_are_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", PAGE))
    assert {"unit", "check", "test", "mutants"} <= named <= targets


def anchors(page):
    """Return what a link can point to in a page: its headings, as they are written in an address."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings} | {""}


def test_links_of_the_pages_lead_somewhere():
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text("utf-8")):
            there = page.parent / target if target else page
            if not there.exists() or (anchor and anchor not in anchors(there)):
                broken.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert broken == []


def test_decisions_are_numbered_without_a_hole():
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 12
