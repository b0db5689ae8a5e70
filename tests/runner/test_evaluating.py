"""Victims without poison are trained once for all configurations, with the bits that each would have of its own."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from pgan_ray.evaluation import CellResult, evaluate_cells
from pgan_ray.results import Store, read_rows
from pgan_ray.runner import Engine, evaluating
from pgan_ray.spec import Cell
from tests.runner.sweeps import Run, without_seconds
from tests.tiny import tiny_sweep


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return sorted(without_seconds(read_rows(Store(folder))), key=lambda row: str(row["cell_id"]))


def trained(run: Run, tmp_path: Path, *overrides: str) -> list[Cell]:
    """The cells of which a victim is trained in a sweep."""
    found: list[Cell] = []

    def evaluate(cells: list[Cell], *arguments: Any, **options: Any) -> list[CellResult]:
        found.extend(cells)
        return evaluate_cells(cells, *arguments, **options)

    sweep = tiny_sweep(tmp_path, *overrides)
    assert run(sweep, tmp_path / "sweep", engine=Engine(evaluate=evaluate)).outcome == "complete"
    return found


def test_clean_victims_are_trained_once_and_have_a_row_in_every_configuration(run: Run, tmp_path: Path) -> None:
    cells = trained(run, tmp_path)
    clean = [cell for cell in cells if cell.poison_fraction == 0]
    assert len(clean) == len({(cell.replicate, cell.run) for cell in clean}) == 4
    assert len(cells) == 20
    rows = rows_of(tmp_path / "sweep")
    (tmp_path / "each").mkdir()
    with patch.object(evaluating._CleanVictims, "of", lambda *arguments: {}):
        assert len(trained(run, tmp_path / "each")) == 24
    assert rows_of(tmp_path / "each" / "sweep") == rows
    seconds = read_rows(Store(tmp_path / "sweep")).select(["poison_fraction", "seconds"]).to_pylist()
    assert sum(row["seconds"] == 0 for row in seconds) == 4
    assert all(row["poison_fraction"] == 0 for row in seconds if row["seconds"] == 0)


@pytest.mark.parametrize(
    ("grid", "clean"),
    [
        ("evaluation.victim.epochs={grid: [20, 21]}", 8),
        ("evaluation.detector.name={grid: [none, sphere]}", 8),
        ("precision={grid: [float32, bf16]}", 8),
        ("attack.lambda_prior={grid: [0.5, 0.9]}", 4),
        ("attack.name={grid: [pgan, removal]}", 4),
    ],
)
def test_only_what_does_not_depend_on_the_setting_is_shared(run: Run, tmp_path: Path, grid: str, clean: int) -> None:
    cells = trained(run, tmp_path, "attack.alpha=0.5", "attack.iterations=4", grid)
    assert sum(cell.poison_fraction == 0 for cell in cells) == clean


def test_what_failed_is_not_shared(run: Run, tmp_path: Path) -> None:
    def fails(cells: list[Cell], *arguments: Any, **options: Any) -> list[CellResult]:
        seen.extend(cells)
        return [CellResult(cell, "failed", message="no victim") for cell in cells]

    seen: list[Cell] = []
    run(tiny_sweep(tmp_path), tmp_path / "sweep", engine=Engine(evaluate=fails))
    assert len(seen) == 24
