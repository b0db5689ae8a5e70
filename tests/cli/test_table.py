"""The tables at a sweep's end."""

from pathlib import Path

from rich.table import Table

from pgan_ray.cli.table import error_table, rates_table
from pgan_ray.results import Estimate, Point
from tests.tiny import tiny_sweep


def names(table: Table) -> list[str]:
    return [str(cell) for cell in table.columns[0].cells]


def test_rows_stand_in_the_order_of_the_sweep_file(tmp_path: Path) -> None:
    sweep = tiny_sweep(tmp_path, "attack.alpha=0.5", "evaluation.victim.epochs={grid: [5, 10, 2]}")
    (configuration,) = [one for one in sweep.configurations if one.settings.attack.is_trained]
    error = {"test_error": Estimate(0.1, None, 1, 1)}
    points = [
        Point(configuration.id, variant, fraction, error)
        for variant in sorted(variant.id for variant in configuration.variants)  # "10" before "2"
        for fraction in (0.0, 0.4)
    ]
    for table in (error_table(points, sweep), rates_table(points, sweep)):
        assert [name.rpartition("=")[2] for name in names(table)] == ["5", "10", "2"]
