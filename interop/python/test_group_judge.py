"""The judge of the group tests is judged first, with made-up courses."""

import pytest

from group import Course
from sim import PARTITIONS

SIZE = 600


@pytest.fixture
def course():
    """Everything once."""
    whole = Course(SIZE)
    for number in range(SIZE):
        whole.processed("first", number % PARTITIONS, number // PARTITIONS, number)
    return whole


def test_a_whole_course_is_clean(course):
    course.judge()


def test_a_lost_message_is_named(course):
    del course.log[2][9]
    with pytest.raises(AssertionError, match="1 messages of partition 2 never came, from offset 9"):
        course.judge()


def test_a_message_that_came_again_is_named(course):
    course.processed("second", 1, 7, 43)
    with pytest.raises(AssertionError, match="1 of partition 1 came again"):
        course.judge()


def test_a_foreign_message_is_named(course):
    course.log[0][3] = [("first", 17)]
    with pytest.raises(AssertionError, match="partition 0 has foreign messages at"):
        course.judge()


def test_a_hand_over_that_was_not_clean_is_told(course):
    course.unclean.append("second lost [1]")
    with pytest.raises(AssertionError, match="second lost"):
        course.judge()
