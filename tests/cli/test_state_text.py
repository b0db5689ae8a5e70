"""A sweep's strongest attack in a few words, by hand."""

from pathlib import Path

import pytest

from pgan_ray.cli.state_text import attack_text
from pgan_ray.results import Estimate, Ranked
from tests.tiny import tiny_sweep


@pytest.mark.parametrize(
    ("excess", "is_under", "is_sure", "seen"),
    [
        (Estimate(-0.05, 0.01, 5, 5), True, True, ""),
        (Estimate(0.005, 0.01, 5, 5), True, False, ", and the detectors may see it"),
        (Estimate(0.015, 0.01, 5, 5), False, False, ", and the detectors may see it"),
        (Estimate(0.2, 0.01, 5, 5), False, True, ", and the detectors see it"),
        (Estimate(0.2, None, 1, 5), False, False, ", and the detectors see it"),
        (None, True, True, ""),
    ],
)
def test_whether_the_detectors_see_it_is_said_as_surely_as_it_is_known(
    tmp_path: Path, excess: Estimate | None, is_under: bool, is_sure: bool, seen: str
) -> None:
    best = Ranked("alpha=0.1", "", 0.4, Estimate(0.17, 0.036, 5, 5), "none", excess, is_under, is_sure)
    told = attack_text(tiny_sweep(tmp_path), best)
    assert told == f"alpha=0.1 at 40 % poison: harm 17.0 ± 3.6 points (5 replicates){seen}"
