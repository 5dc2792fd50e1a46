"""The embedded broker loses no client where another one subscribes in the same instant."""

from __future__ import annotations

import pytest

pytest.importorskip("amqtt")

from edge_agent.mqtt.embedded import _Subscriptions


@pytest.mark.parametrize("walk", [iter, lambda subscriptions: (name for name, _ in subscriptions.items())])
def test_others_may_subscribe_and_leave_while_it_walks_through_what_is_subscribed_to(walk):
    subscriptions = _Subscriptions(a=[], b=[])
    seen = []
    for name in walk(subscriptions):
        seen.append(name)
        subscriptions[f"{name}2"] = []
        del subscriptions[name]
    assert seen == ["a", "b"]
    assert sorted(subscriptions) == ["a2", "b2"]
