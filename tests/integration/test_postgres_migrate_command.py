from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_agent.cli.main import main
from edge_agent.knowledge.utility.migrate import NEWEST

if TYPE_CHECKING:
    from pathlib import Path

    from support.postgres import Postgres


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_says_what_it_did_and_that_nothing_is_left_to_do(
    shared_postgres: Postgres, installation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (installation / "dsn").write_text(shared_postgres.database() + "\n")
    (installation / "agent.toml").write_text('[postgres]\ndsn_file = "dsn"\n')
    assert main(["migrate", "--config", "agent.toml"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"the schema has version {NEWEST} now"
    assert main(["migrate", "--config", "agent.toml"]) == 0
    assert capsys.readouterr().out == f"nothing to do: the schema has version {NEWEST}\n"


def test_without_a_dsn_it_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 2
    assert capsys.readouterr().err == "there is nothing to migrate: neither postgres.dsn nor postgres.dsn_file is set\n"


def test_a_newer_schema_is_refused_with_a_sentence(
    shared_postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = database.rpartition("=")[2]
    shared_postgres.execute("INSERT INTO edge_agent.schema_versions (version) VALUES (999)", name)
    monkeypatch.setenv("EDGE_AGENT_POSTGRES__DSN", database)
    assert main(["migrate"]) == 1
    assert capsys.readouterr().err == (
        f"The PostgreSQL schema has version 999, this program knows {NEWEST} at most: use the newer edge-agent.\n"
    )


def test_a_server_that_is_not_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGE_AGENT_POSTGRES__DSN", "host=127.0.0.1 port=1 dbname=x user=x")
    assert main(["migrate"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("PostgreSQL cannot be reached: ")
    assert said.count("\n") == 1
