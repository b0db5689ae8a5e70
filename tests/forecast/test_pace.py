"""This machine's pace: stacks are measured by short runs, and what was not measured goes by those that were."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pgan_ray.cost import Points, known_points
from pgan_ray.forecast import Plan, measure
from pgan_ray.forecast.measure import chosen, reduced, stand_in_poison, stand_in_task
from pgan_ray.forecast.pace import BATCH_S, TRIAL_S, Pace, Sample, Stack
from pgan_ray.spec import load_sweep, profile_names
from tests.tiny import tiny_sweep

SWEEPS = Path(__file__).parents[2] / "sweeps"


def points_of(dataset: Any, task: object = None) -> Points:
    found = known_points(dataset)
    assert found is not None
    return found


def trial(folder: Path, members: int, *overrides: str) -> Stack:
    settings = tiny_sweep(folder, *overrides).configurations[0].settings
    return Stack(settings, points_of(settings.dataset), members)


def batch(folder: Path, members: int, *overrides: str) -> Stack:
    configuration = tiny_sweep(folder, *overrides).configurations[0]
    points = points_of(configuration.settings.dataset)
    return Stack(configuration.settings, points, members, configuration.variants[0].evaluation, 0.4)


def test_every_kind_is_measured_and_all_is_as_it_was(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    victims = ("mlp", "logistic", "knn", "none")
    stacks = [trial(tmp_path, 2), *(batch(tmp_path, 3, f"evaluation.victim.name={victim}") for victim in victims)]
    pace = measure.measure(stacks, actors=2, budget_s=0.1)
    assert [sample.kind for sample in pace.samples] == [stack.kind for stack in stacks]
    assert all(sample.unit + sample.rest > 0 for sample in pace.samples)
    assert [sample.unit > 0 for sample in pace.samples] == [True, True, True, False, False]
    assert pace.seconds(stacks[0]) > TRIAL_S
    assert all(pace.seconds(stack) > BATCH_S for stack in stacks[1:])
    assert pace.gemm_rate > 0
    assert 0 < (pace.share or 0) <= 1
    assert torch.get_num_threads() == threads


def test_what_was_not_measured_goes_by_the_machines_products(tmp_path: Path) -> None:
    stack = trial(tmp_path, 2, "attack.generator.widths=[4000, 4000]")
    slow, slower = (Pace(gemm_rate=rate).seconds(stack) for rate in (1e8, 1e7))
    assert slower > 5 * slow > 5 * Pace().seconds(stack)


def test_of_several_threads_the_whole_turn_counts(tmp_path: Path) -> None:
    # Much of a small stack is serial: one of two threads has nothing to do then, and nobody took its core.
    stack = batch(tmp_path, 2, "resources.evaluator.cpu=2")
    assert stack.threads == 2
    assert stack.kind != batch(tmp_path, 2).kind
    assert measure._turn(2, 1, lambda units: None)[1] == 1.0


def test_what_is_too_large_for_a_run_is_measured_with_fewer_points_and_members(tmp_path: Path) -> None:
    large = batch(tmp_path, 90, "evaluation.victim.widths=[512, 512]", "dataset.name=mnist-5k")
    small = reduced(large, 0.05)
    assert small.members < 90
    assert small.parts_s[0] < large.parts_s[0] / 10
    assert reduced(batch(tmp_path, 2), 1.0).members == 2
    assert reduced(trial(tmp_path, 5, "attack.replicates=5", "attack.classifier.widths=[4096]"), 1e-6).members == 1


def test_what_takes_much_memory_is_reckoned_and_not_measured(tmp_path: Path) -> None:
    of = ("attack.generator.widths=[4000000]", "evaluation.victim.widths=[4000000]")
    stacks = [trial(tmp_path, 2, *of), batch(tmp_path, 2, *of)]
    pace = measure.measure(stacks, actors=1, budget_s=0.05)
    assert pace.samples == ()
    assert pace.seconds(stacks[0]) > 10
    assert pace.seconds(stacks[1]) == BATCH_S + stacks[1].assumed_s()


def test_stacks_between_those_that_were_measured_go_by_both(tmp_path: Path) -> None:
    small, middle, large = (batch(tmp_path, members) for members in (1, 4, 16))
    pace = Pace(samples=(Sample(small.kind, small.size, 4.0, 1.0), Sample(large.kind, large.size, 2.0, 1.0)))
    for stack, ratio in ((small, 4.0), (middle, 3.0), (large, 2.0), (batch(tmp_path, 64), 2.0)):
        unit, rest = stack.parts_s
        assert pace.seconds(stack) == pytest.approx(BATCH_S + stack.units * unit * ratio + rest)


def test_another_network_goes_by_those_of_its_stage_and_what_is_no_network_by_assumption(tmp_path: Path) -> None:
    mlp, logistic, forest = (
        batch(tmp_path, 2, f"evaluation.victim.name={name}") for name in ("mlp", "logistic", "random_forest")
    )
    pace = Pace(samples=(Sample(mlp.kind, mlp.size, 3.0, 3.0),))
    assert pace.seconds(logistic) == pytest.approx(
        BATCH_S + 3 * (logistic.units * logistic.parts_s[0] + logistic.parts_s[1])
    )
    assert pace.seconds(forest) == BATCH_S + forest.assumed_s()
    assert pace.seconds(trial(tmp_path, 2)) == Pace().seconds(trial(tmp_path, 2))


def test_a_stage_without_a_part_of_the_gpu_works_on_a_core(tmp_path: Path) -> None:
    stack = batch(tmp_path, 2)
    assert Pace(parts=(0.5, 0.0)).seconds(stack) == BATCH_S + stack.assumed_s()
    assert Pace(parts=(0.5, 0.5)).seconds(stack) > Pace().seconds(stack)


def test_alphas_and_lengths_share_a_size_and_widths_do_not(tmp_path: Path) -> None:
    one = trial(tmp_path, 2)
    assert one.size == trial(tmp_path, 2, "attack.alpha=0.7", "attack.iterations=9").size
    assert one.size != trial(tmp_path, 2, "attack.classifier.widths=[17]").size
    assert batch(tmp_path, 2).size == pytest.approx(batch(tmp_path, 2, "evaluation.victim.epochs=9").size)


def test_points_in_the_place_of_data_have_its_sizes(tmp_path: Path) -> None:
    stack = trial(tmp_path, 1)
    task = stand_in_task(stack.settings.task, stack.points, most=100)
    assert task.train_x.shape == (200, 64)
    assert len(task.test_y) == stack.points.test_points(stack.settings.task)
    assert (task.classes[task.poison_label], task.classes[task.source_label]) == (5, 3)
    poison = stand_in_poison(task, 30)
    assert poison.sample(20, np.random.default_rng(0), np.zeros(0, np.int64)).shape == (20, 64)


def test_of_many_stacks_some_of_every_kind_are_chosen_and_the_largest_first(tmp_path: Path) -> None:
    stacks = [batch(tmp_path, members) for members in range(1, 20)]
    lone = [batch(tmp_path, 1, f"evaluation.victim.name={name}") for name in ("random_forest", "knn")]
    found = chosen([*stacks, *lone, *stacks])
    assert all(stack in found for stack in lone)
    sizes = [stack.members for stack in found if stack not in lone]
    assert len(sizes) == 3
    assert (sizes[0], sizes[-1]) == (19, 1)
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("file", sorted(SWEEPS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_kind_of_a_shipped_sweep_is_measured(file: Path) -> None:
    for name in {"quick", "paper"}.intersection(profile_names(file)):
        stacks = Plan(load_sweep(file, profile=name), (5, 45), points_of).stacks
        assert {stack.kind for stack in stacks} == {stack.kind for stack in chosen(stacks, most=2)}


@pytest.mark.parametrize(
    ("precision", "bf16_s", "doubted"),
    [("bf16", 2.0, True), ("bf16", 1.01, False), ("bf16", 0.5, False), ("tf32", 2.0, False)],
)
def test_a_precision_that_the_processor_is_slower_at_is_doubted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, bf16_s: float, doubted: bool
) -> None:
    def turn(threads: int, units: int, run: Any) -> tuple[float, float]:
        return (bf16_s if getattr(run, "args", ()) == (torch.bfloat16,) else 1.0), 1.0

    monkeypatch.setattr(measure, "_turn", turn)
    pace = measure.measure([trial(tmp_path, 2, f"precision={precision}")], actors=1, budget_s=0.01)
    assert pace.float32_rate == 2.0 * measure.GEMM_SIZE**3
    assert bool(pace.doubt) is doubted
    if doubted:
        assert "at 0.50 times float32's rate" in pace.doubt
