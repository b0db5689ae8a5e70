"""What every worker process needs."""

from pathlib import Path

import pytest
import torch

from pgan_ray.data import Dataset
from pgan_ray.nn import use_products
from pgan_ray.nn.products import affine
from pgan_ray.runner.worker import Tasks, prepare
from pgan_ray.spec import ResourcesSpec, StageResources
from tests.tiny import tiny_sweep


def test_generators_see_the_surrogates_classes_and_victims_all(digits: dict[str, Dataset], tmp_path: Path) -> None:
    tasks = Tasks(digits)
    wide = ("task.classes=[8, 5, 3]", "evaluation.poison_fractions=[0, 0.1]")
    settings = tiny_sweep(tmp_path, *wide, "task.surrogate_classes=[5, 3]").configurations[0].settings
    surrogate, task = tasks.surrogate_of(settings), tasks.of(settings)
    assert (task.classes, task.poison_label, task.source_label) == ((8, 5, 3), 1, 2)
    assert (surrogate.classes, surrogate.poison_label, surrogate.source_label) == ((3, 5), 1, 0)
    # As if there were no other class: the same points as those of a task of two.
    alone = tasks.of(tiny_sweep(tmp_path).configurations[0].settings)
    for part in ("train_x", "train_y", "test_x", "test_y"):
        assert torch.equal(getattr(surrogate, part), getattr(alone, part))
    assert torch.equal(surrogate.poison_class_x, task.poison_class_x)
    assert surrogate.poison_prior == pytest.approx(len(task.poison_class_x) / len(surrogate.train_y))

    same = tiny_sweep(tmp_path, *wide).configurations[0].settings
    assert tasks.surrogate_of(same).classes == (8, 5, 3)
    assert tasks.surrogate_of(same) is tasks.of(same)  # no second copy of the data
    assert same.dataset_key == settings.dataset_key


def test_a_worker_uses_the_cores_that_it_was_granted() -> None:
    before = torch.get_num_threads()
    try:
        assert prepare(StageResources(cpu=2.0), ResourcesSpec()) == torch.device(
            "cuda" if torch.cuda.is_available() else "cpu"
        )
        assert torch.get_num_threads() == 2
        prepare(StageResources(cpu=0.25), ResourcesSpec())
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)


@pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this PyTorch has no product of oneDNN's"
)
def test_workers_take_the_products_of_their_sweep_whatever_their_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[torch.Tensor] = []
    made = torch.ops.mkldnn._linear_pointwise.default
    monkeypatch.setattr(torch.ops.mkldnn._linear_pointwise, "default", lambda *a: calls.append(a[0]) or made(*a))
    x = torch.ones(256, 256)
    try:
        for library, expected in (("onednn", 1), ("pytorch", 1), ("onednn", 2)):
            prepare(StageResources(), ResourcesSpec(cpu_products=library), gpu=False)
            assert affine(x, x, torch.zeros(1, 256))[0, 0] == 256
            assert len(calls) == expected, library
    finally:
        use_products("auto")
        torch.set_flush_denormal(False)
