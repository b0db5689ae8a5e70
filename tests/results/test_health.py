"""What the last training metrics say."""

from pathlib import Path

import pytest

from pgan_ray.results import GeneratorRecord, Tally, health, mean_metrics, table_of
from pgan_ray.results.health import useless_victims
from tests.results.rows import row
from tests.tiny import tiny_sweep


def record(configuration: str, replicate: int, loss: float, outcome: str = "complete") -> GeneratorRecord:
    metrics = {"classifier_poison_loss": loss, "generator_loss": 1.0}
    return GeneratorRecord(configuration, replicate, outcome, 60, 1.0, "cpu", (8, 8), metrics=metrics)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (0.3, None),
        (0.1, None),
        (0.07, "C tells much of all poison"),
        (0.03, "C tells nearly all poison from genuine points of the source class (its loss on poison is 0.03"),
    ],
)
def test_a_game_that_is_over_is_told(tmp_path: Path, loss: float, words: str | None) -> None:
    sweep = tiny_sweep(tmp_path)
    records = [record("alpha=0.1", 0, loss - 0.01), record("alpha=0.1", 1, loss + 0.01), record("alpha=0.9", 0, 0.2)]
    found = health(sweep, mean_metrics(records))
    assert list(found) == (["alpha=0.1"] if words else [])
    assert words is None or found["alpha=0.1"].startswith(words)


def test_diverged_generators_do_not_count_and_old_records_say_nothing(tmp_path: Path) -> None:
    records = [record("alpha=0.1", 0, 0.3), record("alpha=0.1", 1, 0.0, "diverged")]
    assert mean_metrics(records)["alpha=0.1"]["classifier_poison_loss"] == 0.3
    old = GeneratorRecord("alpha=0.1", 0, "complete", 60, 1.0, "cpu", (8, 8))
    assert health(tiny_sweep(tmp_path), mean_metrics([old])) == {}


def test_clean_victims_that_know_nothing_are_told() -> None:
    guesses = [[60, 0], [40, 0]]  # always the larger class
    rows = [
        row(f"alpha=0.1/r0/f0/run{run}", confusion=guesses, test_error=error) for run, error in ((0, 0.4), (1, 0.45))
    ]
    (line,) = useless_victims(table_of(rows))
    assert line.startswith(
        "the test error of clean victims is 42.5 %, no lower than that of always answering the largest class (40.0 %)"
    )
    tally = Tally()
    tally.add("alpha=0.1", table_of(rows))
    assert tally.doubts == [("alpha=0.1", line)]
    better = [row("alpha=0.1/r0/f0/run0", confusion=[[60, 0], [39, 1]], test_error=0.39)]
    poisoned = row("alpha=0.1/r0/f0.4/run0", confusion=guesses, test_error=0.4)
    assert list(useless_victims(table_of([*better, poisoned]))) == []
