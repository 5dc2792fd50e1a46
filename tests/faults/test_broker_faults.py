"""The broker is killed, restarted, robbed of its sessions, overrun: what it had acknowledged and lost is counted.

Where a broker loses what it acknowledged nobody can bring it back. Then the agent's own count must be the ledger's:
`edge_agent_gaps_total` equals what the publisher saw acknowledged and the store has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.deadline import block_until
from support.faultsteps import TRAFFIC, begin, break_under_load, close, end, recover
from support.faulttable import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.site import Site


def until_saved(site: Site) -> None:
    """Wait until the broker has written the sessions that it has now to its file, as it does every second."""
    file = site.broker.data / "mosquitto.db"
    block_until(file.exists)
    before = file.stat().st_mtime_ns
    block_until(lambda: file.exists() and file.stat().st_mtime_ns > before)


def kill(site: Site) -> None:
    site.broker.kill()
    site.broker.start()


def restart(site: Site) -> None:
    site.broker.restart()


def test_broker_killed(table, make_site, fault_tries, fault_messages):
    """kill -9 under load, saved every second as `mosquitto/local.conf` has it, and started again at once."""
    row, lost = table.add(Row("broker: kill -9 under load")), 0
    for _ in range(fault_tries):
        site = make_site(**TRAFFIC)
        begin(site)
        until_saved(site)
        break_under_load(site, row, lambda: kill(site), fault_messages)  # noqa: B023 - used at once
        lost += end(site, row)
    close(row, lost, "the broker had not saved them")


def test_broker_killed_while_the_agent_is_away(table, make_site, fault_tries, fault_messages):
    """kill -9 of a broker that alone has what it acknowledged: what it had not saved yet is gone."""
    row, lost = table.add(Row("broker: kill -9 while the agent is away")), 0
    for _ in range(fault_tries):
        lost += once_while_away(row, make_site(**TRAFFIC), kill, fault_messages)
    close(row, lost, "the broker had not saved them")


def test_broker_restarted(table, make_site, fault_tries, fault_messages):
    """Ended in order and started again, under load."""
    row = table.add(Row("broker: clean restart under load"))
    for _ in range(fault_tries):
        site = make_site(**TRAFFIC)
        begin(site)
        break_under_load(site, row, site.broker.restart, fault_messages)
        assert end(site, row) == 0
    close(row, 0)


def test_broker_restarted_while_the_agent_is_away(table, make_site, fault_tries, fault_messages):
    """Ended in order and started again, with a queue for the agent."""
    row = table.add(Row("broker: clean restart while the agent is away"))
    for _ in range(fault_tries):
        assert once_while_away(row, make_site(**TRAFFIC), restart, fault_messages) == 0
    close(row, 0)


def forget(site: Site) -> None:
    """Delete the file with the sessions while the broker is down."""
    site.broker.stop()
    (site.broker.data / "mosquitto.db").unlink()
    site.broker.start()


def sessions_lost(site: Site) -> float:
    return site.agent.metric("edge_agent_sessions_lost_total")


def test_broker_forgets_the_sessions_of_those_that_are_there(table, make_site, fault_tries, fault_messages):
    """The database of sessions is deleted while the broker is down; the agent runs on, and notices."""
    row, lost = table.add(Row("broker: session database deleted under load")), 0
    for _ in range(fault_tries):
        site = make_site(**TRAFFIC)
        begin(site)
        break_under_load(site, row, lambda: forget(site), fault_messages)  # noqa: B023 - used at once
        assert sessions_lost(site) == 1
        lost += end(site, row)
    close(row, lost, "what came before the agent had subscribed anew, nobody kept")


def test_broker_forgets_the_session_of_an_agent_that_is_away(table, make_site, fault_tries, fault_messages):
    """The same with a queue for the agent, which goes with its session."""
    row, lost = table.add(Row("broker: session database deleted while the agent is away")), 0
    for _ in range(fault_tries):
        site = make_site(**TRAFFIC)
        tried = once_while_away(row, site, forget, fault_messages, lambda site=site: sessions_lost(site) == 1)
        assert tried == fault_messages
        lost += tried
    close(row, lost, "the queue went with the session")


QUEUED = 60


def test_broker_queue_overflows_while_the_agent_is_away(table, make_site, fault_tries, fault_messages):
    """More comes than the broker keeps for one that is away: it drops the newest, acknowledged as all are."""
    row, lost = table.add(Row("broker: queue overflow while the agent is away")), 0
    small = f"max_queued_messages {QUEUED}\nmax_inflight_messages {QUEUED}\n"
    for _ in range(fault_tries):
        tried = once_while_away(row, make_site(broker_settings=small, **TRAFFIC), lambda _: None, fault_messages)
        assert tried > 0
        lost += tried
    close(row, lost, f"the broker keeps {QUEUED} on their way and {QUEUED} more, and drops the newest")


def once_while_away(
    row: Row,
    site: Site,
    fault: Callable[[Site], None],
    messages: int,
    then: Callable[[], bool] = lambda: True,
) -> int:
    """Let messages wait for an absent agent, break something, and let it come back; tells what was lost."""
    begin(site)
    until_saved(site)
    assert site.agent.terminate() == 0
    site.flood.publish(messages)
    site.flood.settle()
    fault(site)
    recover(site, row, site.agent.start)
    assert then()
    return end(site, row)
