"""The pages that deploy/try-install follows: what they name exists, and their blocks are shell."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = ("install.md", "operations.md")


def blocks(page):
    return re.findall(r"(?ms)^```sh\n(.*?)^```$", (ROOT / "docs" / page).read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_are_shell(page):
    assert blocks(page)
    for block in blocks(page):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)


@pytest.mark.parametrize("page", PAGES)
def test_the_files_of_this_project_that_they_name_are_there(page):
    named = re.findall(r"(?<![\w/.-])(?:mosquitto|deploy|config|requirements)/[\w/.-]+\w", "".join(blocks(page)))
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_account_of_the_page_is_that_of_the_unit():
    user = re.search(r"(?m)^User=(.+)$", (ROOT / "deploy/systemd/edge-agent.service").read_text())[1]
    assert re.search(rf"useradd --system .* {user}\n", "".join(blocks("install.md")))


def test_the_broker_of_the_page_is_that_of_the_site():
    text = "".join(blocks("install.md"))
    for line in (ROOT / "mosquitto/site.conf").read_text().splitlines():
        if line.startswith(("password_file", "acl_file")):
            assert line.split()[1] in text
