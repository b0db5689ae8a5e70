"""Which trials are the best, by hand."""

import pytest

from pgan_ray.results import best_so_far
from pgan_ray.search import best, front, hypervolumes, to_confirm
from pgan_ray.spec import SearchSpec
from tests.searches import trial

WORST = SearchSpec.model_validate({"method": "tpe", "detectability": {"at_most": 0.1}, "confirm": {"top": 2}})
FRONT = WORST.model_copy(update={"goal": "front"})
TRIALS = [
    trial(0, 0.1, 0.05, alpha=0.1),
    trial(1, 0.9, 0.5, alpha=0.2),  # harms most, and is seen
    trial(2),  # failed
    trial(3, 0.3, 0.1, alpha=0.3),
    trial(4, 0.2, 0.1, alpha=0.4),  # beaten by 3 in both
]


def test_the_best_harms_most_among_those_that_are_hard_enough_to_detect() -> None:
    assert best(WORST, TRIALS) is TRIALS[3]
    assert best(WORST, TRIALS[1:3]) is None
    assert best(FRONT, TRIALS) is TRIALS[1]
    assert best_so_far(WORST, TRIALS) == [0.1, 0.1, 0.1, 0.3, 0.3]
    assert best_so_far(WORST, TRIALS[1:]) == [None, None, 0.3, 0.3]


def test_the_front_is_what_nothing_beats_in_both() -> None:
    assert front(TRIALS) == [TRIALS[0], TRIALS[3], TRIALS[1]]
    assert front([trial(0, 0.2, 0.1), trial(1, 0.2, 0.1)]) == [trial(0, 0.2, 0.1)]


def test_the_area_of_a_front_is_that_of_its_steps() -> None:
    expected = [0.1 * 0.95, 0.1 * 0.95 + 0.8 * 0.5]
    assert hypervolumes(TRIALS[:2]) == pytest.approx(expected)
    assert hypervolumes(TRIALS)[-1] == pytest.approx(0.1 * 0.95 + 0.2 * 0.9 + 0.6 * 0.5)
    assert hypervolumes([trial(0, -0.5, 0.1)]) == [0.0]  # it does good


def test_what_is_confirmed() -> None:
    assert to_confirm(WORST, TRIALS) == [TRIALS[3], TRIALS[4]]
    assert to_confirm(WORST, [TRIALS[1], TRIALS[2]]) == [TRIALS[1]]  # not hard to detect: the least detected
    assert to_confirm(FRONT, TRIALS) == [TRIALS[0], TRIALS[1]]  # both ends
    many = [trial(number, number / 10, number / 10) for number in range(9)]
    three = FRONT.model_copy(update={"confirm": FRONT.confirm.model_copy(update={"top": 3})})
    assert [one.key[1] for one in to_confirm(three, many)] == [0, 4, 8]
    again = [trial(0, 0.3, alpha=0.1), trial(1, 0.3, alpha=0.1), trial(2, 0.2, alpha=0.2)]
    assert [one.key[1] for one in to_confirm(WORST, again)] == [0, 2]  # the same values are the same networks
