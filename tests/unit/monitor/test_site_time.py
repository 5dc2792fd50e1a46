"""By which time readings are judged while nobody knows whether the agent's own clock is right."""

from __future__ import annotations

import pytest
from support.plants import START, later, plant, reading, sensor, told

from edge_agent.model.quality import Flag
from edge_agent.model.remembered import Remembered
from edge_agent.model.time import MICROSECONDS, Moment
from edge_agent.monitor.monitoring import Monitor
from edge_agent.monitor.sitetime import BACK_SECONDS, MOST_PACES, NodeTime, _most
from edge_agent.monitor.view import sensor_view

HOUR, YEAR = 3600, 365 * 86_400
OFFSETS = {"1 h behind": -HOUR, "55 years behind": -55 * YEAR, "1 year ahead": YEAR}
INTERVAL = 10
offsets = pytest.mark.parametrize("ahead", OFFSETS.values(), ids=OFFSETS)


class Desk:
    """A monitor on a machine whose clock is so far ahead of the true time, and the readings of its nodes."""

    def __init__(self, ahead=-HOUR, *names):
        self.ahead, self.sure, self.at, self.seq = ahead, False, 0, 0
        self.names, self.boot, self.clocks, self.up = names or ("tank1/level",), "one", {}, 20.0
        self.restart()

    def restart(self, after=0, boot="one"):
        """Begin anew with the clocks that are remembered, in this boot or another one."""
        self.at, self.boot = self.at + after, boot
        site = plant([sensor(name, interval_seconds=INTERVAL) for name in self.names])
        self.monitor = Monitor(site, Remembered(clocks=list(self.clocks.values())), self.now, 60.0)

    @property
    def now(self):
        return Moment(later(self.at + self.ahead).at, self.up + self.at, self.boot, self.sure)

    def hear(self, *messages):
        self.observed = self.monitor.observe(messages, self.now)
        self.clocks |= {memory.node: memory for memory in self.observed.clocks}
        return self.observed.readings

    def tell(self, back=0.0, of=None, value=3.0, **more):
        """Take a reading of so many seconds ago by the node's clock, which is right where `back` says nothing."""
        return self.hear(self.message(back, of, value, **more))[0]

    def message(self, back=0.0, of=None, value=3.0, **more):
        return reading(value, later(self.at - back), of=of or self.names[0], **more)

    def go_on(self, beats, each=None, seconds=INTERVAL):
        """Let time pass; a reading every beat, or what `each` takes."""
        taken = []
        for _ in range(beats):
            self.at += seconds
            taken += each() if each else [self.tell(of=name) for name in self.names]
        return taken


def counts(*readings):
    return [not reading.late for reading in readings]


@offsets
def test_stamps_that_go_in_step_for_two_intervals_are_those_of_now(ahead):
    desk = Desk(ahead)
    assert counts(*desk.go_on(5)) == [False, False, True, True, True]


@offsets
def test_what_is_recorded_is_the_stamp_of_the_node_and_the_receipt_of_the_agent(ahead):
    desk = Desk(ahead)
    *_, last = desk.go_on(4)
    assert (last.observed_at, last.received_at, last.flag) == (later(desk.at).at, desk.now.at, Flag.GOOD)


@offsets
def test_readings_of_an_outage_that_are_sent_in_a_burst_move_nothing(ahead):
    """Oldest first, ten a second: they advance faster than time does."""
    desk = Desk(ahead)
    kept = iter(range(3600, 0, -INTERVAL))
    burst = desk.go_on(36, lambda: [desk.tell(back) for back in [next(kept) for _ in range(10)]], seconds=1)
    assert not any(counts(*burst))
    assert counts(*desk.go_on(4)) == [False, False, True, True]


