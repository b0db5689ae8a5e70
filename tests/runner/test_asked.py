"""What actors ask for: no share of a GPU that nothing would be computed on."""

from pathlib import Path

import pytest

from pgan_ray.runner.asked import asked_resources
from tests.tiny import tiny_sweep


@pytest.mark.parametrize(
    ("overrides", "trial", "evaluator"),
    [
        ((), 0.25, 0.25),
        (("evaluation.victim.name=knn",), 0.25, 0.0),
        (("evaluation.victim.name=none",), 0.25, 0.0),
        (("evaluation.victim.name={grid: [knn, mlp]}",), 0.25, 0.25),
        (("attack.name=random_label_flip",), 0.0, 0.25),
        (("resources.trial.gpu=0.5", "resources.evaluator.gpu=0"), 0.5, 0.0),
    ],
)
def test_a_gpu_is_asked_for_where_something_uses_it(
    overrides: tuple[str, ...], trial: float, evaluator: float, tmp_path: Path
) -> None:
    sweep = tiny_sweep(tmp_path, *overrides)
    asked = asked_resources(sweep)
    assert (asked.trial.gpu, asked.evaluator.gpu) == (trial, evaluator)
    assert asked.evaluator.cpu == sweep.resources.evaluator.cpu
