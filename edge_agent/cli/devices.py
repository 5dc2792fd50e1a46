"""Devices on a broker: what they say, and how a plant file would say it."""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING

from edge_agent.cli.output import finish, say
from edge_agent.cli.run import stop_on_signals
from edge_agent.cli.surroundings import surroundings
from edge_agent.container.outlet import connection_settings
from edge_agent.errors import UsageError
from edge_agent.mqtt.eavesdrop import overhear
from edge_agent.settings.agent import load_settings
from edge_agent.settings.discovery import MOST_TOPICS, Discovery

if TYPE_CHECKING:
    import argparse

    from edge_agent.mqtt.connection import ConnectionSettings

#: Levels, of which each may be +; # is the last one.
_FILTER = re.compile(r"(?=[^\0]{1,1024}$)(?:(?:\+|[^+#/]*)/)*(?:\+|#|[^+#/]*)")
#: So much is shown of a payload.
_SHOWN = 160


def devices(arguments: argparse.Namespace) -> int:
    """Listen to a broker until Ctrl-C, or for so many seconds; then print a plant file's nodes for what was heard."""
    settings = load_settings(arguments.config, surroundings(arguments.config, os.environ).environ)
    if not _FILTER.fullmatch(arguments.topic):
        raise UsageError(f"{arguments.topic} is no filter of MQTT: + stands for one level, # at the end for all below")
    connection = connection_settings(settings, f"edge-agent-{settings.agent.id}")
    discovery = Discovery(f"{settings.mqtt.topic_prefix}/")
    asyncio.run(_listen(connection, discovery, arguments.topic, arguments.seconds))
    if discovery.missed:
        say(f"# More than {MOST_TOPICS:,} topics came by; choose some of them with --topic.\n")
    say(f"\n{discovery.toml()}")
    return 0


async def _listen(
    connection: ConnectionSettings, discovery: Discovery, topic_filter: str, seconds: float | None
) -> None:
    told = asyncio.Event()
    stop_on_signals(told.set, also_when_the_terminal_closes=True)

    def hear(topic: str, payload: bytes) -> None:
        if discovery.hear(topic, payload):
            shown = payload[:_SHOWN].decode(errors="replace").replace("\n", " ")
            more = " …" if len(payload) > _SHOWN else ""
            say(f"# {topic}  {shown}{more}\n")
            finish()

    await overhear(connection, topic_filter, hear, until=told, seconds=seconds)
