"""How many networks an actor trains as one stack."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pgan_ray.cost import least_points
from pgan_ray.cost.sweep import generators_bytes, poison_set_size, probe_bytes, victims_bytes
from pgan_ray.data import TaskData
from pgan_ray.runner import Offer, StageOffer
from pgan_ray.runner.members import USABLE, members, trial_members, victim_members
from pgan_ray.spec import Configuration
from tests.searches import STOPS, search_of, small_search
from tests.tiny import tiny_sweep


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return tiny_sweep(tmp_path).configurations[0]


@pytest.fixture
def task() -> TaskData:
    x, y = torch.from_numpy(np.zeros((4, 64), np.float32)), torch.tensor([0, 1, 0, 1])
    return TaskData(
        train_x=x, train_y=y, test_x=x, test_y=y, classes=(3, 5), poison_label=1, source_label=0, image_shape=(8, 8)
    )


PLENTY = 2**30


def actor(*, on_gpu: bool = False, memory: int = PLENTY, slots: int = 1) -> StageOffer:
    return StageOffer({"CPU": 1.0, "GPU": 1.0} if on_gpu else {"CPU": 1.0}, slots, memory)


def offer(**of: Any) -> Offer:
    return Offer("here", {}, actor(**of), actor(**of), 1, None)


def test_auto_members_fit_into_memory(configuration: Configuration, task: TaskData) -> None:
    assert trial_members(configuration, task, actor(on_gpu=False, memory=PLENTY)) == 2
    assert victim_members(configuration, task, actor(on_gpu=False, memory=PLENTY)) == 10
    assert victim_members(configuration, task, actor(on_gpu=True, memory=0)) == 100
    assert trial_members(configuration, task, actor(on_gpu=False, memory=1)) == 1
    assert victim_members(configuration, task, actor(on_gpu=False, memory=1)) == 1


def test_members_in_the_spec_win(tmp_path: Path, task: TaskData) -> None:
    sweep = tiny_sweep(tmp_path, "resources.trial.members_per_actor=1", "resources.evaluator.members_per_actor=7")
    assert trial_members(sweep.configurations[0], task, actor(on_gpu=False, memory=PLENTY)) == 1
    assert victim_members(sweep.configurations[0], task, actor(on_gpu=False, memory=PLENTY)) == 7


@pytest.mark.parametrize(
    ("on_gpu", "slots", "expected"),
    [
        (False, 1, 5),
        (False, 2, 3),  # each core has some four trials
        (False, 100, 1),
        (True, 1, 5),
        (True, 4, 5),  # a GPU likes large stacks
        (True, 8, 5),  # even where some of them stay without one
    ],
)
def test_trials_are_shared_out_among_slots(
    tmp_path: Path, task: TaskData, on_gpu: bool, slots: int, expected: int
) -> None:
    sweep = tiny_sweep(tmp_path, "attack.alpha={grid: [0.1, 0.3, 0.5, 0.7]}", "attack.replicates=5")
    here = offer(on_gpu=on_gpu, slots=slots)
    assert members(sweep, lambda *_: task, here)[0] == expected
    given = tiny_sweep(tmp_path, "attack.replicates=5", "resources.trial.members_per_actor=4")
    assert members(given, lambda *_: task, here)[0] == 4


def test_stacks_are_sized_by_every_data_set_of_a_grid(tmp_path: Path) -> None:
    sized = {}
    for names in ("digits", "mnist-5k", "[digits, mnist-5k]", "[mnist-5k, digits]"):
        names = f"{{grid: {names}}}" if "," in names else names
        sweep = tiny_sweep(tmp_path, f"dataset.name={names}", "attack.replicates=5", "attack.alpha=0.1")
        sized[names] = members(sweep, least_points, offer(memory=2**22))
    small, large, *both = sized.values()
    assert small[0] > large[0]
    assert small[1] > large[1]
    assert both == [large, large]


@pytest.mark.parametrize("widths", ["[[16], [4096, 4096]]", "[[4096, 4096], [16]]"])
def test_the_largest_victim_of_all_variants_counts(tmp_path: Path, task: TaskData, widths: str) -> None:
    (configuration, _) = tiny_sweep(tmp_path, f"evaluation.victim.widths={{grid: {widths}}}").configurations
    assert victim_members(configuration, task, actor(on_gpu=False, memory=3 * PLENTY // 2)) == 2


def test_the_victim_of_a_probe_needs_room_beside_the_generators() -> None:
    stopping, plain = (
        search_of(small_search(**more)).trial(("trial", 0), {"alpha": 0.1, "iterations": 12, "sample_from": "last"})
        for more in (STOPS, {})
    )
    evaluation, points = plain.variants[0].evaluation, least_points(plain.settings.dataset, plain.settings.task)
    victim = victims_bytes(evaluation, plain.settings.task, points.features, 1)
    assert (probe_bytes(stopping, points.features), probe_bytes(plain, points.features)) == (victim, 0)
    two = generators_bytes(plain.settings.attack, plain.settings.task, points.features, 2, poison_set_size(plain))
    just_two = actor(memory=math.ceil((two + 1) / USABLE))
    assert (trial_members(plain, points, just_two), trial_members(stopping, points, just_two)) == (2, 1)
