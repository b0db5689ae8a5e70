from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pgan_ray.attacks.poison_set import PoisonSet
from pgan_ray.data import TaskData
from pgan_ray.evaluation import CellResult, evaluate_cells, poisoned_training_set, protocol
from pgan_ray.evaluation.training_set import TrainingSet
from pgan_ray.registry import DETECTORS
from pgan_ray.spec import Cell, EvaluationSpec
from pgan_ray.victims.engines import stack as engine
from pgan_ray.victims.engines.stack import VictimStack, train_victims
from tests.science import CPU, blobs, own_keys

CELLS = [Cell("alpha=0.1", 0, "", fraction, run) for fraction in (0.0, 0.2, 0.4) for run in range(2)]


def make_spec(**victim: Any) -> EvaluationSpec:
    optimizer = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}
    settings = {"widths": [12], "dropout": 0.2, "batch_size": 20, "epochs": 25, "optimizer": optimizer}
    return EvaluationSpec(
        poison_fractions=[0.0, 0.2, 0.4],
        runs=2,
        train_per_class=60,
        trusted_per_class=60,
        victim=own_keys(settings | victim),
        detector={"name": "knn_distance"},
    )


def without_detector(**victim: Any) -> EvaluationSpec:
    return make_spec(**victim).model_copy(update={"detector": DETECTORS.config("none")()})


def harmless(task: TaskData) -> Tensor:
    """Points of the poison class itself."""
    return task.poison_class_x[:100]


def harmful(task: TaskData) -> Tensor:
    """Points of the source class, moved a little towards the poison class."""
    source = task.train_x[task.train_y == task.source_label][:100].clone()
    source[:, 0] += 0.4
    return source


def evaluate(task: TaskData, poison: Tensor, cells: list[Cell] = CELLS, **victim: Any) -> list[CellResult]:
    return evaluate_cells(cells, make_spec(**victim), task, PoisonSet(poison), seed=0, device=CPU)


def plain(result: CellResult) -> dict[str, Any]:
    """All that does not depend on the clock."""
    matrix = None if result.confusion is None else result.confusion.tolist()
    return vars(result) | {"confusion": matrix, "seconds": 0.0}


def task_of(classes: int = 2, distance: float = 1.5) -> TaskData:
    return blobs(classes=classes, train_per_class=150, distance=distance)


def test_a_result_for_each_cell_in_order() -> None:
    task = task_of()
    results = evaluate(task, harmless(task))
    assert [result.cell for result in results] == CELLS
    for result in results:
        part = poisoned_training_set(make_spec(), task, PoisonSet(harmless(task)), result.cell, 0)
        assert result.train_size == len(part.x)
        assert result.detection == part.detection
        assert (result.detection.rejected_poison is None) == (result.cell.poison_fraction == 0)
        assert result.scores is not None
        assert result.seconds > 0
    assert len({result.train_size for result in results}) > 1  # the detector saw to sizes that differ


def test_the_same_stack_gives_the_same_bits() -> None:
    task = task_of(distance=0.6)
    first, second = ([plain(result) for result in evaluate(task, harmful(task))] for _ in range(2))
    assert first == second
    assert len({result["scores"] for result in first}) > 1


def test_clean_victims_of_an_easy_task_make_no_errors() -> None:
    task = task_of(distance=3.0)
    for result in evaluate(task, harmless(task)):
        assert result.scores is not None
        assert result.scores.test_error == 0.0


@pytest.mark.parametrize("classes", [2, 3])
def test_poison_raises_the_error_of_the_source_class(classes: int) -> None:
    task = task_of(classes, distance=1.2)
    cells = [Cell("", 0, "", fraction, run) for fraction in (0.0, 0.3) for run in range(3)]
    spec = without_detector(dropout=0.0)
    results = evaluate_cells(cells, spec, task, PoisonSet(harmful(task)), seed=0, device=CPU)
    scores = [result.scores for result in results]
    clean, poisoned = scores[:3], scores[3:]
    assert min(s.false_positive_rate for s in poisoned) > max(s.false_positive_rate for s in clean) + 0.1
    assert max(s.false_negative_rate for s in poisoned) < 0.1
    assert min(s.test_error for s in poisoned) > max(s.test_error for s in clean)


def test_victims_of_one_run_start_alike_whatever_the_configuration() -> None:
    task = task_of(distance=0.6)
    fixed = {"epochs": 1, "optimizer": {"name": "sgd", "learning_rate": 1e-12}}  # all but the start
    results = [
        evaluate(task, harmless(task), [Cell(name, replicate, "", 0.2, run)], **fixed)[0]
        for name, replicate, run in (("alpha=0.1", 0, 0), ("alpha=0.9", 0, 0), ("alpha=0.1", 0, 1), ("alpha=0.1", 1, 0))
    ]
    assert results[0].scores == results[1].scores
    assert results[0].train_size == results[1].train_size
    assert results[0].scores != results[2].scores
    assert results[0].scores != results[3].scores


