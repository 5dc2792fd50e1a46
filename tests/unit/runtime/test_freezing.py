"""What the core knows, as JSON and back: it decides the same afterwards, and nothing else is let in."""

from __future__ import annotations

import json
import math
from collections import deque
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frozen import freeze
from support.plants import facts, plant, threshold
from support.waterworks import HOUR, STOP, World, broken_wire, protected, readme

from edge_agent.errors import RecordingError
from edge_agent.model.alarms import AlarmKey
from edge_agent.model.quality import Flag
from edge_agent.runtime.freezing import Capture, thaw

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


def again(given):
    return thaw(json.loads(json.dumps(freeze(given))))


@given(PLAIN)
def test_plain_values_come_back_as_they_were(given):
    assert again(given) == given
    assert type(again(given)) is type(given)


@pytest.mark.parametrize(
    "given",
    [
        {1, 2},
        frozenset({"a"}),
        deque([1.0, 2.0], maxlen=3),
        bytearray(b"\x00\xff"),
        MappingProxyType({"a": 1}),
        {("a", 1): [math.inf, -math.inf]},
        AlarmKey("tank1", "level", "low"),
        Flag.SUSPECT,
    ],
)
def test_so_do_the_containers_and_nouns_of_the_core(given):
    back = again(given)
    assert back == given
    assert type(back) is type(given)
    assert getattr(back, "maxlen", None) == getattr(given, "maxlen", None)


@pytest.mark.parametrize(("name", "above"), [("high", True), ("low", False)])
def test_a_noun_of_before_is_as_where_nothing_is_said_of_what_it_has_got_since(name, above):
    frozen = json.loads(json.dumps(freeze(threshold(name, 2.0, deadband=0.5))))
    for members in (content[2] for content in frozen["objects"] if content[0] == "object"):
        members[:] = [member for member in members if member[0] not in {"side", "annunciated"}]
    back = thaw(frozen)
    assert (back.annunciated, back.above, back.clears_at) == (True, above, 1.5 if above else 2.5)


def test_a_plant_of_before_has_no_device_of_another_maker():
    frozen = json.loads(json.dumps(freeze(plant())))
    for members in (content[2] for content in frozen["objects"] if content[0] == "object"):
        members[:] = [member for member in members if member[0] not in {"source", "wiring", "status"}]
    assert thaw(frozen) == plant()


def test_what_is_one_object_stays_one_and_may_refer_to_itself():
    one: list[object] = [1]
    one.append(one)
    back = again({"a": one, "b": one})
    assert back["a"] is back["b"]
    assert back["a"][1] is back["a"]


def blind():
    world = World().filling()
    world.fault(broken_wire)
    return world.run(100)


def by_hand():
    world = World().filling()
    world.by_hand(on=False)
    return world


def held():
    return World(readme(actuators=[protected(min_on_seconds=1200.0)])).filling(5.15).run(150)


def edited():
    world = World().filling()
    world.edit(STOP)
    return world


#: Stations in the middle of many things.
in_many_things = pytest.mark.parametrize("station", [blind, by_hand, held, edited, World])


@in_many_things
def test_what_was_frozen_goes_on_to_decide_the_same(station):
    world = station()
    frozen = json.dumps(freeze(world.bench.knowledge))
    assert json.dumps(freeze(world.bench.knowledge)) == frozen
    first = len(world.bench.turns)
    world.run(2 * HOUR + 1)
    twin = station()
    twin.bench.knowledge = thaw(json.loads(frozen))
    twin.bench.knowledge.analyzer.reindex()
    twin.run(2 * HOUR + 1)
    assert [facts(turn) for turn in twin.bench.turns[first:]] == [facts(turn) for turn in world.bench.turns[first:]]


@in_many_things
def test_what_was_captured_is_written_as_it_was_whatever_the_turns_have_changed_since(station):
    world = station()
    before = json.dumps(freeze(world.bench.knowledge))
    capture = Capture(world.bench.knowledge)
    for _ in capture.pieces():
        pass
    world.run(2 * HOUR + 1)
    written = json.loads("".join(capture.text()))
    assert json.dumps(freeze(world.bench.knowledge)) != before
    assert json.dumps(written) == before


def test_a_large_thing_is_captured_in_pieces():
    capture = Capture([[number] for number in range(100)])
    assert len(list(capture.pieces(most=10))) == 11
    assert thaw(json.loads("".join(capture.text()))) == [[number] for number in range(100)]


@pytest.mark.parametrize("given", [object(), len, json.JSONDecoder(), {"a": [lambda: 0]}])
def test_what_is_no_data_of_the_core_is_not_frozen(given):
    with pytest.raises(TypeError):
        freeze(given)


@pytest.mark.parametrize(
    "frozen",
    [
        None,
        {},
        {"root": {"at": 0}, "objects": []},
        {"root": {"at": 0}, "objects": [["object", "os:system", []]]},
        {"root": {"at": 0}, "objects": [["object", "runtime.loop:Loop", []]]},
        {"root": {"at": 0}, "objects": [["object", "model.time:datetime", []]]},
        {"root": {"at": 0}, "objects": [["object", "model.time:instant", []]]},
        {"root": {"at": 0}, "objects": [["named", "model.alarms:AlarmKey", [1]]]},
        {"root": {"at": 0}, "objects": [["tuple", [{"at": 0}]]]},
        {"root": {"what": 1}, "objects": []},
        {"root": {"enum": ["model.quality:Flag", "NONE"]}, "objects": []},
    ],
)
def test_what_it_has_not_written_is_an_error_of_recording(frozen):
    with pytest.raises(RecordingError):
        thaw(frozen)
