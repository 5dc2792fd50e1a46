"""The network between agent and broker holds back, swallows, crawls, or loses every third packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.deadline import block_until
from support.faultsteps import HASTY, SOME, TRAFFIC, begin, close, end, recover
from support.faulttable import Row
from support.lossylink import FAR, NEAR, LossyLink
from support.processes import spawn_with
from support.proxy import ProxyThread, Way

from edge_agent.mqtt.broker import free_port

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from support.site import Site

#: A dead connection is noticed after about twice this.
KEEPALIVE_SECONDS = 1


@pytest.fixture
def between() -> Iterator[Callable[[int], ProxyThread]]:
    """Put proxies before ports."""
    made: list[ProxyThread] = []

    def put(port: int) -> ProxyThread:
        made.append(ProxyThread(port))
        return made[-1]

    try:
        yield put
    finally:
        for each in made:
            each.close()


def behind_proxy(
    make_site: Callable[..., Site],
    between: Callable[[int], ProxyThread],
    *,
    keepalive: int = KEEPALIVE_SECONDS,
    **keywords: object,
) -> tuple[Site, ProxyThread]:
    """Make a site whose agent reaches the broker through a proxy, and start it; gives both."""
    proxies: list[ProxyThread] = []

    def port(of_broker: int) -> int:
        proxies.append(between(of_broker))
        return proxies[0].port

    site = make_site(
        agent_port=port,
        spawn=spawn_with(EDGE_AGENT_MQTT__KEEPALIVE_SECONDS=str(keepalive)),
        **TRAFFIC | keywords,
    )
    begin(site)
    return site, proxies[0]


def test_connection_half_open(table, make_site, between, fault_tries, fault_messages):
    """The broker's end is gone, nobody told the agent: its end stays open, and what it sends is swallowed."""
    row = table.add(Row("network: half-open connection"))
    for _ in range(fault_tries):
        site, proxy = behind_proxy(make_site, between)
        before = proxy.connections
        proxy.forsake()
        site.flood.publish(fault_messages)
        site.flood.settle()
        recover(site, row)
        assert proxy.connections > before
        assert end(site, row) == 0
    close(row)


def test_partition_shorter_than_the_keepalive(table, make_site, between, fault_tries, fault_messages):
    """Nothing passes in either direction for a while; then it goes on where it was, on the same connection."""
    row = table.add(Row("network: partition, connection kept"))
    for _ in range(fault_tries):
        site, proxy = behind_proxy(make_site, between, keepalive=15)
        before = proxy.connections
        proxy.freeze()
        site.flood.publish(fault_messages)
        site.flood.settle()
        recover(site, row, proxy.thaw)
        assert proxy.connections == before
        assert end(site, row) == 0
    close(row)


def test_partition_that_costs_the_connection(table, make_site, between, fault_tries, fault_messages):
    """Nothing passes until both ends have given the connection up, and new ones get no answer either."""
    row = table.add(Row("network: partition, connection lost"))
    for _ in range(fault_tries):
        site, proxy = behind_proxy(make_site, between)
        before = proxy.connections
        proxy.freeze()
        site.flood.publish(fault_messages)
        site.flood.settle()
        block_until(lambda: proxy.connections > before, 60)  # noqa: B023 - used at once
        recover(site, row, proxy.thaw)
        assert end(site, row) == 0
    close(row)


def test_commands_held_back_until_they_have_expired(table, make_site, between, fault_tries, fault_messages):
    """Readings come in, but nothing goes out, until the time of the commands is over; then all of them arrive."""
    row, late = table.add(Row("network: commands held back until they have expired")), 0
    for _ in range(fault_tries):
        site, proxy = behind_proxy(make_site, between, keepalive=15, plant=HASTY, level_every=0)
        site.flood.level_every = 40
        site.flood.publish(40)
        block_until(lambda: site.nodes.executions)  # noqa: B023 - used at once
        proxy.freeze(Way.UP)
        site.flood.publish(40)
        block_until(lambda: site.agent.metric('edge_agent_commands_total{outcome="expired"}') > 0, 20)  # noqa: B023 - used at once
        recover(site, row, proxy.thaw)
        block_until(lambda: site.nodes.delivered_late > 0)  # noqa: B023 - used at once
        late += site.nodes.delivered_late
        site.flood.publish(fault_messages)
        assert end(site, row) == 0
    row.note = f"{late:,} commands came to their node after their expiry; none was executed"
    close(row)


def test_slow_broker(table, make_site, between, fault_tries, fault_messages):
    """A few kilobytes a second, each piece a quarter of a second late, in both directions: the connection holds."""
    row = table.add(Row("network: slow broker"))
    for _ in range(fault_tries):
        site, proxy = behind_proxy(make_site, between, keepalive=15)
        before = proxy.connections
        proxy.slow(30_000, 0.25)
        site.flood.publish(fault_messages)
        block_until(lambda: site.newest_stored > SOME + min(fault_messages, 500) // 2, 60)  # noqa: B023 - used at once
        recover(site, row, lambda: proxy.slow(0, 0.0))  # noqa: B023 - used at once
        assert proxy.connections <= before + 1  # a look at the other agents' epochs may be among them
        assert end(site, row) == 0
    close(row)


@pytest.fixture
def lossy_link(chance: random.Random) -> Iterator[LossyLink | str]:
    """A link that loses packets, or the reason why there is none."""
    try:
        link = LossyLink(chance)
    except OSError as error:
        yield str(error)
        return
    try:
        yield link
    finally:
        link.close()


def test_packet_loss(table, make_site, lossy_link, fault_tries, fault_messages):
    """Every IP packet between agent and broker is lost with a chance of 30 %, in either direction, handshakes too."""
    row = table.add(Row("network: 30 % packet loss"))
    if isinstance(lossy_link, str):
        row.note = f"not tried: a link of its own needs root and /dev/net/tun ({lossy_link})"
        pytest.skip(row.note)
    lost = packets = 0
    for _ in range(fault_tries):
        port = free_port()
        site = make_site(
            broker_settings=f"listener {port} {NEAR}\n",
            agent_port=lambda _, port=port: port,
            spawn=spawn_with(EDGE_AGENT_MQTT__HOST=FAR),
            **TRAFFIC,
        )
        begin(site)
        lossy_link.loss = 0.3
        lossy_link.lost = lossy_link.passed = 0
        site.flood.publish(fault_messages)
        site.flood.settle()
        site.until_stored(300)
        recover(site, row)  # still with the loss
        lossy_link.loss = 0.0
        lost, packets = lost + lossy_link.lost, packets + lossy_link.lost + lossy_link.passed
        assert end(site, row) == 0
    row.note = f"{lost:,} of {packets:,} packets were lost"
    assert lost > packets / 5
    close(row)
