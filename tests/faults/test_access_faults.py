"""The broker forbids what it allowed, while it runs: the agent says so where it can know, and recovers by itself.

Mosquitto tells over MQTT 5 that a publish is not allowed. A forbidden subscription it grants, and delivers nothing:
then the agent can only know by the silence, and by the numbers when it hears again.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until
from support.faultsteps import TRAFFIC, begin, close, end, recover
from support.faulttable import Row
from support.processes import spawn_with
from support.site import PLANT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.site import Site

ALL = "topic readwrite #\n"
#: What everybody may, and what the agent, who alone has a name, may besides.
ALLOWED = ALL + "user agent\n" + ALL
MAY_NOT_PUBLISH = ALL + "user agent\ntopic read #\n"
MAY_NOT_HEAR = ALL + "user agent\ntopic write #\n"
#: A level is missed after three of its intervals.
IMPATIENT = PLANT.replace("interval_seconds = 10", "interval_seconds = 0.5")


class Doorkeeper:
    """The broker's list of who may do what: `allow` changes it while the broker runs."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "access"
        self._file.write_text(ALLOWED, encoding="utf-8")
        self.settings = f"acl_file {self._file}\n"

    def allow(self, site: Site, rules: str) -> None:
        self._file.write_text(rules, encoding="utf-8")
        site.broker.signal(signal.SIGHUP)


@pytest.fixture
def doorkeeper(tmp_path: Path) -> Doorkeeper:
    return Doorkeeper(tmp_path)


def guarded(make_site: Callable[..., Site], doorkeeper: Doorkeeper) -> Site:
    site = make_site(
        plant=IMPATIENT,
        broker_settings=doorkeeper.settings,
        spawn=spawn_with(EDGE_AGENT_MQTT__USERNAME="agent"),
        **TRAFFIC,
    )
    begin(site)
    return site


def says_so(site: Site) -> bool:
    """Whether log and health tell that the broker forbids it to publish."""
    return "refuses what the agent publishes" in site.agent.log and not site.agent.ready


def test_publish_denied(table, make_site, doorkeeper, fault_tries, fault_messages):
    """The agent may hear, but not speak: it stores on, its commands fail, and it says why."""
    row = table.add(Row("access: publish denied"))
    for _ in range(fault_tries):
        site = guarded(make_site, doorkeeper)
        block_until(lambda: site.nodes.executions)  # noqa: B023 - used at once
        doorkeeper.allow(site, MAY_NOT_PUBLISH)
        before = site.flood.published
        site.flood.publish(fault_messages)
        site.flood.settle()
        site.until_stored()
        assert site.flood.published == before + fault_messages
        block_until(lambda: says_so(site), 20)  # noqa: B023 - used at once
        recover(site, row, lambda: doorkeeper.allow(site, ALLOWED))  # noqa: B023 - used at once
        executed = len(site.nodes.executions)
        site.flood.publish(fault_messages)
        block_until(lambda: len(site.nodes.executions) > executed and site.agent.ready, 20)  # noqa: B023 - used at once
        assert end(site, row) == 0
    close(row)


def test_publish_denied_at_the_next_connection(table, make_site, doorkeeper, fault_tries, fault_messages):
    """The same, and the connection is lost: the agent may not even say that it is there, and hears all the same."""
    row = table.add(Row("access: publish denied, then a new connection"))
    for _ in range(fault_tries):
        site = guarded(make_site, doorkeeper)
        doorkeeper.allow(site, MAY_NOT_PUBLISH)
        site.broker.restart()
        block_until(lambda: says_so(site), 20)  # noqa: B023 - used at once
        site.flood.publish(fault_messages)
        site.flood.settle()
        site.until_stored()
        recover(site, row, lambda: doorkeeper.allow(site, ALLOWED))  # noqa: B023 - used at once
        block_until(lambda: site.agent.ready, 20)  # noqa: B023 - used at once
        assert end(site, row) == 0
    close(row)


def test_subscribe_denied(table, make_site, doorkeeper, fault_tries, fault_messages):
    """The agent may speak, but hears nothing: its sensors are stale, and afterwards it knows how much it missed."""
    row, lost = table.add(Row("access: subscribe denied")), 0
    for _ in range(fault_tries):
        site = guarded(make_site, doorkeeper)
        doorkeeper.allow(site, MAY_NOT_HEAR)
        site.flood.publish(fault_messages)
        site.flood.settle()
        block_until(lambda: "tank1/level:stale" in site.agent.log)  # noqa: B023 - used at once
        recover(site, row, lambda: doorkeeper.allow(site, ALLOWED))  # noqa: B023 - used at once
        lost += end(site, row)
        assert lost > 0
    close(row, lost, "the broker grants the subscription, and keeps what may not be read")
