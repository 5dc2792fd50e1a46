"""The broker goes away with a command on its way: it is not published after its expiry, not even by the client's queue.

The plant decides half a second after the reading, so that the fault lies between the two. Every command that the agent
sends through the wire is seen there, whether the broker or the node ever gets it or not.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until
from support.faulttable import Row
from support.proxy import Proxy
from support.site import PLANT

from edge_agent.model.time import parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.site import Site

TTL_SECONDS = 2
#: Shorter than the plant takes to decide.
QUIET_SECONDS = 0.1
SLOW = PLANT.replace("low  = { limit = 1.5,", "low  = { limit = 1.5, on_delay_seconds = 0.5,").replace(
    "ack_timeout_seconds = 2\ncommand_ttl_seconds = 10",
    f"ack_timeout_seconds = 0.5\ncommand_ttl_seconds = {TTL_SECONDS}",
)
_SENT = re.compile(rb'"id":\s*"([0-9a-f-]{36})"[^{}]*?"expires_at":\s*"([^"]+)"')


class Wire:
    """A proxy between agent and broker, in a thread of its own."""

    def __init__(self, target: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()
        self.proxy = Proxy(target)
        asyncio.run_coroutine_threadsafe(self.proxy.__aenter__(), self._loop).result(10)

    def cut(self) -> None:
        """Lose what is on the way, and pass nothing on any more."""
        self._loop.call_soon_threadsafe(self.proxy.drop)

    def freeze(self) -> None:
        self._loop.call_soon_threadsafe(self.proxy.freeze)

    def thaw(self) -> None:
        self._loop.call_soon_threadsafe(self.proxy.thaw)

    def until_quiet(self) -> None:
        """Wait until nothing was written for a while: a frozen wire takes one more piece, that is to be the command."""
        length, since = -1, 0.0

        def quiet() -> bool:
            nonlocal length, since
            if len(self.proxy.upstream) != length:
                length, since = len(self.proxy.upstream), time.perf_counter()
            return time.perf_counter() - since > QUIET_SECONDS

        block_until(quiet)

    def sent(self, since: int = 0) -> list[tuple[str, int]]:
        """The commands that the agent has written since a place of the stream: id and expiry."""
        found = _SENT.findall(bytes(self.proxy.upstream[since:]))
        return [(identity.decode(), parse_rfc3339(expiry.decode())) for identity, expiry in found]

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.proxy.__aexit__(None, None, None), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


@pytest.fixture
def make_wired(make_site: Callable[..., Site]) -> Iterator[Callable[[], tuple[Site, Wire]]]:
    """Make sites whose agent reaches its broker through a wire."""
    wires: list[Wire] = []

    def through(port: int) -> int:
        wires.append(Wire(port))
        return wires[-1].proxy.port

    def make() -> tuple[Site, Wire]:
        # The level is stored well before the plant decides.
        site = make_site(plant=SLOW, level_every=0, rate=1000, agent_port=through, commit_seconds=0.05)
        return site, wires[-1]

    try:
        yield make
    finally:
        for wire in wires:
            wire.close()


def commands(site: Site) -> dict[str, tuple[str, int]]:
    """State and expiry of the commands in the store."""
    with closing(sqlite3.connect(f"file:{site.store}?mode=ro", uri=True, timeout=5)) as db:
        return {each: (state, at) for each, state, at in db.execute("SELECT id, state, expires_at FROM commands")}


def decide(site: Site) -> None:
    """Let a low level reach the store; the command follows half a second later."""
    before = len(site.flood.acknowledged["tank1/level"])
    site.flood.settle()
    site.flood.level_every = 1
    site.flood.publish(1)
    site.flood.settle()
    site.flood.level_every = 0
    assert len(site.flood.acknowledged["tank1/level"]) == before + 1


def now() -> int:
    return time.time_ns() // 1000


@pytest.mark.parametrize("back", ["after its expiry", "before its expiry"])
def test_connection_lost_with_a_command_on_its_way(back, table, make_wired, fault_tries, fault_messages):
    row = table.add(Row(f"broker: connection lost with a command on its way, back {back}"))
    for _ in range(fault_tries):
        site, wire = make_wired()
        site.agent.start()
        site.flood.publish(fault_messages)
        decide(site)
        site.until_stored()
        wire.until_quiet()  # what was stored has been acknowledged
        wire.freeze()
        block_until(lambda: commands(site))  # noqa: B023 - used at once
        ((first, (_, expiry)),) = commands(site).items()
        block_until(lambda: first in dict(wire.sent()))  # noqa: B023
        wire.cut()
        if back == "after its expiry":
            block_until(lambda: now() > expiry)  # noqa: B023
        mark = len(wire.proxy.upstream)
        back_at = now()
        wire.thaw()
        began = time.perf_counter()
        site.flood.publish(fault_messages)
        row.recovered(site.recovery(began))
        block_until(lambda: commands(site)[first][0] not in {"decided", "published", "accepted"}, timeout=20)  # noqa: B023
        site.finish()
        measure = site.account(row)
        assert measure.clean, (site.folder, measure)
        assert all(expires >= back_at for _, expires in wire.sent(mark)), "published after its expiry"
        assert site.nodes.delivered_late == 0
        if back == "after its expiry":
            assert first not in {seen.id for seen in site.nodes.deliveries}
            assert commands(site)[first][0] in {"failed", "expired"}
    assert row.clean(), row


def test_broker_frozen_with_a_command_on_its_way(table, make_site, fault_tries, fault_messages):
    """What is in the socket comes to the broker late, and from there to the node: it does not execute it any more."""
    row = table.add(Row("broker: frozen with a command on its way, thawed after its expiry"))
    late = 0
    for _ in range(fault_tries):
        site = make_site(plant=SLOW, level_every=0, rate=1000)
        site.agent.start()
        site.flood.publish(fault_messages)
        decide(site)
        site.broker.suspend()
        block_until(lambda: commands(site))  # noqa: B023 - used at once
        (expiry,) = (at for _, at in commands(site).values())
        block_until(lambda: now() > expiry)  # noqa: B023
        site.broker.resume()
        began = time.perf_counter()
        site.flood.publish(fault_messages)
        row.recovered(site.recovery(began))
        site.finish()
        late += site.nodes.delivered_late
        measure = site.account(row)
        assert measure.clean, (site.folder, measure)
    row.note = (
        f"{late} attempts lay in the socket until after the expiry and came to the node, which did not execute them"
    )
    assert row.clean(), row
