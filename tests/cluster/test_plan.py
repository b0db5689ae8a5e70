"""How the sweep's work is cut."""

from pathlib import Path

import pytest

from pgan_ray.cluster.plan import batches, even_parts, trials
from pgan_ray.spec import Sweep

from ..tiny import tiny_sweep

EVALUATION_GRID = "evaluation.detector.percentile={grid: [0.9, 0.95]}"


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return tiny_sweep(tmp_path, "attack.replicates=5", EVALUATION_GRID)


def test_even_parts_hold_everything_once_in_order_and_are_nearly_equal() -> None:
    for count in range(1, 40):
        for most in range(1, 45):
            parts = even_parts(tuple(range(count)), most)
            assert [item for part in parts for item in part] == list(range(count))
            sizes = [len(part) for part in parts]
            assert max(sizes) <= most
            assert max(sizes) - min(sizes) <= 1
            assert len(parts) == -(-count // most)  # and no more of them than must be


@pytest.mark.parametrize("members", [1, 2, 3, 5, 100])
def test_trials_cover_every_replicate_once(sweep: Sweep, members: int) -> None:
    cut = trials(sweep, members)
    expected = [(c.id, r) for c in sweep.configurations for r in range(5)]
    assert [(trial.configuration, r) for trial in cut for r in trial.replicates] == expected
    assert len({trial.id for trial in cut}) == len(cut)
    assert all(len(trial.replicates) <= members for trial in cut)


def test_trials_have_stable_names(sweep: Sweep) -> None:
    assert [trial.id for trial in trials(sweep, 3)] == [
        "alpha=0.1/r0-1",
        "alpha=0.1/r2-4",
        "alpha=0.9/r0-1",
        "alpha=0.9/r2-4",
    ]


def test_baselines_have_batches_and_no_trials(tmp_path: Path) -> None:
    mixed = tiny_sweep(tmp_path, "attack.name={grid: [pgan, none]}", "attack.alpha=0.5")
    assert [trial.id for trial in trials(mixed, 5)] == ["attack=pgan/r0-1"]
    baseline = mixed.configurations[1]
    assert [batch.id for r in range(2) for batch in batches(baseline, r, 100)] == [
        "attack=none/r0/b000",
        "attack=none/r1/b000",
    ]
    assert trials(tiny_sweep(tmp_path, "attack.name=random_label_flip"), 5) == []


@pytest.mark.parametrize("members", [1, 4, 6, 100])
def test_batches_cover_every_cell_once(sweep: Sweep, members: int) -> None:
    cut = [b for c in sweep.configurations for r in range(5) for b in batches(c, r, members)]
    cells = [cell.id for batch in cut for cell in batch.cells]
    assert sorted(cells) == sorted(cell.id for c in sweep.configurations for r in range(5) for cell in c.cells(r))
    assert len(set(cells)) == len(cells) == sweep.cells
    assert len({batch.id for batch in cut}) == len(cut)
    for batch in cut:
        assert len(batch.cells) <= members
        for cell in batch.cells:
            assert (cell.configuration, cell.replicate, cell.variant) == (
                batch.configuration,
                batch.replicate,
                batch.variant.id,
            )


def test_batches_have_stable_names(sweep: Sweep, tmp_path: Path) -> None:
    names = [batch.id for batch in batches(sweep.configurations[0], 3, 4)]
    assert names == [
        "alpha=0.1/r3/percentile=0.9/b000",
        "alpha=0.1/r3/percentile=0.9/b001",
        "alpha=0.1/r3/percentile=0.95/b000",
        "alpha=0.1/r3/percentile=0.95/b001",
    ]
    plain = tiny_sweep(tmp_path)
    assert [batch.id for batch in batches(plain.configurations[0], 0, 100)] == ["alpha=0.1/r0/b000"]
