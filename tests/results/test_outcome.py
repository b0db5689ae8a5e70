"""What came of a sweep, by its rows alone."""

from collections import Counter

import pytest

from pgan_ray.results import outcome_of


@pytest.mark.parametrize(
    ("outcomes", "cells", "expected"),
    [
        (["complete"] * 3, 3, "complete"),
        (["complete", "diverged", "complete"], 3, "partial"),
        (["complete", "failed"], 2, "partial"),
        (["complete", "diverged"], 3, "interrupted"),
        ([], 2, "interrupted"),
    ],
)
def test_outcome(outcomes: list[str], cells: int, expected: str) -> None:
    assert outcome_of(Counter(outcomes), cells) == expected
