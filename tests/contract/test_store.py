from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import pytest
from support.memorystore import MemoryStore
from support.stageworks import conditions, stages, timetable
from support.utilitystore import UtilityStore

from edge_agent.errors import StoreError
from edge_agent.knowledge.archive.sqlite import SqliteArchive
from edge_agent.knowledge.policy.digest import digest
from edge_agent.knowledge.policy.rediscache import RedisCache
from edge_agent.knowledge.policy.shared import SharedCopy
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.alarms import Alarm, AlarmEvent, AlarmEventKind, AlarmKey, Evidence
from edge_agent.model.commands import (
    ActuatorMemory,
    Check,
    Command,
    CommandEvent,
    CommandRecord,
    CommandState,
    Decision,
)
from edge_agent.model.desired import Expectation
from edge_agent.model.plant import (
    Actuator,
    Fallback,
    Node,
    Plan,
    Plant,
    Policy,
    Provision,
    Sensor,
    Step,
    Threshold,
)
from edge_agent.model.quality import Flag, Quality
from edge_agent.model.readings import KEPT_DELIVERIES, DeadLetter, Delivery, Reading
from edge_agent.model.remembered import (
    ClockMemory,
    DelayMemory,
    GroupMemory,
    InterlockMemory,
    PlanMemory,
    SequenceMemory,
    StoredReading,
)
from edge_agent.model.sources import Derivation, ReadingSource, ReplySource, Wiring, WordSource
from edge_agent.model.time import Moment, rfc3339
from edge_agent.model.turn import Turn
from edge_agent.monitor.tests.gross_range import GrossRange
from edge_agent.monitor.tests.registry import LAYOUT
from edge_agent.plan.kinds.registry import kind_of
from edge_agent.plan.provisions import registry
from edge_agent.plan.provisions.spec import ProvisionKind
from edge_agent.ports.policy import PolicyRepository
from edge_agent.ports.stores import Archive, Journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

T0 = 1_780_000_000_000_000
SECOND = 1_000_000
LEVEL = Sensor("tank1", "level", "level", "m", quality=Quality([GrossRange((0.0, 6.0))]))
PRESSURE = Sensor("station", "suction", "pressure", "bar")
LOW = Threshold("tank1", "level", "low", 1.5, deadband=0.2, priority="high")
FILL = Plan("fill_tank1", ("tank1/level:low",), (Step("station/pump1", "start"),), ("station/suction:low_low",))
PLANT = Plant(
    "riverside",
    {
        "tank1": Node("tank1", {"level": LEVEL}),
        "station": Node(
            "station", {"suction": PRESSURE}, {"pump1": Actuator("station", "pump1", "pump", "stop", 300.0, 120.0, 6)}
        ),
    },
    Policy((LOW, Threshold("station", "suction", "low_low", 0.2)), (FILL,)),
)


class Store(Journal, PolicyRepository, Protocol): ...


class Opened(NamedTuple):
    store: Store
    archive: Archive


class Place(Protocol):
    """Where a store is kept: what was written is there when it is opened again."""

    def opened(self, site: str = "riverside") -> AbstractAsyncContextManager[Opened]: ...


class InMemory:
    def __init__(self) -> None:
        self.store = MemoryStore()

    @asynccontextmanager
    async def opened(self, site: str = "riverside") -> AsyncIterator[Opened]:
        del site
        yield Opened(self.store, self.store)


class InFile:
    def __init__(self, path: Path) -> None:
        self.path = path

    @asynccontextmanager
    async def opened(self, site: str = "riverside") -> AsyncIterator[Opened]:
        del site
        async with SqliteStore(self.path) as store, SqliteArchive(self.path) as archive:
            yield Opened(store, archive)


class InDatabase:
    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    @asynccontextmanager
    async def opened(self, site: str = "riverside") -> AsyncIterator[Opened]:
        async with UtilityStore(self.dsn, site) as store:
            yield Opened(store, store)


class BehindRedis:
    """What is written goes to the database; thresholds and plans come through Redis."""

    def __init__(self, dsn: str, url: str) -> None:
        self.dsn, self.url = dsn, url

    @asynccontextmanager
    async def opened(self, site: str = "riverside") -> AsyncIterator[Opened]:
        async with (
            UtilityStore(self.dsn, site) as store,
            RedisCache(self.url, site, 60, silence_seconds=10.0) as cache,
        ):
            yield Opened(Shared(store, SharedCopy(cache, site)), store)


class Shared:
    """The store of one gateway, the policy as another reads it from the copy."""

    def __init__(self, store: UtilityStore, copy: SharedCopy) -> None:
        self.write, self.apply, self.applied, self.version = store.write, store.apply, store.applied, store.version
        self._store, self._copy = store, copy

    async def policy(self) -> Policy:
        issue = await self._store.issue()
        await self._copy.write(issue)
        found = await self._copy.read(issue.key, lambda edition: edition == issue.edition)
        return issue.policy if found is None and not issue.edition.revision else found.policy

    async def plant(self) -> Plant:
        return replace(await self._store.plant(), policy=await self.policy())


#: What only the store does that a gateway has to itself, and that its agent is started from.
of_a_gateway = pytest.mark.parametrize("place", ["memory", "sqlite"], indirect=True)


