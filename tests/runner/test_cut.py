"""How the sweep's work is cut."""

from pathlib import Path

import pytest

from pgan_ray.runner.cut import PARTS_LEFT, Batch, Stage2Cut, even_parts, trials
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


def batches(sweep: Sweep, members: int) -> list[Batch]:
    """All of a sweep's, in the order of its file."""
    cut = Stage2Cut(sweep, members)
    return [b for c in sweep.configurations for r in range(c.settings.attack.replicates) for b in cut.batches(c, r)]


@pytest.mark.parametrize("members", [1, 4, 6, 100])
def test_batches_cover_every_cell_once(sweep: Sweep, members: int) -> None:
    cut = batches(sweep, members)
    cells = [cell.id for batch in cut for cell in batch.cells]
    assert sorted(cells) == sorted(cell.id for c in sweep.configurations for r in range(5) for cell in c.cells(r))
    assert len(set(cells)) == len(cells) == sweep.cells
    assert len({batch.id for batch in cut}) == len(cut)
    for batch in cut:
        assert len(batch.cells) <= members
        assert batch.cost > 0
        for cell in batch.cells:
            assert (cell.configuration, cell.replicate, cell.variant) == (
                batch.configuration,
                batch.replicate,
                batch.variant.id,
            )


def test_batches_have_stable_names_and_a_replicate_can_be_cut_alone(sweep: Sweep) -> None:
    cut = Stage2Cut(sweep, 48)
    names = [batch.id.rpartition("-") for batch in cut.batches(sweep.configurations[0], 3)]
    assert [name for name, _, _ in names] == [
        "alpha=0.1/r3/percentile=0.9/b000",
        "alpha=0.1/r3/percentile=0.95/b000",
    ]
    assert len({digest for _, _, digest in names}) == 2
    again = Stage2Cut(sweep, 48)
    list(again.batches(sweep.configurations[1], 0))
    assert list(again.batches(sweep.configurations[0], 3)) == list(cut.batches(sweep.configurations[0], 3))


def test_a_batch_is_named_by_its_cells(sweep: Sweep) -> None:
    """What another version cut otherwise is not taken for it when a sweep is resumed."""
    (whole, *_), (part, *_) = (list(Stage2Cut(sweep, most).batches(sweep.configurations[0], 3)) for most in (48, 5))
    assert set(part.cells) < set(whole.cells)
    assert part.id != whole.id
    assert part.id.rpartition("-")[0] == whole.id.rpartition("-")[0]


def test_batches_get_smaller_towards_the_end_and_none_is_a_straggler(tmp_path: Path) -> None:
    sweep = tiny_sweep(tmp_path, "attack.replicates=20", "evaluation.runs=10")
    costs = [batch.cost for batch in batches(sweep, 10)]
    left = sum(costs)
    for cost in costs:
        assert cost <= max(left / PARTS_LEFT * 1.001, min(costs))
        left -= cost
    assert costs[0] == max(costs) == 10 * min(costs) == 10 * costs[-1]
    # On a GPU, where a small stack takes as long as a larger one, none is tiny.
    assert min(len(batch.cells) for batch in batches(tiny_sweep(tmp_path, "evaluation.runs=30"), 90)) == 10


def test_a_costlier_variant_is_cut_finer(tmp_path: Path) -> None:
    sweep = tiny_sweep(tmp_path, "attack.replicates=10", "evaluation.victim.epochs={grid: [20, 2000]}")
    cut = list(Stage2Cut(sweep, 6).batches(sweep.configurations[0], 0))
    cheap, dear = ([len(b.cells) for b in cut if b.variant.id == f"epochs={n}"] for n in (20, 2000))
    assert max(cheap) == 6
    assert max(dear) < 6


def test_a_stack_holds_training_sets_of_about_one_size(tmp_path: Path) -> None:
    sweep = tiny_sweep(tmp_path, "attack.replicates=50", "evaluation.placement=add", "evaluation.poison_set_size=200")
    cut = list(Stage2Cut(sweep, 100).batches(sweep.configurations[0], 0))
    assert [sorted({cell.poison_fraction for cell in batch.cells}) for batch in cut] == [[0.4], [0.2], [0.0]]


def test_baselines_have_batches_and_no_trials(tmp_path: Path) -> None:
    mixed = tiny_sweep(tmp_path, "attack.name={grid: [pgan, none]}", "attack.alpha=0.5")
    assert [trial.id for trial in trials(mixed, 5)] == ["attack=pgan/r0-1"]
    assert {batch.configuration for batch in batches(mixed, 100)} == {"attack=pgan", "attack=none"}
    assert trials(tiny_sweep(tmp_path, "attack.name=random_label_flip"), 5) == []
