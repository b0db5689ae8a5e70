"""The driver's small parts, without a cluster."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ray.tune.search import Searcher

from pgan_ray.cluster import State
from pgan_ray.cluster.members import trial_members, victim_members
from pgan_ray.cluster.search import PlannedTrials
from pgan_ray.cluster.worker import prepare
from pgan_ray.data import TaskData
from pgan_ray.spec import Settings
from tests.tiny import tiny_sweep


def suggested(searcher: PlannedTrials, count: int) -> list[object]:
    return [searcher.suggest(f"t{index}") for index in range(count)]


@pytest.mark.parametrize(("slots", "at_once"), [(0, 1), (1, 1), (2, 1), (3, 2), (8, 7), (16, 14)])
def test_stage_1_leaves_a_share_to_stage_2(slots: int, at_once: int) -> None:
    searcher = PlannedTrials([f"trial{index}" for index in range(20)], lambda: slots)
    assert [s is not None for s in suggested(searcher, 20)] == [True] * at_once + [False] * (20 - at_once)


def test_a_trial_that_ends_makes_room_and_the_last_one_ends_the_search() -> None:
    searcher = PlannedTrials(["a", "b"], lambda: 1)
    assert suggested(searcher, 2) == [{"trial": "a"}, None]
    searcher.on_trial_complete("t0")
    assert searcher.suggest("t2") == {"trial": "b"}
    searcher.on_trial_complete("t2", error=True)
    assert searcher.suggest("t3") == Searcher.FINISHED


def test_stage_1_grows_with_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = 3
    monkeypatch.setattr("pgan_ray.cluster.search.FRESH_S", 0.0)
    searcher = PlannedTrials([f"trial{index}" for index in range(20)], lambda: slots)
    assert sum(s is not None for s in suggested(searcher, 5)) == 2
    slots = 9
    assert sum(searcher.suggest(f"later{index}") is not None for index in range(20)) == 5


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny_sweep(tmp_path).configurations[0].settings


@pytest.fixture
def task() -> TaskData:
    x, y = torch.from_numpy(np.zeros((4, 64), np.float32)), torch.tensor([0, 1, 0, 1])
    return TaskData(
        train_x=x, train_y=y, test_x=x, test_y=y, classes=(3, 5), poison_label=1, source_label=0, image_shape=(8, 8)
    )


def test_auto_members_fit_into_memory(settings: Settings, task: TaskData, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trial_members(settings, task, on_gpu=False, slots=2) == settings.attack.replicates
    assert victim_members(settings, task, on_gpu=False, slots=2) == 10
    assert victim_members(settings, task, on_gpu=True, slots=2) == 100
    monkeypatch.setattr("pgan_ray.cluster.members._memory", lambda *_: 1)
    assert trial_members(settings, task, on_gpu=False, slots=2) == 1
    assert victim_members(settings, task, on_gpu=False, slots=2) == 1


def test_members_in_the_spec_win(tmp_path: Path, task: TaskData) -> None:
    sweep = tiny_sweep(tmp_path, "resources.trial.members_per_actor=1", "resources.evaluator.members_per_actor=7")
    settings = sweep.configurations[0].settings
    assert trial_members(settings, task, on_gpu=False, slots=2) == 1
    assert victim_members(settings, task, on_gpu=False, slots=2) == 7


def test_time_left_needs_a_pace_of_each_stage() -> None:
    state = State(generators=2, victims=10, trials={"a": 0.0, "b": 0.0})
    assert state.remaining_s(2) is None
    state.trials["a"], state.trained, state.training_s = 0.5, 0.5, 30.0
    assert state.remaining_s(2) is None
    state.seconds_per_victim = 2.0
    assert state.remaining_s(2) == (1.5 * 60 + 10 * 2) / 2
    state.trials, state.victims_done, state.victims_failed = {"a": 1.0, "b": 1.0}, 9, 1
    assert state.remaining_s(2) == 0


def test_a_worker_uses_the_cores_that_it_was_granted() -> None:
    before = torch.get_num_threads()
    try:
        assert prepare(2.0) == torch.device("cuda" if torch.cuda.is_available() else "cpu")
        assert torch.get_num_threads() == 2
        prepare(0.25)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
