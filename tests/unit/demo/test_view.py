from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from rich.console import Console

from edge_agent.demo.rows import RENEWAL
from edge_agent.demo.tally import Tally
from edge_agent.demo.view import render
from edge_agent.execute.need import PREFIX
from edge_agent.model.quality import Flag

if TYPE_CHECKING:
    from conftest import Makers


@pytest.fixture
def busy(make: Makers) -> Tally:
    """An hour in which a lot happened."""
    tally = Tally()
    for second in range(0, 3600, 10):
        tally.turn(make.turn(second, readings=[make.reading(2.4 + second / 3600, second)]))
    for number in range(1, 30):
        tally.turn(make.turn(number, commands=[make.command(number, number)]))
        tally.turn(make.turn(number, command_events=[make.step(number, "done", number)]))
    return tally


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 40), (100, 30), (120, 24), (200, 60)])
@pytest.mark.parametrize("sensors", [0, 7, 60])
def test_a_frame_fits_its_window(make: Makers, busy: Tally, width: int, height: int, sensors: int) -> None:
    alarms = tuple(make.alarm("low", priority) for priority in ("low", "critical", "high") * 4)
    lines = make.text(render(make.picture(busy, sensors=sensors, alarms=alarms), width, height), width)
    assert len(lines) <= height
    assert max(cell_len(line) for line in lines) <= width
    text = "\n".join(lines)
    for part in ("Riverside", "tank1/level", "station/pump1", "Active alarms", "Commands", "dead letters", "metrics"):
        assert part in text


def test_the_title_tells_site_time_speed_mode_and_broker(make: Makers) -> None:
    title = make.text(render(make.picture(), 100, 30), 100)[0]
    assert title.split("  ")[:1] == [" Riverside: pump station and water tower"]
    assert "day 2, 01:01:01  60x  auto  mosquitto :41883" in title


def test_on_a_narrow_window_the_time_is_kept_and_the_name_is_cut(make: Makers) -> None:
    title = make.text(render(make.picture(), 80, 24))[0]
    assert "day 2, 01:01:01  60x  auto  mosquitto :41883" in title
    assert "…" in title


def test_a_tank_is_a_bar_with_its_thresholds_marked(make: Makers, busy: Tally) -> None:
    bar, under = make.text(render(make.picture(busy), 80, 24))[1:3]
    assert "2.42 m ✓ ▕" in bar
    assert "█" in bar
    assert bar.count("│") == 4
    assert under.split() == ["LL", "L", "H", "HH"]
    assert bar.index("│") - under.index("LL") in {0, 1}
    assert bar.rstrip()[-1] == "█", "the newest end of a rising course"


def test_a_tank_without_a_reading_is_drawn_empty(make: Makers) -> None:
    bar = make.text(render(make.picture(level=None), 80, 24))[1]
    assert "█" not in bar
    assert " - - ▕" in bar


def test_readings_show_value_unit_and_flag(make: Makers) -> None:
    text = "\n".join(make.text(render(make.picture(), 80, 24)))
    assert "50.20 m3/h ?" in text


def test_a_reading_that_waits_for_the_next_shows_the_flag_before(make: Makers) -> None:
    tally, picture = Tally(), make.picture()
    tally.flags["tank1/level"] = Flag.FAIL
    view = picture.snapshot.sensors[0]._replace(flag=Flag.NOT_EVALUATED)
    shown = picture._replace(tally=tally, snapshot=_with_sensor(picture.snapshot, view))
    assert "2.42 m ✗" in make.text(render(shown, 80, 24))[1]


def _with_sensor(snapshot: object, view: object) -> object:
    return replace(snapshot, sensors=(view,))  # type: ignore[type-var]


def test_pumps_show_state_request_plan_starts_and_open_command(make: Makers) -> None:
    lines = make.text(render(make.picture(), 80, 24))
    first = next(line for line in lines if "station/pump1" in line)
    second = next(line for line in lines if "station/pump2" in line)
    assert first.split()[:4] == ["station/pump1", "●", "running", "80%"]
    assert first.split()[4:] == ["requested:", "start", "(fill_tank1)", "3", "starts", "accepted"]
    assert second.split() == ["station/pump2", "○", "unknown", "nothing", "requested", "yet", "1", "start"]


def test_active_alarms_stand_by_priority_and_others_not_at_all(make: Makers) -> None:
    alarms = (
        make.alarm("low", "medium"),
        make.alarm("low_low", "critical"),
        make.alarm("high", "high", active=False),
    )
    lines = make.text(render(make.picture(alarms=alarms), 100, 30), 100)
    start = next(number for number, line in enumerate(lines) if "Active alarms" in line)
    assert [line.split()[0] for line in lines[start + 1 : start + 4]] == ["critical", "medium", "─"]
    assert "00:01:00  tank1/level (2.42 m) has been below low (2.50 m) for 10 s" in lines[start + 1]


def test_a_failed_command_shows_why_it_failed(make: Makers) -> None:
    tally = Tally()
    tally.turn(make.turn(commands=[make.command(1, 5)]))
    tally.turn(make.turn(command_events=[make.step(1, "failed", detail="no acknowledgement after 3 attempts")]))
    text = "\n".join(make.text(render(make.picture(tally), 80, 24)))
    assert "00:00:05 failed     station/pump1 start  no acknowledgement after 3 attempts" in text


def test_renewed_leases_count_with_the_command_they_renew(make: Makers) -> None:
    tally = Tally()
    for number in range(1, 5):
        command = make.command(number, number)
        if number > 1:
            command = replace(command, reason=RENEWAL + command.reason)
        tally.turn(make.turn(commands=[command], command_events=[make.step(number, "done")]))
    lines = [line for line in make.text(render(make.picture(tally), 80, 24)) if " done  " in line]
    assert len(lines) == 1
    assert "00:00:01 done       station/pump1 start, renewed 3x  tank1/level (2.42" in lines[0]


def test_renewals_are_told_by_the_words_that_execution_gives_them() -> None:
    assert PREFIX["renew"] == RENEWAL


def test_what_is_held_back_of_a_plant_too_large_for_the_window_is_said(make: Makers) -> None:
    text = "\n".join(make.text(render(make.picture(sensors=60), 80, 24)))
    assert "more lines; a taller window shows them" in text


def test_what_nodes_say_is_no_markup_and_commands_no_terminal(make: Makers) -> None:
    tally = Tally()
    tally.turn(make.turn(commands=[make.command(1, 5)]))
    tally.turn(make.turn(command_events=[make.step(1, "failed", detail="[/x]\x1b[2J\x9b\u202e")]))
    picture = make.picture(tally, alarms=(replace(make.alarm(), reason="tank1 [/y]\x1b[2J"),))
    pump = picture.snapshot.actuators[0]._replace(state="[/z]\x9b2J")
    shown = picture._replace(snapshot=replace(picture.snapshot, actuators=(pump,)))
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    console.print(render(shown, 120, 40))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert r"start  [/x]\x1b[2J\x9b\u202e" in text
    assert r"tank1 [/y]\x1b[2J" in text
    assert r"[/z]\x9b2J" in text
    assert all(line.isprintable() for line in text.splitlines())
