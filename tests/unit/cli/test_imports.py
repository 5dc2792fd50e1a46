from __future__ import annotations

import subprocess
import sys

import pytest

#: What only other commands or other settings need, and what is large.
_UNUSED = ("edge_agent.demo", "edge_agent.simulate", "rich", "redis", "psycopg", "amqtt", "epanet")


def _loaded(module: str) -> set[str]:
    """Name the modules that a Python of its own has loaded after it imported one."""
    script = f"import {module}, sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", _UNUSED)
def test_the_agent_does_not_load_what_it_does_not_use(module: str) -> None:
    loaded = _loaded("edge_agent.cli.main, edge_agent.cli.run")
    assert "edge_agent.container.agent" in loaded
    assert module not in loaded


def test_redis_can_still_be_loaded_after_the_breakers() -> None:
    loaded = _loaded("edge_agent.runtime.resilience, redis.asyncio")
    assert "redis.asyncio" in loaded
