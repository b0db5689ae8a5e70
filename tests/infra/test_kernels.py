"""The cost model's kernels are those that the engines ask for."""

import pytest

from infra.benchmarks.kernels import count, trainings
from infra.docs.scaling import PROGRAMS


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_the_model_counts_the_kernels_that_the_engines_launch(precision: str) -> None:
    """Within a tenth: what a step costs beside its layers is one number for all."""
    assumed = {"pGAN iteration": PROGRAMS[0].work.launches, "victim step": PROGRAMS[1].work.launches}
    for name, run in trainings(precision).items():
        _, kernels, by_operator = count(run)
        assert kernels == pytest.approx(assumed[name], rel=0.1), f"{name}: {by_operator.most_common()}"
