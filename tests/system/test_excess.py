"""Whatever one message holds, and however little the broker takes: the agent lives, tells it, and serves the others."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support.deadline import block_until, rarely
from support.excess import Shouter, Stalls, buffered, confine
from support.prober import Prober
from support.processes import spawn_with
from support.pulse import Pulse
from support.site import Site

from edge_agent.mqtt import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Levels come and go beside all of it: two commands a second.
TRAFFIC = {"rate": 100, "level_every": 50}
MOST_MB = 150


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(**how: Any) -> Site:
        site = Site(tmp_path / f"site{len(made)}", **how, **TRAFFIC)
        made.append(site)
        return site

    yield make
    for site in made:
        site.close()


@pytest.fixture
def shouter(make_site) -> Iterator[Callable[[Site], Shouter]]:
    made: list[Shouter] = []

    def make(site: Site) -> Shouter:
        made.append(Shouter(site.broker.port))
        return made[-1]

    yield make
    for each in made:
        each.close()


def dead_letters(site: Site, reason: str) -> int:
    return int(site.agent.metric(f'edge_agent_dead_letters_total{{reason="{reason}"}}'))


@contextmanager
def watched(site: Site) -> Iterator[None]:
    """Let levels come and go beside the block; in it no turn takes a tenth of a second, and no request has to wait."""
    site.agent.start()
    site.flood.publish(1_000_000)
    block_until(lambda: site.nodes.executions, timeout=30)
    with Stalls(site.agent) as stalls, Pulse(site.agent, site.folder) as pulse:
        yield
        seen = len(site.nodes.executions)
        block_until(lambda: len(site.nodes.executions) > seen + 2, timeout=30)
    told = f"{pulse}; {stalls}"
    print(told)
    assert stalls.short, told
    assert pulse.slowest <= 0.1 or pulse.steady, told
    served(site)


def served(site: Site) -> None:
    """Assert that the agent lives, in little memory, and that nothing of the others is missing."""
    site.flood.hold()
    site.flood.settle()
    rss = site.agent.highest_rss_mb
    site.finish()
    measure = site.measure()
    print(f"{rss:.0f} MB; {measure.stored} stored")
    assert rss < MOST_MB
    assert not measure.missing


@pytest.mark.parametrize("unsaid", [True, False], ids=["kept by the broker", "sent by the broker"])
def test_a_message_of_150_mb(make_site, shouter, unsaid):
    limit = "1048576" if unsaid else "268435455"
    site = make_site(spawn=spawn_with(EDGE_AGENT_MQTT__MAX_PACKET_BYTES=limit))
    with watched(site):
        confine(site.agent.process, 100_000_000)
        loud = shouter(site)
        loud.say("water/riverside/load/telemetry/s0", bytes(150_000_000))
        loud.settle()
        if not unsaid:
            block_until(rarely(lambda: dead_letters(site, "payload_too_large")), timeout=60)
        mark = site.flood.newest
        block_until(lambda: site.newest_stored > mark, timeout=60)
    if not unsaid:
        (letter,) = site.agent.export("dead-letters")
        assert (letter["reason"], letter["topic"]) == ("payload_too_large", "water/riverside/load/telemetry/s0")


def test_topics_of_60_kb(make_site, shouter):
    site = make_site()
    with watched(site):
        loud = shouter(site)
        for number in range(2_000):
            loud.say(f"water/riverside/n{number}/telemetry/" + "x" * 60_000, b"1")
        loud.settle()
        block_until(rarely(lambda: dead_letters(site, "topic_too_long") == 2_000), timeout=60)


@pytest.mark.parametrize("element", [b"1", b'{"value":"x"}', b"{}", b"[]"], ids=["number", "value", "empty", "array"])
def test_arrays_of_bad_elements(make_site, shouter, element):
    site = make_site()
    bad = b"[" + b",".join([element] * (65_535 // (len(element) + 1))) + b"]"
    with watched(site):
        loud = shouter(site)
        for _ in range(200):
            loud.say("water/riverside/load/telemetry/s1", bad)
        loud.settle()
        block_until(rarely(lambda: dead_letters(site, "too_many_rejected") == 200), timeout=60)


def test_arrays_of_good_readings(make_site, shouter):
    site = make_site()
    payloads = [buffered(number) for number in range(400)]
    count = sum(len(json.loads(payload)) for payload in payloads)
    with watched(site):
        loud = shouter(site)
        for payload in payloads:
            loud.say("water/riverside/load/telemetry/s1", payload)
        loud.settle()
        block_until(rarely(lambda: site.agent.metric('edge_agent_readings_total{flag="good"}') > count), timeout=120)


def test_a_level_that_comes_amid_24_mb_of_buffered_readings_is_heeded_as_on_a_quiet_day(make_site, shouter):
    site = make_site()
    site.agent.start()
    payloads = [buffered(number) for number in range(400)]
    count = sum(len(json.loads(payload)) for payload in payloads)
    with Prober(site.broker.port) as prober, Stalls(site.agent) as stalls:
        block_until(lambda: len(prober.seconds) > 30)
        quiet = sorted(prober.seconds[5:])
        begin = len(prober.seconds)
        loud = shouter(site)
        for payload in payloads:
            loud.say("water/riverside/load/telemetry/s1", payload)
        loud.settle()
        block_until(rarely(lambda: site.agent.metric('edge_agent_readings_total{flag="good"}') > count), timeout=120)
        seen = len(prober.seconds)
        block_until(lambda: len(prober.seconds) > seen)
    storm = sorted(prober.seconds[begin:])
    told = (
        f"{1000 * quiet[-1]:.0f} ms at the most before, {[round(1000 * each) for each in storm]} ms amid it; {stalls}"
    )
    print(told)
    assert len(storm) > 20, told
    assert storm[len(storm) // 2] < max(2 * quiet[-1], 0.1), told
    # One of them is published amid the 24 MB, and stands behind them in the broker.
    assert storm[-1] < 1.0 + 5 * stalls.bystander, told


def test_brackets_and_more_on_the_status_of_an_agent(make_site, shouter):
    site = make_site()
    loud = shouter(site)
    loud.say("water/riverside/_agent/deep/status", b"[" * 1_000, retain=True)
    loud.say("water/riverside/_agent/huge/status", bytes(20_000_000), retain=True)
    loud.say("water/riverside/_agent/gone/status", wire.agent_status("offline", "auto", "0", 6), retain=True)
    loud.settle()
    with watched(site):
        pass
    assert '"epoch":7' in json.dumps(site.agent.export("commands"), separators=(",", ":"))


def test_a_broker_that_takes_400_bytes(make_site, shouter):
    site = make_site(broker_settings="max_packet_size 400\n")
    with watched(site):
        loud = shouter(site)
        for number in range(100):
            loud.say("water/riverside/load/telemetry/s1", b"x" * 300 + b"%d" % number)
        loud.settle()
        block_until(rarely(lambda: dead_letters(site, "invalid_json") == 100))
        block_until(rarely(lambda: site.agent.metric("edge_agent_oversized_publishes_total") >= 100))
        health = json.loads(site.agent.get("/health/ready"))
        assert health["parts"]["broker"] == "ok"
        assert "takes no packet of more than 400 bytes" in health["notes"]["broker"]
    assert site.agent.log.count("A message is too large for the broker") == 1
