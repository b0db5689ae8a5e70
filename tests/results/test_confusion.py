"""Mean confusion matrices, against numbers worked out by hand."""

from typing import Any

import numpy as np
import pyarrow as pa

from pgan_ray.results import VICTIMS, mean_confusions

from .rows import diverged, row


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=VICTIMS)


def test_shares_of_each_true_class_are_averaged_over_replicates() -> None:
    """The runs of a replicate count as one, however many they are."""
    (mean,) = mean_confusions(
        table(
            row("a=1/r0/f0.2/run0", confusion=[[8, 2], [5, 15]]),
            row("a=1/r0/f0.2/run1", confusion=[[10, 0], [1, 19]]),
            row("a=1/r1/f0.2/run0", confusion=[[5, 5], [0, 20]]),
        )
    )
    assert (mean.configuration, mean.variant, mean.poison_fraction) == ("a=1", "", 0.2)
    np.testing.assert_allclose(mean.matrix, [[0.7, 0.3], [0.075, 0.925]])


def test_one_for_each_point_of_a_curve() -> None:
    found = mean_confusions(
        table(
            row("b=1/r0/f0.2/run0", confusion=[[1, 0, 0], [0, 2, 0], [1, 1, 2]]),
            row("a=1/r0/f0.4/run0"),
            row("a=1/r0/f0.2/run0", variant="v=1"),
            row("a=1/r0/f0.2/run1"),
        )
    )
    assert [(mean.configuration, mean.variant, mean.poison_fraction) for mean in found] == [
        ("a=1", "", 0.2),
        ("a=1", "", 0.4),
        ("a=1", "v=1", 0.2),
        ("b=1", "", 0.2),
    ]
    np.testing.assert_allclose(found[-1].matrix, [[1, 0, 0], [0, 1, 0], [0.25, 0.25, 0.5]])


def test_cells_without_a_matrix_are_left_out() -> None:
    assert mean_confusions(table(diverged("a=1/r0/f0.2/run0"))) == []
    (mean,) = mean_confusions(table(diverged("a=1/r0/f0.2/run0"), row("a=1/r0/f0.2/run1", confusion=[[4, 0], [0, 4]])))
    assert mean.matrix.tolist() == [[1, 0], [0, 1]]
    assert mean_confusions(VICTIMS.empty_table()) == []