@offsets
def test_readings_of_an_outage_that_are_sent_little_by_little_move_nothing(ahead):
    """Two for each interval that passes, oldest first, until all are sent."""
    desk = Desk(ahead)
    backs = iter(range(1200, 0, -INTERVAL // 2))
    slowly = desk.go_on(240, lambda: [desk.tell(next(backs))], seconds=5)
    assert not any(counts(*slowly))
    assert counts(*desk.go_on(4))[-1]


@offsets
def test_old_readings_between_live_ones_are_late(ahead):
    desk = Desk(ahead)
    taken = desk.go_on(10, lambda: [desk.tell(), desk.tell(back=900.5)])
    assert counts(*taken[4::2]) == [True] * 8
    assert not any(counts(*taken[1::2]))


def test_a_node_that_was_silent_and_sends_what_it_kept_at_its_usual_rate_is_late():
    desk = Desk()
    desk.go_on(4)
    desk.at += 300
    assert not any(counts(*desk.go_on(20, lambda: [desk.tell(back=300)])))


def test_a_clock_that_goes_back_is_believed_after_ten_minutes():
    desk = Desk()
    desk.go_on(4)
    taken = counts(*desk.go_on(70, lambda: [desk.tell(back=300)]))
    assert taken.index(True) == 60
    assert all(taken[60:])


def test_a_clock_that_is_set_forward_is_believed_as_at_first():
    desk = Desk()
    desk.go_on(4)
    assert counts(*desk.go_on(4, lambda: [desk.tell(back=-HOUR)])) == [False, False, True, True]


@offsets
@pytest.mark.parametrize("off", [-55, -HOUR, -73 * YEAR, HOUR], ids=["55 s", "1 h ahead", "of 2099", "1 h behind"])
def test_seldom_forged_stamps_hide_no_true_reading(ahead, off):
    desk = Desk(ahead)
    taken = desk.go_on(30, lambda: [desk.tell(), *([desk.tell(back=off)] if desk.at % 60 == 20 else [])])
    true = [one for one in taken if one.observed_at == later(0).at or one.observed_at in truth(desk)]
    assert counts(*true) == [False, False] + [True] * 28


def truth(desk):
    return {later(at).at for at in range(0, desk.at + 1, INTERVAL)}


@offsets
def test_a_retained_reading_tells_no_time(ahead):
    desk = Desk(ahead)
    retained = desk.go_on(5, lambda: [desk.tell(retained=True)])
    assert not any(counts(*retained))


def test_two_clocks_that_agree_tell_the_time_to_a_third():
    names = ("tank1/level", "tank2/level", "tank3/level")
    desk = Desk(-HOUR, *names)
    desk.go_on(3, lambda: [desk.tell(of=name) for name in names[:2]])
    assert counts(desk.tell(back=1.0, of=names[2])) == [True]
    lagging = desk.go_on(70, lambda: [desk.tell(of=names[0]), desk.tell(of=names[1]), desk.tell(900, of=names[2])])
    assert not any(counts(*lagging[2::3]))
    assert all(counts(*lagging[::3], *lagging[1::3]))


def test_the_own_clock_is_right_for_all_where_a_node_agrees_with_it():
    names = ("tank1/level", "tank2/level")
    desk = Desk(2.0, *names)
    taken = desk.go_on(70, lambda: [desk.tell(of=names[0]), desk.tell(900, of=names[1])])
    assert all(counts(*taken[4::2]))
    assert not any(counts(*taken[7::2]))


def test_clocks_that_were_never_set_do_not_outvote_one_that_was():
    """The agent and a node booted with the same power cut, in 1970."""
    names = ("tank1/level", "tank2/level")
    desk = Desk(-START.at // MICROSECONDS + 30, *names)
    taken = desk.go_on(5, lambda: [desk.tell(back=-desk.ahead, of=names[0]), desk.tell(of=names[1])])
    assert all(counts(*taken[4:]))


@offsets
def test_when_the_clock_is_set_right_nothing_is_stored_twice_or_hidden(ahead):
    desk = Desk(ahead)
    desk.go_on(5)
    repeated = desk.message(value=3.0)
    desk.ahead, desk.sure = 0, True
    assert desk.hear(repeated) == []
    assert desk.observed.duplicates == 1
    assert all(counts(*desk.go_on(5)))


@offsets
def test_a_wrong_clock_is_not_believed_any_more_when_the_own_one_is_right(ahead):
    desk = Desk(ahead)
    desk.go_on(5, lambda: [desk.tell(back=HOUR)])
    desk.ahead, desk.sure = 0, True
    desk.at += INTERVAL
    assert counts(desk.tell(back=HOUR)) == [False]


@offsets
@pytest.mark.parametrize("sure", [True, False], ids=["set right", "still unsure"])
def test_numbers_go_on_over_a_restart(ahead, sure):
    """A store does not give back a reading from far ahead of its receipt: the number must be remembered itself."""
    desk = Desk(ahead)
    sequences = {}

    def numbered():
        desk.seq += 1
        taken = [desk.tell(seq=desk.seq)]
        sequences.update({memory[:2]: memory for memory in desk.observed.sequences})
        return taken

    desk.go_on(8, numbered)
    [memory] = sequences.values()
    assert memory.seen[-1] == (later(desk.at).at, 8)
    desk.monitor = Monitor(plant([sensor("tank1/level")]), Remembered(sequences=[memory]), desk.now, 60.0)
    desk.ahead, desk.sure = (0, True) if sure else (ahead, False)
    desk.seq += 2
    missing = 0
    for _ in range(4):
        desk.go_on(1, numbered)
        missing += desk.observed.gaps
    assert missing == 2


@offsets
def test_values_without_a_time_between_stamped_ones_count(ahead):
    desk = Desk(ahead)
    desk.go_on(4)
    taken = desk.go_on(6, lambda: [desk.tell(), *desk.hear(told(3.1))])
    assert all(counts(*taken))


@offsets
def test_the_age_of_a_reading_is_counted_from_its_receipt(ahead):
    desk = Desk(ahead)
    desk.go_on(4)
    [channel] = desk.monitor.channels.values()
    desk.at += 4
    assert sensor_view(channel, desk.now).age_seconds == pytest.approx(4.0)


@offsets
def test_a_restart_within_the_boot_goes_on_with_the_clocks_of_nodes(ahead):
    desk = Desk(ahead)
    desk.go_on(4)
    desk.restart(after=5)
    assert counts(desk.tell(), desk.tell(back=3600)) == [True, False]


@offsets
def test_restarts_that_come_before_the_next_reading_leave_nobody_deaf(ahead):
    desk = Desk(ahead)
    desk.go_on(4)
    for _ in range(20):
        desk.restart(after=5)
        assert counts(desk.tell()) == [True]


@pytest.mark.parametrize("boot", ["two", ""])
def test_another_boot_begins_with_no_clock(boot):
    desk = Desk()
    desk.go_on(4)
    desk.restart(after=5, boot=boot)
    assert counts(desk.tell()) == [False]


def test_a_clock_of_before_ours_was_sure_is_not_taken_up_again():
    desk = Desk(0)
    desk.go_on(4)
    desk.sure = True
    desk.go_on(1)
    desk.sure = False
    desk.restart(after=5)
    assert counts(desk.tell()) == [False]


def in_an_old_boot(ahead=0):
    desk = Desk(ahead)
    desk.up = 3600.0
    desk.restart()
    return desk


@pytest.mark.parametrize("ahead", [-10, -9, 0, 9, 10])
def test_a_node_that_agrees_with_our_clock_from_the_first_is_believed_at_once(ahead):
    desk = in_an_old_boot(ahead)
    assert counts(desk.tell()) == [True]
    assert counts(desk.tell(back=3600)) == [False]


@pytest.mark.parametrize("ahead", [-11, 11])
def test_a_node_that_is_more_than_ten_seconds_off_is_not(ahead):
    assert counts(in_an_old_boot(ahead).tell()) == [False]


def test_in_a_young_boot_our_clock_may_be_that_of_the_last_shutdown():
    desk = Desk(0)
    assert counts(*desk.go_on(3)) == [False, False, True]


@pytest.mark.parametrize("off", [-3600, 3600])
def test_a_node_that_disagrees_at_first_is_not_believed_for_a_stamp_that_agrees(off):
    """What it kept passes by the time of a clock that is behind."""
    desk = in_an_old_boot()
    assert counts(desk.tell(back=off), desk.tell()) == [False, False]


def test_a_node_whose_clock_was_never_set_is_believed_once_it_was():
    desk = in_an_old_boot()
    assert counts(desk.tell(back=START.at / MICROSECONDS), desk.tell()) == [False, True]


@offsets
def test_values_that_come_together_are_recorded_by_the_same_two_clocks(ahead):
    desk = Desk(ahead, "tank1/level", "tank1/outlet")

    def both():
        values = {"level": 3.0, "outlet": 2.0}
        return desk.hear(told({"readings": values, "ts": later(desk.at).at / 1e6}, "tank1"))

    *_, level, outlet = desk.go_on(5, both)
    for last in (level, outlet):
        assert (last.observed_at, last.received_at, last.late) == (later(desk.at).at, desk.now.at, False)
        assert last.received_at + last.ahead == last.observed_at


@offsets
def test_the_clocks_of_nodes_outlive_a_change_of_the_plant_and_end_with_their_node(ahead):
    desk = Desk(ahead, "tank1/level", "tank2/level")
    desk.go_on(4)

    def adopt(*names):
        desk.monitor.adopt(plant([sensor(name, interval_seconds=INTERVAL) for name in names]), desk.now)

    adopt("tank1/level", "tank1/outlet", "tank2/level")
    desk.at += INTERVAL
    assert counts(desk.tell(of="tank1/level"), desk.tell(of="tank2/level")) == [True, True]
    adopt("tank1/level")
    adopt("tank1/level", "tank2/level")
    assert {memory.node for memory in desk.monitor.time.memories(desk.now)} == {"tank1"}
    assert {memory.boot for memory in desk.monitor.time.memories(desk.now)} == {"one"}


@offsets
def test_a_store_that_is_begun_anew_is_told_of_the_clocks_that_are_believed(ahead):
    desk = Desk(ahead)
    assert desk.monitor.time.memories(desk.now) == []
    desk.go_on(4)
    told_anew = desk.monitor.time.memories(desk.now)
    assert told_anew == list(desk.clocks.values())
    assert len(told_anew) == 1


@pytest.mark.parametrize("late", [(0.0, 0.0), (0.0, 0.9), (0.0, 2.0), (2.0, 0.0)])
def test_stamps_that_a_network_delays_by_two_seconds_go_in_step(late):
    node = NodeTime(10.0)
    assert [node.hear(stamp(beat * 10.0, -late[beat > 0]), beat * 10.0) for beat in range(4)] == [
        False,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("late", [(0.0, 2.1), (2.1, 0.0)])
def test_stamps_that_are_farther_apart_are_those_of_another_pace(late):
    node = NodeTime(10.0)
    assert [node.hear(stamp(beat * 10.0, -late[beat > 0]), beat * 10.0) for beat in range(4)] == [False] * 3 + [True]


def test_stamps_that_are_farther_apart_do_not():
    desk = Desk()
    late = iter([0.0, 4.5, 9.0, 13.5, 18.0, 22.5])
    assert not any(counts(*desk.go_on(6, lambda: [desk.tell(back=next(late))])))


def test_however_many_old_readings_come_the_live_ones_are_told_from_them():
    """A burst of an outage begins a pace with each reading; few are followed at once, and never the lasting one."""
    desk = Desk()
    age = iter(range(100_000, 0, -37))
    desk.go_on(2)
    for _ in range(4):
        desk.go_on(1, lambda: [desk.tell(), *(desk.tell(back=next(age), value=2.0) for _ in range(20))])
        [known] = desk.monitor.time._nodes.values()
        assert len(known._paces) <= MOST_PACES
    assert counts(*desk.go_on(2)) == [True, True]


def stamp(seconds, off=0.0):
    """A stamp of a clock that is so far off, at a monotonic time."""
    return START.at + round((seconds + off) * MICROSECONDS)


def believed(node, seconds, off=0.0):
    """Whether the clock that is believed is one that is so far off."""
    return node.offset is not None and abs(node.offset - stamp(0.0, off)) < MICROSECONDS


@pytest.mark.parametrize(("interval", "needed"), [(1, 5), (2.5, 5), (5, 10), (10, 20), (30, 60), (600, 60)])
def test_a_clock_has_to_keep_its_pace_for_two_intervals_within_limits(interval, needed):
    node, every = NodeTime(interval), 2.5
    found = [node.hear(stamp(beat * every), beat * every) for beat in range(40)]
    assert found.index(True) == max(2, needed / every)
    assert found.count(True) == 1, "once believed it is no news"


@pytest.mark.parametrize(("apart", "enough"), [(30.0, True), (30.5, False)])
def test_a_stamp_or_two_in_many_intervals_are_no_pace(apart, enough):
    node = NodeTime(10.0)
    assert any(node.hear(stamp(beat * apart), beat * apart) for beat in range(20)) is enough


def queued(node, beats, *offs, begin=0):
    """Let so many stamps come every ten seconds, of each of some clocks."""
    return [node.hear(stamp(beat * 10.0, off), beat * 10.0) for beat in range(begin, begin + beats) for off in offs]


def test_a_queue_that_never_empties_is_no_clock_while_live_readings_come():
    node = NodeTime(10.0)
    assert any(queued(node, 5, 0.0))
    assert not any(queued(node, 200, 0.0, -3600.0, begin=5))
    assert believed(node, 0.0)


def test_a_clock_that_was_set_back_is_believed_after_ten_minutes_of_nothing_else():
    node = NodeTime(10.0)
    queued(node, 5, 0.0)
    found = queued(node, 100, -3600.0, begin=5)
    assert found.index(True) == BACK_SECONDS / 10
    assert believed(node, 0.0, -3600.0)


def test_a_clock_that_was_set_ahead_is_believed_like_a_new_one():
    node = NodeTime(10.0)
    queued(node, 5, 0.0)
    assert queued(node, 5, 3600.0, begin=5).index(True) == 2


def test_two_clocks_that_agree_outvote_a_third_and_ours():
    desk = Desk(-HOUR, "tank1/level", "tank2/level", "tank3/level")

    def each():
        right = [desk.tell(of=name) for name in ("tank1/level", "tank2/level")]
        return [*right, desk.tell(of="tank3/level", back=2 * HOUR)]

    assert counts(*desk.go_on(6, each))[-3:] == [True, True, False]


def test_one_clock_alone_outvotes_nobody():
    desk = Desk(-HOUR, "tank1/level", "tank3/level")

    def each():
        return [desk.tell(of="tank1/level"), desk.tell(of="tank3/level", back=2 * HOUR)]

    assert counts(*desk.go_on(6, each))[-2:] == [True, True]


@offsets
def test_a_clock_is_written_when_it_is_believed_and_not_again(ahead):
    desk = Desk(ahead)
    written = []

    def each():
        taken = [desk.tell(), desk.tell(back=1000 + 2 * desk.at)]
        written.append(bool(desk.observed.clocks))
        return taken

    desk.go_on(3)
    assert [memory.node for memory in desk.observed.clocks] == ["tank1"]
    desk.go_on(6, each)
    assert written == [False] * 6


def test_a_queue_that_goes_on_alone_is_the_clock_after_two_times_what_a_pace_needs():
    node = NodeTime(10.0)
    queued(node, 5, 0.0)
    assert not any(queued(node, 100, 0.0, -3600.0, begin=5))
    assert queued(node, 10, -3600.0, begin=105).index(True) == 4, "the live one was silent for more than 40 s"


@pytest.mark.parametrize(
    ("clocks", "agreed"),
    [
        ((), None),
        ((5,), None),
        ((0, 10.5), None),
        ((0, 10), (0, 10, 10)),
        ((0, 1, 2), (0, 1, 2)),
        ((0, 1, 2, 3), (0, 2, 3)),
        ((0, 1, 50, 51), (50, 51, 51)),
        ((0, 1, 2, 50, 51), (0, 1, 2)),
        ((0, 50, 51, 52, 99), (50, 51, 52)),
        ((0, 8, 16), (8, 16, 16)),
    ],
)
def test_the_most_clocks_agree_and_of_two_groups_the_later(clocks, agreed):
    found = _most([round(one * MICROSECONDS) for one in clocks])
    assert (None if found is None else tuple(one / MICROSECONDS for one in found)) == agreed


def test_clocks_that_were_never_set_agree_on_nothing():
    """Two nodes and the agent begin in 1971, as machines without a battery do."""
    desk = Desk(-55 * YEAR, "tank1/level", "tank2/level", "tank3/level")

    def each():
        unset = [desk.tell(of=name, back=55 * YEAR) for name in ("tank1/level", "tank2/level")]
        return [*unset, desk.tell(of="tank3/level")]

    assert counts(*desk.go_on(6, each))[-1]


@pytest.mark.parametrize("behind", [8, -8])
def test_a_clock_that_agrees_with_the_most_is_its_nodes_own_all_the_same(behind):
    desk = Desk(-HOUR, "tank1/level", "tank2/level", "tank3/level")

    def each():
        right = [desk.tell(of=name) for name in ("tank1/level", "tank2/level")]
        return [*right, desk.tell(of="tank3/level", back=behind)]

    last = desk.go_on(6, each)[-1]
    assert (last.received_at + last.ahead - last.observed_at, last.late) == (0, False)


@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_a_clock_that_goes_like_ours_is_ours(ahead):
    desk = in_an_old_boot(ahead)
    assert {reading.ahead for reading in desk.go_on(5)} == {0}


@pytest.mark.parametrize(("up", "agrees"), [(119, False), (120, True)])
def test_a_boot_is_young_for_two_minutes(up, agrees):
    desk = Desk(0)
    desk.up = up
    desk.restart()
    assert counts(desk.tell()) == [agrees]


@pytest.mark.parametrize("ahead", [9, -HOUR])
def test_a_clock_that_was_believed_before_a_restart_is_not_written_again(ahead):
    desk = in_an_old_boot(ahead)
    desk.go_on(6)
    desk.restart(after=5)
    written = []

    def each():
        taken = [desk.tell()]
        written.extend(desk.observed.clocks)
        return taken

    assert counts(*desk.go_on(8, each)) == [True] * 8
    assert written == []