@pytest.fixture(params=["memory", "sqlite", "postgres", "postgres behind redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    match request.param:
        case "postgres":
            return InDatabase(request.getfixturevalue("database"))
        case "postgres behind redis":
            return BehindRedis(request.getfixturevalue("database"), request.getfixturevalue("redis_server").url)
        case "sqlite":
            return InFile(tmp_path / "var" / "store.db")
        case _:
            return InMemory()


@pytest.fixture
async def opened(place: Place) -> AsyncIterator[Opened]:
    async with place.opened() as opened:
        yield opened


def reading(
    seconds: float, value: float = 2.0, *, sensor: Sensor = LEVEL, seq: int | None = None, flag: Flag = Flag.GOOD
) -> Reading:
    at = T0 + round(seconds * SECOND)
    return Reading(sensor, value, at, at + SECOND, seq, flag, LAYOUT.pack({"gross_range": flag.name}))


def turn(seconds: float = 0.0, **members: Any) -> Turn:
    return Turn(Moment(T0 + round(seconds * SECOND), seconds), **members)


def alarm(key: str = "tank1/level:low", **members: Any) -> Alarm:
    known: dict[str, Any] = {"priority": "high", "active": True, "acknowledged": False, "since": T0, "reason": "below"}
    return Alarm(AlarmKey.parse(key), **(known | members))


def raised(
    seconds: float = 0.0, key: str = "tank1/level:low", event: AlarmEventKind = AlarmEventKind.RAISED
) -> AlarmEvent:
    return AlarmEvent(AlarmKey.parse(key), event, T0 + round(seconds * SECOND), 1.42, "agent", "below low")


def command(counter: int = 1, *, node: str = "station", seconds: float = 0.0) -> Command:
    at = T0 + round(seconds * SECOND)
    life = (at, at + 30 * SECOND, 900.0, 1, counter)
    return Command(f"c{counter}", "riverside", node, "pump1", "start", None, *life, "fill_tank1", "tank1/level is low")


def step(
    state: CommandState, seconds: float = 0.0, attempts: int = 0, command_id: str = "c1", detail: str = ""
) -> CommandEvent:
    return CommandEvent(command_id, state, T0 + round(seconds * SECOND), attempts, detail)


async def gathered(records: AsyncIterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record async for record in records]


# Readings


async def test_a_reading_comes_back_flat_with_names_for_numbers(opened: Opened) -> None:
    await opened.store.write([turn(readings=[reading(0.25, 3.21, seq=4711, flag=Flag.SUSPECT)])])
    assert await gathered(opened.archive.records("readings")) == [
        {
            "node": "tank1",
            "sensor": "level",
            "value": 3.21,
            "unit": "m",
            "flag": "suspect",
            "tests": {"gross_range": "suspect"},
            "observed_at": rfc3339(T0 + 250_000),
            "received_at": rfc3339(T0 + 1_250_000),
            "seq": 4711,
        }
    ]


async def test_a_reading_is_stored_once_and_its_repetitions_are_counted(opened: Opened) -> None:
    first = turn(readings=[reading(0, seq=1), reading(1, seq=2), reading(2)])
    assert (await opened.store.write([first])).duplicates == 0
    again = turn(3, readings=[reading(0, seq=1), reading(2), reading(3), reading(3)])
    assert (await opened.store.write([again])).duplicates == 3
    assert len(await gathered(opened.archive.records("readings"))) == 4


async def test_readings_of_one_instant_differ_by_seq_sensor_and_absence_of_seq(opened: Opened) -> None:
    four = [reading(0, seq=0), reading(0, seq=1), reading(0), reading(0, sensor=PRESSURE, seq=1)]
    assert (await opened.store.write([turn(readings=four)])).duplicates == 0
    found = await gathered(opened.archive.records("readings"))
    assert {(r["sensor"], r["seq"]) for r in found} == {("level", 0), ("level", 1), ("level", None), ("suction", 1)}


async def test_a_repetition_does_not_change_what_is_stored(opened: Opened) -> None:
    await opened.store.write([turn(readings=[reading(0, 2.0, seq=1)])])
    await opened.store.write([turn(1, readings=[reading(0, 2.0, seq=1, flag=Flag.FAIL)])])
    (kept,) = await gathered(opened.archive.records("readings"))
    assert (kept["value"], kept["flag"]) == (2.0, "good")


async def test_a_reading_that_settles_later_gets_its_flag_in_the_store(opened: Opened) -> None:
    unsettled, other = reading(0, seq=1, flag=Flag.NOT_EVALUATED), reading(0, sensor=PRESSURE)
    await opened.store.write([turn(readings=[unsettled, other])])
    unsettled.flag, unsettled.tests = Flag.FAIL, LAYOUT.pack({"gross_range": "good", "spike": "fail"})
    await opened.store.write([turn(1, settled=[unsettled])])
    flags = {r["sensor"]: (r["flag"], r["tests"]) for r in await gathered(opened.archive.records("readings"))}
    assert flags["level"] == ("fail", {"gross_range": "good", "spike": "fail"})
    assert flags["suction"][0] == "good"


async def test_a_reading_that_settles_before_it_is_written_is_stored_settled(opened: Opened) -> None:
    unsettled = reading(0, flag=Flag.NOT_EVALUATED)
    first = turn(readings=[unsettled])
    unsettled.flag = Flag.SUSPECT
    await opened.store.write([first, turn(1, settled=[unsettled])])
    assert [r["flag"] for r in await gathered(opened.archive.records("readings"))] == ["suspect"]


async def test_a_stored_reading_without_judgement_takes_that_of_its_repetition(opened: Opened) -> None:
    await opened.store.write([turn(readings=[reading(0, flag=Flag.NOT_EVALUATED)])])
    await opened.store.write([turn(1, readings=[reading(0, flag=Flag.SUSPECT)])])
    await opened.store.write([turn(2, readings=[reading(0, flag=Flag.NOT_EVALUATED)])])
    assert [r["flag"] for r in await gathered(opened.archive.records("readings"))] == ["suspect"]


async def test_what_happens_to_a_reading_after_the_call_is_not_in_the_write(opened: Opened) -> None:
    changing = reading(0, flag=Flag.NOT_EVALUATED)
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(opened.store.write([turn(readings=[changing])]))
        await asyncio.sleep(0)
        changing.flag = Flag.FAIL
    assert writing.done()
    assert [r["flag"] for r in await gathered(opened.archive.records("readings"))] == ["not_evaluated"]


async def test_readings_are_given_oldest_first_since_an_instant_and_of_a_node(opened: Opened) -> None:
    await opened.store.write([turn(readings=[reading(2), reading(0), reading(1, sensor=PRESSURE), reading(3)])])
    found = await gathered(opened.archive.records("readings"))
    assert [r["observed_at"] for r in found] == [rfc3339(T0 + n * SECOND) for n in range(4)]
    assert [r["node"] for r in await gathered(opened.archive.records("readings", since=T0 + SECOND))] == [
        "station",
        "tank1",
        "tank1",
    ]
    assert len(await gathered(opened.archive.records("readings", node="tank1"))) == 3
    assert len(await gathered(opened.archive.records("readings", since=T0 + 3 * SECOND, node="tank1"))) == 1
    assert await gathered(opened.archive.records("readings", node="nowhere")) == []


async def test_more_readings_than_fit_in_memory_at_once_all_come_in_order(opened: Opened) -> None:
    held = [reading(n // 7, seq=n, sensor=LEVEL if n % 2 else PRESSURE) for n in range(5_001)]
    await opened.store.write([turn(readings=held)])
    found = await gathered(opened.archive.records("readings"))
    assert sorted(r["seq"] for r in found) == list(range(5_001))
    assert [r["observed_at"] for r in found] == sorted(r["observed_at"] for r in found)


async def test_a_unit_that_changes_leaves_history_in_its_own(opened: Opened) -> None:
    in_feet = replace(LEVEL, unit="ft")
    await opened.store.write([turn(readings=[reading(0, 2.0), reading(1, 6.6, sensor=in_feet)])])
    assert [(r["value"], r["unit"]) for r in await gathered(opened.archive.records("readings"))] == [
        (2.0, "m"),
        (6.6, "ft"),
    ]


# Dead letters and deliveries


async def test_dead_letters_come_back_as_text_or_base64(opened: Opened) -> None:
    letters = [
        DeadLetter("invalid_json", "water/riverside/tank1/telemetry/level", "{größe".encode(), T0),
        DeadLetter("invalid_json", "water/riverside/tank1/telemetry/level", b"\xff\x00", T0 + 1),
    ]
    await opened.store.write([turn(dead_letters=letters)])
    text, binary = await gathered(opened.archive.records("dead_letters"))
    assert text == {
        "reason": "invalid_json",
        "topic": "water/riverside/tank1/telemetry/level",
        "payload": "{größe",
        "received_at": rfc3339(T0),
    }
    assert (binary["payload"], binary["encoding"]) == ("/wA=", "base64")


async def test_a_long_payload_cut_within_a_character_stays_text(opened: Opened) -> None:
    cut = ("x" * 1023 + "ä").encode()[:1024]
    await opened.store.write([turn(dead_letters=[DeadLetter("too_large", "t", cut, T0)])])
    (record,) = await gathered(opened.archive.records("dead_letters"))
    assert record["payload"] == "x" * 1023


async def test_equal_dead_letters_are_all_kept_and_a_repeated_write_adds_none(opened: Opened) -> None:
    letter = DeadLetter("invalid_json", "water/riverside/tank1/telemetry/level", b"{", T0)
    first, second = turn(dead_letters=[letter, letter]), turn(dead_letters=[letter])
    await opened.store.write([first, second])
    await opened.store.write([first, second])
    assert len(await gathered(opened.archive.records("dead_letters"))) == 3


async def test_dead_letters_are_given_since_an_instant_and_of_the_node_their_topic_names(opened: Opened) -> None:
    await opened.store.apply(PLANT)
    topics = ["water/riverside/tank1/telemetry", "water/riverside/station/ack/tank1", "water/elsewhere/tank1/status"]
    letters = [DeadLetter("unknown", topic, b"", T0 + n) for n, topic in enumerate(topics)]
    await opened.store.write([turn(dead_letters=letters)])
    assert [r["topic"] for r in await gathered(opened.archive.records("dead_letters", node="tank1"))] == topics[:1]
    assert [r["topic"] for r in await gathered(opened.archive.records("dead_letters", since=T0 + 1))] == topics[1:]


@of_a_gateway
async def test_deliveries_are_remembered_oldest_first_and_a_packet_only_once(place: Place) -> None:
    async with place.opened() as opened:
        await opened.store.write([turn(deliveries=[Delivery(7, b"a"), Delivery(8, b"b")])])
        await opened.store.write([turn(deliveries=[Delivery(7, b"c")])])
    async with place.opened() as opened:
        assert (await opened.store.begin("gateway-1")).deliveries == [Delivery(8, b"b"), Delivery(7, b"c")]


@of_a_gateway
async def test_only_the_latest_deliveries_are_remembered(opened: Opened) -> None:
    for start in (0, 1_500):
        await opened.store.write([turn(deliveries=[Delivery(start + n, b"x") for n in range(1_500)])])
    packets = [delivery.packet for delivery in (await opened.store.begin("gateway-1")).deliveries]
    assert packets == list(range(3_000 - KEPT_DELIVERIES, 3_000))


# The start


@of_a_gateway
async def test_the_epoch_grows_with_each_start(place: Place) -> None:
    async with place.opened() as opened:
        assert (await opened.store.begin("gateway-1")).epoch == 1
        assert (await opened.store.begin("gateway-1")).epoch == 2
    async with place.opened() as opened:
        assert (await opened.store.begin("gateway-2")).epoch == 3
        assert (await opened.store.begin("gateway-2", above=9)).epoch == 10
        assert (await opened.store.begin("gateway-2", above=4)).epoch == 11


@of_a_gateway
async def test_an_epoch_that_was_raised_while_the_agent_ran_is_not_begun_again(opened: Opened) -> None:
    assert (await opened.store.begin("gateway-1")).epoch == 1
    await opened.store.write([turn(epoch=7), turn(1, epoch=5)])
    assert (await opened.store.begin("gateway-1")).epoch == 8


@of_a_gateway
async def test_an_empty_store_remembers_nothing(opened: Opened) -> None:
    remembered = await opened.store.begin("gateway-1")
    assert not any(
        (
            remembered.commands,
            remembered.alarms,
            remembered.actuators,
            remembered.plans,
            remembered.readings,
            remembered.deliveries,
        )
    )


@of_a_gateway
async def test_open_commands_are_remembered_oldest_first_with_their_state(place: Place) -> None:
    first, second, third = command(1), command(2), command(3)
    async with place.opened() as opened:
        await opened.store.write([turn(commands=[second, first, third])])
        await opened.store.write(
            [
                turn(
                    1,
                    command_events=[
                        step(CommandState.PUBLISHED, 1, 1),
                        step(CommandState.ACCEPTED, 2, 1),
                        step(CommandState.PUBLISHED, 1, 1, "c2"),
                        step(CommandState.PUBLISHED, 6, 2, "c2"),
                        step(CommandState.DONE, 2, 1, "c3"),
                    ],
                )
            ]
        )
    async with place.opened() as opened:
        assert (await opened.store.begin("gateway-1")).commands == [
            CommandRecord(first, CommandState.ACCEPTED, 1),
            CommandRecord(second, CommandState.PUBLISHED, 2),
        ]


@of_a_gateway
async def test_a_switch_point_is_remembered_as_one(opened: Opened) -> None:
    on = alarm("tank1/level:fill_on", acknowledged=True, annunciated=False)
    event = raised(key="tank1/level:fill_on", event=AlarmEventKind.ON)
    await opened.store.write([turn(alarms=[on], alarm_events=[event])])
    assert (await opened.store.begin("gateway-1")).alarms == [on]
    assert [record["event"] for record in await gathered(opened.archive.records("alarms"))] == ["on"]


@of_a_gateway
async def test_an_alarm_that_becomes_a_switch_point_and_back_is_remembered_as_it_was_last(opened: Opened) -> None:
    for_people = alarm()
    point = alarm(acknowledged=True, annunciated=False)
    ended, off = (replace(one, active=False, acknowledged=True) for one in (for_people, point))
    await opened.store.write([turn(alarms=[for_people])])
    await opened.store.write([turn(1, alarms=[ended, point])])
    assert (await opened.store.begin("gateway-1")).alarms == [point]
    await opened.store.write([turn(2, alarms=[off, for_people])])
    assert (await opened.store.begin("gateway-1")).alarms == [for_people]
    await opened.store.write([turn(3, alarms=[ended, point]), turn(4, alarms=[off])])
    assert (await opened.store.begin("gateway-1")).alarms == []


async def test_a_threshold_of_any_name_side_and_measure_is_kept(opened: Opened) -> None:
    soon = (("over_seconds", 900.0), ("within_minutes", 30.0))
    names = (
        Threshold("tank1", "level", "bursting", -0.6, side="below", measure="rate_per_hour"),
        Threshold("tank1", "level", "fill_on", 2.5, 0.1, side="below", annunciated=False),
        Threshold("tank1", "level", "overflowing", 5.7, side="above", measure="time_to_limit", parameters=soon),
    )
    wanted = replace(PLANT, policy=replace(PLANT.policy, thresholds=names, plans=()))
    await opened.store.apply(wanted)
    assert (await opened.store.policy()).thresholds == names
    louder = (names[0], replace(names[1], annunciated=True), names[2])
    changes = await opened.store.apply(replace(wanted, policy=replace(wanted.policy, thresholds=louder)))
    assert list(map(str, changes)) == ["change threshold tank1/level:fill_on: alarm False -> True"]


@of_a_gateway
async def test_alarms_are_remembered_unless_they_are_at_rest(place: Place) -> None:
    evidence = Evidence("water/riverside/tank1/telemetry/level", 1.4, "m", "good", {"spike": "good"}, T0, T0 + 1, None)
    active = alarm(acknowledged=True, value=1.4, limit=1.5, unit="m", evidence=evidence)
    unseen = alarm("tank1/level:stale", active=False, since=T0 + 1)
    shelved = alarm("station:offline", active=False, acknowledged=True, shelved_until=T0 + SECOND, since=T0 + 2)
    passing = alarm("tank1/level:high")
    async with place.opened() as opened:
        await opened.store.write([turn(alarms=[active, unseen, shelved, passing])])
        await opened.store.write([turn(1, alarms=[replace(passing, active=False, acknowledged=True)])])
    async with place.opened() as opened:
        assert repr((await opened.store.begin("gateway-1")).alarms) == repr([active, unseen, shelved])


@of_a_gateway
async def test_the_last_state_of_an_alarm_in_a_write_counts(opened: Opened) -> None:
    resting = alarm(active=False, acknowledged=True)
    await opened.store.write([turn(alarms=[alarm()]), turn(1, alarms=[resting])])
    assert (await opened.store.begin("gateway-1")).alarms == []
    await opened.store.write([turn(2, alarms=[alarm()]), turn(3, alarms=[resting, alarm(acknowledged=True)])])
    assert (await opened.store.begin("gateway-1")).alarms == [alarm(acknowledged=True)]


@of_a_gateway
async def test_memories_of_actuators_and_plans_survive_as_they_were_last(place: Place) -> None:
    pump = ActuatorMemory("station/pump1", ["start", None, "fill_tank1", 50, "low"], T0, True, T0, None, [T0 - 5, T0])
    async with place.opened() as opened:
        plans = [PlanMemory("fill_tank1", applies=False, fired_at=None)]
        await opened.store.write([turn(actuators=[ActuatorMemory("station/pump1")], plans=plans)])
        plans = [PlanMemory("fill_tank1", applies=True, fired_at=T0)]
        await opened.store.write([turn(1, actuators=[pump], plans=plans)])
        expected = replace(pump, starts=list(pump.starts))
        pump.starts.append(T0 + 99)
    async with place.opened() as opened:
        remembered = await opened.store.begin("gateway-1")
        assert remembered.actuators == [expected]
        assert remembered.plans == [PlanMemory("fill_tank1", applies=True, fired_at=T0)]


@of_a_gateway
async def test_running_delays_survive_as_they_were_last(place: Place) -> None:
    low, high = (f"tank1/level:{side}" for side in ("low", "high"))
    runs = DelayMemory(low, T0, 1.5, "boot 1", 12.5, sure=False)
    async with place.opened() as opened:
        await opened.store.write([turn(delays=[DelayMemory(low, T0 - 9), DelayMemory(high, T0, 5.2)])])
        await opened.store.write([turn(1, delays=[runs, DelayMemory(high, None)])])
    async with place.opened() as opened:
        remembered = await opened.store.begin("gateway-1")
        assert remembered.delays == [DelayMemory(high, None), runs]


@of_a_gateway
async def test_the_clocks_of_nodes_survive_as_they_were_last(place: Place) -> None:
    async with place.opened() as opened:
        await opened.store.write(
            [turn(clocks=[ClockMemory("tank1", -5, "boot 1"), ClockMemory("tank2", T0, "boot 1")])]
        )
        await opened.store.write([turn(1, clocks=[ClockMemory("tank1", T0 + 7, "boot 2")])])
    async with place.opened() as opened:
        remembered = await opened.store.begin("gateway-1")
        assert remembered.clocks == [ClockMemory("tank1", T0 + 7, "boot 2"), ClockMemory("tank2", T0, "boot 1")]


@of_a_gateway
async def test_what_is_known_of_groups_and_of_running_in_all_survives_as_it_was_last(place: Place) -> None:
    failed = {"station/pump1": "start was not carried out: overload"}
    memory = ActuatorMemory("station/pump1", all_starts=12, run_seconds=3600.5)
    async with place.opened() as opened:
        groups = [GroupMemory("boosters", "station/pump1"), GroupMemory("others")]
        await opened.store.write([turn(groups=groups, actuators=[memory])])
        await opened.store.write([turn(1, groups=[GroupMemory("boosters", "station/pump2", failed)])])
    async with place.opened() as opened:
        remembered = await opened.store.begin("gateway-1")
        assert remembered.groups == [GroupMemory("boosters", "station/pump2", failed), GroupMemory("others")]
        assert remembered.actuators == [memory]


@of_a_gateway
async def test_trips_that_have_latched_survive_as_they_were_last(place: Place) -> None:
    dry = InterlockMemory("dry", T0, "station/suction < 0.3", [T0 - SECOND], True, "boot 1", 5.0, False)
    over = InterlockMemory("wet", None, boot="boot 1")
    async with place.opened() as opened:
        await opened.store.write([turn(interlocks=[dry, InterlockMemory("wet", T0, "full")])])
        await opened.store.write([turn(1, interlocks=[over])])
    async with place.opened() as opened:
        remembered = await opened.store.begin("gateway-1")
        assert remembered.interlocks == [dry, over]


@of_a_gateway
async def test_where_the_numbers_of_a_topic_stand_survives_until_it_is_taken_back(place: Place) -> None:
    of_many = SequenceMemory("tank1", "", (None, (T0, 7)))
    of_one = SequenceMemory("tank1", "level", ((T0, 1), (T0 + SECOND, 4)))
    async with place.opened() as opened:
        await opened.store.write([turn(sequences=[of_many, of_one]), turn(1, sequences=[of_many])])
    async with place.opened() as opened:
        assert (await opened.store.begin("gateway-1")).sequences == [of_many, of_one]
        newer = of_many._replace(seen=((T0 + SECOND, 8),))
        await opened.store.write([turn(2, sequences=[newer, of_one._replace(seen=())])])
        assert (await opened.store.begin("gateway-1")).sequences == [newer]


@of_a_gateway
async def test_the_last_three_readings_of_each_sensor_are_remembered_oldest_first(place: Place) -> None:
    async with place.opened() as opened:
        levels = [reading(n, float(n), seq=n if n % 2 else None) for n in (3, 0, 4, 1, 2)]
        await opened.store.write([turn(readings=[*levels, reading(-100, 9.0, sensor=PRESSURE, flag=Flag.FAIL)])])
    async with place.opened() as opened:
        held = (await opened.store.begin("gateway-1")).readings
        tests = LAYOUT.pack({"gross_range": "good"})
        assert [r for r in held if r.sensor == "level"] == [
            StoredReading("tank1", "level", float(n), at := T0 + n * SECOND, at + SECOND, seq, Flag.GOOD, tests)
            for n, seq in ((2, None), (3, 3), (4, None))
        ]
        assert [(r.value, r.flag) for r in held if r.sensor == "suction"] == [(9.0, Flag.FAIL)]


@of_a_gateway
async def test_readings_from_after_their_receipt_do_not_stay_the_latest(opened: Opened) -> None:
    """A node whose clock once said 2099 is numbered by what it sent at the right time, before and since."""
    year = 365 * 86_400 * SECOND
    ahead = [replace(reading(n, float(n), seq=n), observed_at=T0 + 73 * year + n) for n in range(4)]
    barely = replace(reading(9, 9.0, seq=9), received_at=T0 - 51 * SECOND)
    await opened.store.write([turn(readings=[*ahead, reading(7, 7.0, seq=7), reading(8, 8.0, seq=8), barely])])
    assert [r.value for r in (await opened.store.begin("gateway-1")).readings] == [7.0, 8.0, 9.0]


@of_a_gateway
async def test_readings_in_a_unit_that_was_given_up_are_not_remembered(opened: Opened) -> None:
    await opened.store.apply(PLANT)
    await opened.store.write([turn(readings=[reading(0, 6.6, sensor=replace(LEVEL, unit="ft")), reading(1, 2.1)])])
    assert [r.value for r in (await opened.store.begin("gateway-1")).readings] == [2.1]


# Alarms, commands and why


async def test_the_alarm_journal_comes_back_once_in_order_and_filtered(opened: Opened) -> None:
    events = [raised(), raised(5, event=AlarmEventKind.CLEARED), raised(2, "station:offline")]
    journal = turn(alarm_events=events)
    await opened.store.write([journal])
    await opened.store.write([journal])
    found = await gathered(opened.archive.records("alarms"))
    assert [(r["event"], r["sensor"], r["threshold"]) for r in found] == [
        ("raised", "level", "low"),
        ("raised", "", "offline"),
        ("cleared", "level", "low"),
    ]
    assert found[0] == {
        "node": "tank1",
        "sensor": "level",
        "threshold": "low",
        "event": "raised",
        "at": rfc3339(T0),
        "value": 1.42,
        "by": "agent",
        "reason": "below low",
    }
    assert [r["event"] for r in await gathered(opened.archive.records("alarms", since=T0 + SECOND, node="tank1"))] == [
        "cleared"
    ]


async def test_commands_come_back_with_their_outcome(opened: Opened) -> None:
    await opened.store.write([turn(commands=[command(1), command(2, node="well", seconds=10)])])
    published, done = step(CommandState.PUBLISHED, 1, 1), step(CommandState.DONE, 3, 1)
    await opened.store.write([turn(3, command_events=[published, done])])
    closed, still_open = await gathered(opened.archive.records("commands"))
    assert closed == {
        "id": "c1",
        "site": "riverside",
        "node": "station",
        "actuator": "pump1",
        "action": "start",
        "value": None,
        "issued_at": rfc3339(T0),
        "expires_at": rfc3339(T0 + 30 * SECOND),
        "lease_seconds": 900.0,
        "epoch": 1,
        "counter": 1,
        "plan": "fill_tank1",
        "reason": "tank1/level is low",
        "outcome": "done",
        "attempts": 1,
        "closed_at": rfc3339(T0 + 3 * SECOND),
    }
    assert (still_open["outcome"], still_open["attempts"], still_open["closed_at"]) == (None, 0, None)
    assert [r["id"] for r in await gathered(opened.archive.records("commands", node="well"))] == ["c2"]
    assert [r["id"] for r in await gathered(opened.archive.records("commands", since=T0 + 10 * SECOND))] == ["c2"]


async def test_a_command_that_is_only_advised_is_closed_at_once(opened: Opened) -> None:
    await opened.store.write([turn(commands=[command()], command_events=[step(CommandState.ADVISED)])])
    (record,) = await gathered(opened.archive.records("commands"))
    assert record["outcome"] == "advised"
    assert record["closed_at"] is not None


async def test_writing_a_turn_again_leaves_commands_as_they_have_become(opened: Opened) -> None:
    issue = turn(commands=[command()], command_events=[step(CommandState.PUBLISHED, 1, 1)])
    accepted = turn(2, command_events=[step(CommandState.ACCEPTED, 2, 1)])
    await opened.store.write([issue, accepted])
    await opened.store.write([issue])
    assert [record["outcome"] for record in await gathered(opened.archive.records("commands"))] == [None]
    await opened.store.write([turn(3, command_events=[step(CommandState.DONE, 3, 1)])])
    await opened.store.write([issue, accepted])
    (record,) = await gathered(opened.archive.records("commands"))
    assert (record["outcome"], record["closed_at"]) == ("done", rfc3339(T0 + 3 * SECOND))
    explained = await opened.archive.explain("c1")
    assert explained is not None
    assert [event["state"] for event in explained["events"]] == ["published", "accepted", "done"]


async def test_a_command_is_explained_from_reading_to_outcome(opened: Opened) -> None:
    evidence = Evidence("water/riverside/tank1/telemetry/level", 1.42, "m", "good", {"spike": "good"}, T0, T0 + 1, 4711)
    low = alarm(value=1.42, limit=1.5, unit="m", evidence=evidence)
    checks = (Check("mode", passed=True, detail="auto"), Check("interlock", passed=True, detail="off since 400 s"))
    members = (T0, "station/pump1", "start", None, "fill_tank1")
    decision = Decision(*members, "commanded", "tank1/level is low", (low,), checks, "c1")
    held = replace(decision, verdict="held", command_id=None)
    issue = turn(decisions=[held, decision], commands=[command()])
    await opened.store.write([issue])
    await opened.store.write([issue, turn(1, command_events=[step(CommandState.DONE, 1, 1, detail="running")])])
    (record,) = await gathered(opened.archive.records("commands"))
    assert await opened.archive.explain("c1") == {
        "alarms": [
            {
                "alarm": "tank1/level:low",
                "priority": "high",
                "active": True,
                "acknowledged": False,
                "chattering": False,
                "since": rfc3339(T0),
                "reason": "below",
                "value": 1.42,
                "limit": 1.5,
                "unit": "m",
                "shelved_until": None,
                "evidence": {
                    "topic": "water/riverside/tank1/telemetry/level",
                    "value": 1.42,
                    "unit": "m",
                    "flag": "good",
                    "tests": {"spike": "good"},
                    "observed_at": rfc3339(T0),
                    "received_at": rfc3339(T0 + 1),
                    "seq": 4711,
                },
            }
        ],
        "decision": {
            "at": rfc3339(T0),
            "actuator": "station/pump1",
            "action": "start",
            "value": None,
            "plan": "fill_tank1",
            "verdict": "commanded",
            "reason": "tank1/level is low",
            "checks": [
                {"name": "mode", "passed": True, "detail": "auto"},
                {"name": "interlock", "passed": True, "detail": "off since 400 s"},
            ],
        },
        "command": record,
        "events": [{"state": "done", "at": rfc3339(T0 + SECOND), "attempts": 1, "detail": "running"}],
    }


async def test_a_command_without_a_decision_is_explained_as_far_as_it_goes(opened: Opened) -> None:
    await opened.store.write([turn(commands=[command()])])
    explained = await opened.archive.explain("c1")
    assert explained is not None
    assert (explained["decision"], explained["alarms"], explained["events"]) == (None, [], [])
    assert await opened.archive.explain("unknown") is None


# Policy


async def test_an_applied_plant_gives_its_policy_sorted_by_name(place: Place) -> None:
    async with place.opened() as opened:
        assert await opened.store.policy() == Policy()
        assert await opened.store.applied() is None
        await opened.store.apply(PLANT)
    async with place.opened() as opened:
        assert await opened.store.policy() == Policy(tuple(reversed(PLANT.policy.thresholds)), (FILL,))
        assert await opened.store.applied() == digest(PLANT)


async def test_an_applied_plant_can_be_read_whole_with_the_policy_in_force(place: Place) -> None:
    async with place.opened() as opened:
        with pytest.raises(StoreError):
            await opened.store.plant()
        await opened.store.apply(PLANT)
    async with place.opened() as opened:
        found = await opened.store.plant()
        assert (found.site, found.nodes) == (PLANT.site, PLANT.nodes)
        assert found.policy == await opened.store.policy()


async def test_what_devices_say_in_languages_of_their_own_comes_back_as_it_was(place: Place) -> None:
    said = ReadingSource(
        "up/D1", "/a/[n=1]", "json", (("/m", "x"), ("/n", 1), ("/o", True)), "skip", ts="/t", seq="/n", unit="cm",
        ts_format="local:UTC", words=(("ON", 1.0),), text_numbers=True, missing=(9999.9999, "---"), quality="/q",
        good=(192, "ok"), scale=0.01, offset=-0.2,
    )  # fmt: skip
    shown = WordSource("d/s", "/output", "json", means=(("running", (True,)), ("stopped", (False, 0))))
    reply = ReplySource("r", "/id", "json", done=(("/result", None),), failed=(("/e", 1),), detail="/m")
    wiring = Wiring("c", (("start", "{}"), ("stop", "")), (shown,), "text", (("channel", 0),), reply, "device")
    node = Node(
        "well",
        {"level": replace(LEVEL, node="well", source=said)},
        {"pump1": Actuator("well", "pump1", "pump", "stop", wiring=wiring)},
        status=(WordSource("d/up", "", "text", means=(("online", ("Online",)),)),),
    )
    foreign = Plant("riverside", {"well": node})
    async with place.opened() as opened:
        await opened.store.apply(foreign)
        assert (await opened.store.plant()).nodes == foreign.nodes
        [(_, channel)] = (await opened.store.plant()).nodes["well"].actuators["pump1"].wiring.given
        assert type(channel) is int
        assert await opened.store.apply(foreign) == []
        edited = replace(
            node, sensors={"level": replace(LEVEL, node="well", source=replace(said, scale=0.02))}, status=()
        )
        changes = await opened.store.apply(replace(foreign, nodes={"well": edited}))
        assert [(change.what, change.name) for change in changes] == [("node", "well"), ("sensor", "well/level")]
        assert [change.detail for change in changes] == ["status [d/up] -> []", "source.scale 0.01 -> 0.02"]
        assert (await opened.store.plant()).nodes["well"] == edited


async def test_a_plant_that_was_changed_is_read_as_it_is_now(opened: Opened) -> None:
    await opened.store.apply(PLANT)
    changed = replace(PLANT, nodes={"tank1": Node("tank1", {"level": LEVEL})}, policy=Policy((LOW,)))
    await opened.store.apply(changed)
    assert await opened.store.plant() == changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(ProvisionKind):
    """Two that belong together."""

    name: ClassVar[str] = "pair"
    table: ClassVar[str] = "pairs"
    says: ClassVar[str] = "two that belong together"

    of: tuple[str, ...]
    seconds: float = 5.0


async def test_provisions_come_back_as_they_were(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PROVISIONS", (Pair,))
    both = Provision("pair", "a", '{"of":["x","y"],"seconds":2.5}'), Provision("pair", "b", '{"of":["z"]}')
    wanted = replace(PLANT, policy=replace(PLANT.policy, provisions=both))
    added = await opened.store.apply(wanted)
    assert [(change.action, change.what, change.name) for change in added][-2:] == [
        ("add", "provision", "pair a"),
        ("add", "provision", "pair b"),
    ]
    assert (await opened.store.policy()).provisions == both
    assert (await opened.store.plant()).policy.provisions == both
    version = await opened.store.version()
    other = replace(both[1], parameters='{"of":["y"]}')
    changes = await opened.store.apply(replace(wanted, policy=replace(wanted.policy, provisions=(other,))))
    assert [(change.action, change.name) for change in changes] == [("remove", "pair a"), ("change", "pair b")]
    assert await opened.store.version() != version
    assert (await opened.store.policy()).provisions == (other,)


async def test_what_comes_from_others_and_what_people_call_it_come_back(opened: Opened) -> None:
    inflow = Sensor(
        "station", "inflow", "flow", "m3/h", derived=Derivation("a/b + c/d", 3600.0, "mean"), label="Inflow"
    )
    booster = replace(PLANT.nodes["station"].actuators["pump1"], expect=Expectation("a/b > 5", 60.0), rated_kw=15.0)
    station = replace(
        PLANT.nodes["station"],
        sensors={"inflow": inflow},
        actuators={"pump1": replace(booster, ramp_seconds=20.0, label="Booster")},
        label="Station",
    )
    wanted = replace(PLANT, nodes={"station": station}, policy=Policy())
    await opened.store.apply(wanted)
    assert (await opened.store.plant()).nodes["station"] == station
    assert await opened.store.apply(wanted) == []


async def test_plans_of_every_kind_come_back_as_they_were(opened: Opened) -> None:
    pump = "station/pump1"
    plans = (
        conditions("a", "tank1/level < 2 for 5 s", until=["tank1/level > 4"], unless=(f"{pump} is local",)),
        stages((1.25, 4.0, pump), identity="b", without_evidence=(Fallback(use="tank1/level"),)),
        timetable(
            "22:00-06:00", "12:00-13:00", days=("mon-fri",), unsure="stop", timezone="Europe/Berlin", identity="c"
        ),
    )
    wanted = replace(PLANT, policy=replace(PLANT.policy, plans=plans))
    await opened.store.apply(wanted)
    assert (await opened.store.policy()).plans == plans
    assert [kind_of(plan) for plan in (await opened.store.policy()).plans] == [kind_of(plan) for plan in plans]
    assert await opened.store.apply(wanted) == []
    other = (stages((1.5, 4.0, pump), identity="b", without_evidence=plans[1].without_evidence),)
    changes = await opened.store.apply(
        replace(wanted, policy=replace(wanted.policy, plans=(plans[0], *other, plans[2])))
    )
    assert [str(change).partition(":")[0] for change in changes] == ["change plan b"]


async def test_what_the_measure_of_a_threshold_is_told_comes_back_and_its_change_is_told(opened: Opened) -> None:
    falling = replace(LOW, limit=-0.6, measure="rate_per_hour", parameters=(("over_seconds", 60.0),))
    await opened.store.apply(replace(PLANT, policy=replace(PLANT.policy, thresholds=(falling,))))
    assert (await opened.store.policy()).thresholds == (falling,)
    slower = replace(falling, parameters=(("over_seconds", 600.0),))
    changes = await opened.store.apply(replace(PLANT, policy=replace(PLANT.policy, thresholds=(slower,))))
    assert list(map(str, changes)) == [
        "change threshold tank1/level:low: parameters [[over_seconds, 60]] -> [[over_seconds, 600]]"
    ]


async def test_applying_lists_everything_that_is_new(opened: Opened) -> None:
    assert {str(change) for change in await opened.store.apply(PLANT)} == {
        "add node tank1",
        "add node station",
        "add sensor tank1/level",
        "add sensor station/suction",
        "add actuator station/pump1",
        "add threshold tank1/level:low",
        "add threshold station/suction:low_low",
        "add plan fill_tank1",
    }


async def test_applying_the_same_plant_again_changes_nothing(opened: Opened) -> None:
    await opened.store.apply(PLANT)
    version = await opened.store.version()
    assert await opened.store.apply(PLANT) == []
    assert await opened.store.version() == version


async def test_applying_lists_changes_with_what_was_and_what_is(opened: Opened) -> None:
    await opened.store.apply(PLANT)
    version = await opened.store.version()
    station = replace(PLANT.nodes["station"], actuators={}, timestamps="unix_ms")
    level = replace(LEVEL, quality=Quality([GrossRange((0.0, 6.5))]))
    plan = replace(FILL, do=(Step("station/pump1", "set", 0.5),), priority=60)
    nodes = {"station": station, "tank1": Node("tank1", {"level": level})}
    changed = replace(PLANT, nodes=nodes, policy=Policy((replace(LOW, limit=1.4),), (plan,)))
    assert sorted(map(str, await opened.store.apply(changed))) == [
        "change node station: timestamps rfc3339 -> unix_ms",
        "change plan fill_tank1: do [station/pump1 start] -> [station/pump1 set 0.5], priority 50 -> 60",
        "change sensor tank1/level: quality.gross_range.fail [0, 6] -> [0, 6.5]",
        "change threshold tank1/level:low: limit 1.5 -> 1.4",
        "remove actuator station/pump1",
        "remove threshold station/suction:low_low",
    ]
    assert await opened.store.policy() == changed.policy
    assert await opened.store.version() != version
    assert await opened.store.applied() == digest(changed)


async def test_a_dry_run_lists_changes_and_makes_none(opened: Opened) -> None:
    await opened.store.apply(PLANT)
    version = await opened.store.version()
    changed = replace(PLANT, policy=Policy((), (FILL,)))
    changes = await opened.store.apply(changed, dry_run=True)
    assert {change.what for change in changes} == {"threshold"}
    assert (await opened.store.policy()).thresholds != ()
    assert await opened.store.version() == version
    assert await opened.store.applied() == digest(PLANT)


async def test_sites_stand_beside_each_other_and_the_applied_one_is_in_force(place: Place) -> None:
    other = Plant("hillside", {"tank1": Node("tank1", {"level": LEVEL})}, Policy((replace(LOW, limit=3.0),)))
    async with place.opened() as opened:
        await opened.store.apply(PLANT)
        version = await opened.store.version()
    async with place.opened("hillside") as opened:
        await opened.store.apply(other)
        assert await opened.store.policy() == other.policy
        assert await opened.store.version() != version
        assert await opened.store.applied() == digest(other)
    async with place.opened() as opened:
        changes = await opened.store.apply(PLANT)
        assert [str(change) for change in changes if change.what != "site"] == []
        assert (await opened.store.policy()).plans == (FILL,)


@of_a_gateway
async def test_a_store_of_one_gateway_says_that_another_site_comes_into_force(opened: Opened) -> None:
    await opened.store.apply(PLANT)
    other = Plant("hillside", {"tank1": Node("tank1", {"level": LEVEL})})
    assert "change site hillside: riverside -> hillside" in map(str, await opened.store.apply(other))
    assert list(map(str, await opened.store.apply(PLANT))) == ["change site riverside: hillside -> riverside"]


# Cancellation


async def test_a_cancelled_write_is_done_or_not_and_leaves_the_store_usable(opened: Opened) -> None:
    batches = [[reading(n, seq=n) for n in range(start, start + 500)] for start in range(0, 5_000, 500)]
    async with asyncio.TaskGroup() as tasks:
        writing = [tasks.create_task(opened.store.write([turn(readings=batch)])) for batch in batches]
        await asyncio.sleep(0)
        for task in writing[:-1]:
            task.cancel()
    kept = {r["seq"] for r in await gathered(opened.archive.records("readings"))}
    for task, batch in zip(writing, batches, strict=True):
        found = {r.seq for r in batch} & kept
        assert len(found) == 500 or (task.cancelled() and not found)
    await opened.store.write([turn(9, readings=[reading(9_999, seq=9_999)])])
    assert 9_999 in {r["seq"] for r in await gathered(opened.archive.records("readings"))}
