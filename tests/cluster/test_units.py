"""The driver's small parts, without a cluster."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ray.tune.search import Searcher

from pgan_ray.cluster import Connection, State
from pgan_ray.cluster.members import members, trial_members, victim_members
from pgan_ray.cluster.search import PlannedTrials
from pgan_ray.cluster.worker import Tasks, dataset_key, prepare
from pgan_ray.cost import least_points
from pgan_ray.data import Dataset, TaskData
from pgan_ray.spec import Configuration
from tests.tiny import tiny_sweep


def suggested(searcher: PlannedTrials, count: int) -> list[object]:
    return [searcher.suggest(f"t{index}") for index in range(count)]


class Cluster(Connection):
    """A connection to nodes that are only described."""

    def __init__(self, nodes: list[dict[str, float]], local_cores: int | None, patch: pytest.MonkeyPatch) -> None:
        super().__init__(local_cores)
        total: dict[str, float] = {}
        for node in nodes:
            for name, amount in node.items():
                total[name] = total.get(name, 0) + amount
        patch.setattr("ray.cluster_resources", lambda: total)
        patch.setattr("ray.nodes", lambda: [{"Alive": True, "Resources": node} for node in nodes])


@pytest.mark.parametrize(
    ("nodes", "local_cores", "trial", "evaluator", "slots", "limit"),
    [
        # A local cluster announces the room of one evaluator on top of its cores.
        ([{"CPU": 3}], 2, {"CPU": 1}, {"CPU": 1}, 2, 2),
        ([{"CPU": 2}], 1, {"CPU": 1}, {"CPU": 1}, 1, 1),
        ([{"CPU": 12}], 8, {"CPU": 1}, {"CPU": 4}, 8, 8),
        ([{"CPU": 5, "GPU": 1}], 4, {"CPU": 1, "GPU": 0.25}, {"CPU": 1, "GPU": 0.25}, 4, 3),
        # A joined one gives up an eighth, and never all.
        ([{"CPU": 1}], None, {"CPU": 1}, {"CPU": 1}, 1, 1),
        ([{"CPU": 8}], None, {"CPU": 1}, {"CPU": 1}, 8, 7),
        ([{"CPU": 8}], None, {"CPU": 1}, {"CPU": 4}, 8, 4),
        ([{"CPU": 8}] * 4, None, {"CPU": 1}, {"CPU": 1}, 32, 28),
        # What only some nodes hold is shared out among those.
        ([{"CPU": 2, "GPU": 1}] * 8 + [{"CPU": 8}], None, {"CPU": 1, "GPU": 0.5}, {"CPU": 1, "GPU": 0.5}, 16, 14),
        # What no single node holds does not fit, however many nodes there are.
        ([{"CPU": 2}] * 4, None, {"CPU": 4}, {"CPU": 1}, 0, 1),
        ([], None, {"CPU": 1}, {"CPU": 1}, 0, 1),
    ],
)
def test_stage_1_leaves_room_for_stage_2(
    nodes: list[dict[str, float]],
    local_cores: int | None,
    trial: dict[str, float],
    evaluator: dict[str, float],
    slots: int,
    limit: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = Cluster(nodes, local_cores, monkeypatch)
    assert (cluster.slots(trial), cluster.trial_limit(trial, evaluator)) == (slots, limit)


def test_a_trial_that_ends_makes_room_and_the_last_one_ends_the_search() -> None:
    searcher = PlannedTrials(["a", "b"], lambda: 1)
    assert suggested(searcher, 2) == [{"trial": "a"}, None]
    searcher.on_trial_complete("t0")
    assert searcher.suggest("t2") == {"trial": "b"}
    searcher.on_trial_complete("t2", error=True)
    assert searcher.suggest("t3") == Searcher.FINISHED


def test_stage_1_grows_with_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 2
    monkeypatch.setattr("pgan_ray.cluster.search.FRESH_S", 0.0)
    searcher = PlannedTrials([f"trial{index}" for index in range(20)], lambda: limit)
    assert sum(s is not None for s in suggested(searcher, 5)) == 2
    limit = 7
    assert sum(searcher.suggest(f"later{index}") is not None for index in range(20)) == 5


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


def test_auto_members_fit_into_memory(configuration: Configuration, task: TaskData) -> None:
    assert trial_members(configuration, task, on_gpu=False, memory=PLENTY) == 2
    assert victim_members(configuration, task, on_gpu=False, memory=PLENTY) == 10
    assert victim_members(configuration, task, on_gpu=True, memory=0) == 100
    assert trial_members(configuration, task, on_gpu=False, memory=1) == 1
    assert victim_members(configuration, task, on_gpu=False, memory=1) == 1


def test_members_in_the_spec_win(tmp_path: Path, task: TaskData) -> None:
    sweep = tiny_sweep(tmp_path, "resources.trial.members_per_actor=1", "resources.evaluator.members_per_actor=7")
    assert trial_members(sweep.configurations[0], task, on_gpu=False, memory=PLENTY) == 1
    assert victim_members(sweep.configurations[0], task, on_gpu=False, memory=PLENTY) == 7


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
    of = {"on_gpu": (on_gpu, on_gpu), "memory": (PLENTY, PLENTY), "slots": slots}
    assert members(sweep, lambda *_: task, **of)[0] == expected
    given = tiny_sweep(tmp_path, "attack.replicates=5", "resources.trial.members_per_actor=4")
    assert members(given, lambda *_: task, **of)[0] == 4


def test_stacks_are_sized_by_every_data_set_of_a_grid(tmp_path: Path) -> None:
    of = {"on_gpu": (False, False), "memory": (2**22, 2**22), "slots": 1}
    sized = {}
    for names in ("digits", "mnist-5k", "[digits, mnist-5k]", "[mnist-5k, digits]"):
        names = f"{{grid: {names}}}" if "," in names else names
        sweep = tiny_sweep(tmp_path, f"dataset.name={names}", "attack.replicates=5", "attack.alpha=0.1")
        sized[names] = members(sweep, least_points, **of)
    small, large, *both = sized.values()
    assert small[0] > large[0]
    assert small[1] > large[1]
    assert both == [large, large]


@pytest.mark.parametrize("widths", ["[[16], [4096, 4096]]", "[[4096, 4096], [16]]"])
def test_the_largest_victim_of_all_variants_counts(tmp_path: Path, task: TaskData, widths: str) -> None:
    (configuration, _) = tiny_sweep(tmp_path, f"evaluation.victim.widths={{grid: {widths}}}").configurations
    assert victim_members(configuration, task, on_gpu=False, memory=3 * PLENTY // 2) == 2


def test_time_left_needs_a_pace_of_each_stage() -> None:
    state = State(generators=2, victims=10, trials={"a": 0.0, "b": 0.0})
    assert state.remaining_s(2) is None
    state.trials["a"], state.trained, state.training_s = 0.5, 0.5, 30.0
    assert state.remaining_s(2) is None
    state.seconds_per_victim = 2.0
    assert state.remaining_s(2) == (1.5 * 60 + 10 * 2) / 2
    state.trials, state.victims_done, state.victims_failed = {"a": 1.0, "b": 1.0}, 9, 1
    assert state.remaining_s(2) == 0


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
    assert torch.equal(surrogate.poison_points, task.poison_points)
    assert surrogate.poison_prior == pytest.approx(len(task.poison_points) / len(surrogate.train_y))

    same = tiny_sweep(tmp_path, *wide).configurations[0].settings
    assert tasks.surrogate_of(same).classes == (8, 5, 3)
    assert tasks.surrogate_of(same) is tasks.of(same)  # no second copy of the data
    assert dataset_key(same) == dataset_key(settings)


def test_a_worker_uses_the_cores_that_it_was_granted() -> None:
    before = torch.get_num_threads()
    try:
        assert prepare(2.0) == torch.device("cuda" if torch.cuda.is_available() else "cpu")
        assert torch.get_num_threads() == 2
        prepare(0.25)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)
