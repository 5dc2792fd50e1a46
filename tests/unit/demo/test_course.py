from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.demo.course import KEPT_STEPS, Course, sparkline
from edge_agent.model.time import MICROSECONDS

_VALUES = st.lists(st.floats(-1e6, 1e6), max_size=200)


def _course(values: list[float], step: float = 1.0) -> Course:
    course = Course(step)
    for second, value in enumerate(values):
        course.add(round(second * step) * MICROSECONDS, value)
    return course


@given(_VALUES, st.integers(0, 200))
def test_a_course_always_fills_its_columns_and_invents_nothing(values: list[float], width: int) -> None:
    columns = _course(values).columns(width)
    assert len(columns) == len(sparkline(columns)) == width
    known = [value for value in columns if value is not None]
    kept = values[-KEPT_STEPS:]
    assert all(min(kept) - 1e-6 <= value <= max(kept) + 1e-6 for value in known)
    assert bool(known) == (bool(values) and width > 0)


def test_the_newest_is_at_the_right_and_steps_are_means() -> None:
    course = Course(10)
    for second, value in ((0, 1.0), (5, 3.0), (10, 5.0)):
        course.add(second * MICROSECONDS, value)
    assert course.columns(KEPT_STEPS)[-2:] == [2.0, 5.0]


def test_a_value_from_before_the_newest_step_is_left_out() -> None:
    course = _course([1.0, 2.0, 3.0])
    course.add(0, 100.0)
    assert course.columns(KEPT_STEPS)[-3:] == [1.0, 2.0, 3.0]


def test_the_picture_moves_on_and_keeps_its_shape() -> None:
    course = _course([float(second % 7) for second in range(KEPT_STEPS)])
    before = course.columns(20)
    for second in range(KEPT_STEPS, KEPT_STEPS + 3):
        course.add(second * MICROSECONDS, 1.0)
    assert course.columns(20)[:-1] == before[1:]


def test_a_rising_course_is_drawn_rising_and_a_steady_one_flat() -> None:
    assert sparkline([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) == "▁▂▃▄▅▆▇█"
    assert sparkline([None, 5.0, 5.001, 5.0]) == " ▃▃▃"