def test_a_victim_that_diverges_has_no_scores() -> None:
    task = task_of()
    optimizer = {"name": "sgd", "learning_rate": 1e30}
    for result in evaluate(task, harmless(task), optimizer=optimizer):
        assert result.scores is None
        assert result.train_size > 0
        assert result.detection.rejected_genuine is not None


@pytest.mark.parametrize("exponent", [10, 15, 20, 25, 30, 35])
def test_scores_only_where_the_judgement_is_made_of_numbers(exponent: int) -> None:
    # One step, whose loss is still a number: only the test points show that the weights are of no use.
    task = task_of()
    optimizer = {"name": "sgd", "learning_rate": 10.0**exponent, "momentum": 0.0}
    results = evaluate(task, harmless(task), widths=[8, 8, 8], epochs=1, batch_size=200, optimizer=optimizer)
    diverged = [result.scores is None for result in results]
    assert all(diverged) == any(diverged) == (exponent >= 15)


def test_one_that_diverges_leaves_the_others_alone() -> None:
    task = task_of()
    spec = without_detector()
    broken = torch.full_like(harmless(task), float("nan"))
    calm = evaluate_cells(CELLS, spec, task, PoisonSet(harmless(task)), seed=0, device=CPU)
    results = evaluate_cells(CELLS, spec, task, PoisonSet(broken), seed=0, device=CPU)
    for before, after in zip(calm, results, strict=True):
        if after.cell.poison_fraction == 0:
            assert before.scores == after.scores is not None
        else:
            assert after.scores is None


@pytest.mark.parametrize("victim", ["mlp", "cnn", "random_forest"])
def test_a_victims_bits_depend_on_no_other_of_its_batch(victim: str) -> None:
    """Whose training sets differ in size, too."""
    task = task_of() if victim != "cnn" else images()
    whole = evaluate(task, harmless(task), name=victim, epochs=3)
    for cells in (CELLS[:1], CELLS[1:3], CELLS[3:]):
        found = [plain(result) for result in evaluate(task, harmless(task), cells, name=victim, epochs=3)]
        assert found == [plain(result) for result in whole if result.cell in cells]


def images() -> TaskData:
    """Blobs of 64 features, as images."""
    return replace(blobs(features=64, train_per_class=200), image_shape=(8, 8))


def test_a_victim_that_diverged_in_training_has_no_scores_whatever_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = iter(range(len(CELLS)))  # one by one

    def train_and_flag(*given: Any, **named: Any) -> VictimStack:
        stack = train_victims(*given, **named)
        return replace(stack, finite=torch.tensor([next(seen) != 2]))

    monkeypatch.setattr(engine, "train_victims", train_and_flag)
    task = task_of()
    results = evaluate(task, harmless(task))
    assert [result.scores is None for result in results] == [False, False, True, False, False, False]


@pytest.mark.parametrize("victim", ["mlp", "logistic", "random_forest"])
def test_a_victim_without_training_points_fails_alone(monkeypatch: pytest.MonkeyPatch, victim: str) -> None:
    """Detectors may reject everything."""
    emptied = CELLS[1]

    def training_set(spec: Any, task: TaskData, attack: Any, cell: Cell, seed: int, _: str) -> TrainingSet:
        whole = poisoned_training_set(spec, task, attack, cell, seed)
        return replace(whole, x=whole.x[:0], y=whole.y[:0]) if cell == emptied else whole

    monkeypatch.setattr("pgan_ray.evaluation.protocol.poisoned_training_set", training_set)
    task = task_of()
    results = evaluate(task, harmless(task), name=victim)
    outcomes = {result.cell: result.outcome for result in results}
    assert outcomes == dict.fromkeys(CELLS, "complete") | {emptied: "failed"}
    assert all((result.scores is None) == (result.cell == emptied) for result in results)


@pytest.mark.parametrize("kind", [torch.OutOfMemoryError, torch.AcceleratorError])
def test_a_stack_that_a_gpus_memory_does_not_hold_is_halved_and_said(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    task = task_of()
    sizes, lines = [], list[str]()
    monkeypatch.setattr(protocol, "_stacks", lambda taught, device: [taught])

    def train(spec: Any, x: Tensor, *arguments: Any, **options: Any) -> VictimStack:
        sizes.append(len(x))
        if len(x) > 2:
            raise kind("CUDA error: out of memory\nTried to")
        return train_victims(spec, x, *arguments, **options)

    monkeypatch.setattr(engine, "train_victims", train)
    results = evaluate_cells(CELLS, make_spec(), task, PoisonSet(harmful(task)), seed=0, device=CPU, told=lines.append)
    assert [result.outcome for result in results] == ["complete"] * 6
    assert sizes == [6, 3, 1, 2, 3, 1, 2]
    assert lines[0] == "6 victims as one stack: CUDA error: out of memory; trained in halves"
    assert len(lines) == 3
