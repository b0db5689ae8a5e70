"""Counts against what the engine, the data and the files really have."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pgan_ray.attacks import Member
from pgan_ray.attacks.engines import pgan_work
from pgan_ray.attacks.engines.pgan import METRICS, PGan
from pgan_ray.attacks.engines.pgan_work import generator_weights
from pgan_ray.cost import cell_work, count, fallback_points, kept_size, known_points, sweep_bytes
from pgan_ray.cost.networks import step_work, weights
from pgan_ray.cost.sweep import REPORTS, iterations, mlflow_points
from pgan_ray.data import select_task
from pgan_ray.datasets.load import load_dataset
from pgan_ray.nn import StackedMLP
from pgan_ray.registry import DETECTORS, VICTIMS, ComponentError
from pgan_ray.results import CHANGES, RATES, Change, Estimate, Point
from pgan_ray.spec import DatasetConfig, Sweep, load_sweep
from pgan_ray.tracking.curves import change_metrics, victim_metrics
from tests.results.rows import row
from tests.tiny import dataset_config, tiny_sweep

OF_POISON = ("rejected_poison", "rejected_poison_both", "detector_auc", "poison_variance")
OF_DEFENCES = ("dropped_genuine", "dropped_poison", "relabelled_genuine", "relabelled_poison")
SWEEPS = Path(__file__).parents[2] / "sweeps"


def points_of(dataset: DatasetConfig, task: object) -> object:
    return known_points(dataset)


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return tiny_sweep(tmp_path)


@pytest.mark.parametrize("classes", [[3, 5], [3, 5, 7, 8]])
def test_an_iteration_takes_the_operations_that_the_engine_is_seen_to_do(tmp_path: Path, classes: list[int]) -> None:
    settings = tiny_sweep(tmp_path, f"task.classes={classes}", "evaluation.poison_fractions=[0]").configurations[0]
    attack = settings.settings.attack
    task = select_task(load_dataset(settings.settings.dataset, seed=0), settings.settings.task)
    stack = PGan(attack, [Member(r, 0, attack) for r in range(3)], task, device=torch.device("cpu"))
    with FlopCounterMode(display=False) as counter:
        stack.train(2)
    needed = 3 * 2 * pgan_work.iteration_work(attack, 64, len(classes)).flop
    assert counter.get_total_flops() == pytest.approx(needed, rel=0.05)


def test_weights_are_the_networks_own(sweep: Sweep) -> None:
    attack = sweep.configurations[0].settings.attack.generator.model_copy(update={"batch_norm": True})
    initial = [torch.Generator()]
    network = StackedMLP(8, attack.widths, 64, initial=initial, dropout=0, negative_slope=0, batch_norm=True)
    whole = sweep.configurations[0].settings.attack.model_copy(update={"generator": attack})
    assert generator_weights(whole, 64) == sum(v.numel() for v in network.state_dict().values())
    plain = StackedMLP(8, attack.widths, 64, initial=initial, dropout=0, negative_slope=0)
    assert weights(8, attack, 64) == sum(p.numel() for p in plain.parameters())


@pytest.mark.parametrize("name", ["digits", "gaussians", "mnist-5k"])
def test_sizes_of_the_built_in_data_are_known(name: str) -> None:
    spec = dataset_config(name=name, test_fraction=0.3)
    data, known = load_dataset(spec, seed=0), known_points(spec)
    assert known is not None
    assert known.features == data.train_features.shape[1]
    for label in known.train:
        assert known.train[label] == (data.train_labels == label).sum()
        assert known.test[label] == (data.test_labels == label).sum()


def test_sizes_of_idx_data_add_up() -> None:
    for name in ("mnist", "fashion-mnist"):
        known = known_points(dataset_config(name=name))
        assert known is not None
        assert (sum(known.train.values()), sum(known.test.values())) == (60_000, 10_000)
    assert known_points(dataset_config(path="a.npz")) is None


def test_the_papers_sweep() -> None:
    paper = load_sweep(SWEEPS / "mnist_alpha.yaml")
    settings = paper.configurations[0].settings
    points = known_points(settings.dataset)
    assert points is not None
    assert iterations(settings, points) == 56_000
    cost = count(paper, lambda dataset, task: points)
    assert (cost.configurations, cost.generators, cost.cells) == (6, 25, 2700)
    assert cost.stage1.flop == pytest.approx(25 * 56_000 * 30e9, rel=0.05)
    # 950 of 1,000 points are left after the detectors.
    assert cost.stage2.flop == pytest.approx(2700 * 2000 * 950 * 6.3e6, rel=0.05)
    assert 25 * 5_000_000 < cost.stored_bytes < 25 * 20_000_000
    assert paper.cells * 2 < cost.mlflow_points < 10_000


def test_ten_classes_and_more_points_are_counted() -> None:
    targeted = load_sweep(SWEEPS / "mnist_targeted.yaml").configurations[0]
    binary = load_sweep(SWEEPS / "mnist_alpha.yaml").configurations[0]
    costs = []
    for configuration in (targeted, binary):
        points = known_points(configuration.settings.dataset)
        assert points is not None
        evaluation = configuration.variants[0].evaluation
        costs.append(cell_work(evaluation, configuration.settings.task, points, 0.0))
    # 10,000 points and 1,000 epochs against 1,000 and 2,000.
    assert costs[0].flop == pytest.approx(5 * costs[1].flop, rel=0.02)
    # C of the surrogate tells two classes apart, as in the binary task.
    surrogates = [len(c.settings.task.surrogate.classes) for c in (targeted, binary)]
    assert surrogates == [2, 2]


@pytest.mark.parametrize("victim", ["mlp", "logistic", "linear_svm", "random_forest", "knn", "none"])
@pytest.mark.parametrize("detector", ["knn_distance", "local_outlier_factor", "isolation_forest", "one_class_svm"])
def test_every_kind_takes_something_and_more_points_take_more(tmp_path: Path, victim: str, detector: str) -> None:
    sizes = []
    for size in (20, 60):
        overrides = [f"evaluation.victim.name={victim}", f"evaluation.detector.name={detector}"]
        (first, *_) = tiny_sweep(tmp_path, *overrides, f"evaluation.train_per_class={size}").configurations
        points = known_points(first.settings.dataset)
        assert points is not None
        work = cell_work(first.variants[0].evaluation, first.settings.task, points, 0.0)
        assert (work.flop > 0) == (work.launches > 0) == (victim in ("mlp", "logistic"))
        sizes.append(work.flop + work.host_flop)
    assert 0 < sizes[0] < sizes[1]


def test_what_detectors_leave(tmp_path: Path) -> None:
    (first, *_) = tiny_sweep(tmp_path, "evaluation.placement=add").configurations
    evaluation = first.variants[0].evaluation
    assert [kept_size(evaluation, 2, fraction) for fraction in (0, 0.4)] == [114, 160]
    no_detector = evaluation.model_copy(update={"detector": DETECTORS.config("none")()})
    assert kept_size(no_detector, 2, 0.4) == 168


def test_memory_grows_with_the_stack_and_holds_its_weights() -> None:
    first = load_sweep(SWEEPS / "mnist_alpha.yaml").configurations[0]
    evaluation = first.variants[0].evaluation
    one, ten, ninety = (evaluation.victim.make().stack_bytes(784, 2, members, 950) for members in (1, 10, 90))
    own = 4 * weights(784, evaluation.victim, 1)
    assert 4 * own < one < 10 * own
    assert ten == 10 * one
    # Judging takes as much of 90 as of 10.
    assert (ninety - ten) / 80 < ten / 10
    attack = first.settings.attack
    assert attack.make().stack_bytes(784, 2, 5, 2000) == 5 * attack.make().stack_bytes(784, 2, 1, 2000)


def test_memory_of_generators_is_that_of_their_largest_moment() -> None:
    attack = load_sweep(SWEEPS / "mnist_alpha.yaml").configurations[0].settings.attack
    training = attack.make().stack_bytes(784, 2, 1, 1)
    # Few points of a poison set are nothing beside a step; many are more than all else.
    assert attack.make().stack_bytes(784, 2, 1, 100) == training
    assert attack.make().stack_bytes(784, 2, 1, 100_000) > 2 * 4 * 100_000 * 784 > 5 * training
    # One pass makes the poison of all steps.
    many = attack.model_copy(update={"discriminator_steps": 40})
    assert many.make().stack_bytes(784, 2, 1, 1) - training > 4 * 36 * 200 * 784


def test_memory_of_scikit_learns_victims_is_of_one_at_a_time() -> None:
    evaluation = load_sweep(SWEEPS / "mnist_alpha.yaml").configurations[0].variants[0].evaluation
    forest = evaluation.model_copy(update={"victim": VICTIMS.config("random_forest")()})
    one, ninety = (forest.victim.make().stack_bytes(784, 2, members, 950) for members in (1, 90))
    assert ninety - one == 89 * 4 * 784 * 950


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the peak is the kernel's to begin anew")
@pytest.mark.parametrize("stack", ["victims mnist_alpha quick 10", "generators mnist_alpha quick 5"])
def test_a_real_stack_takes_about_as_much_memory(stack: str) -> None:
    script = SWEEPS.parent / "infra" / "benchmarks" / "memory.py"
    alone = os.environ | {"OMP_NUM_THREADS": "1"}  # each thread has memory of its own
    done = subprocess.run(
        [sys.executable, script, *stack.split()], check=True, capture_output=True, text=True, env=alone
    )
    found = json.loads(done.stdout)
    assert 0.5 < found["peak_mb"] / found["model_mb"] < 1.5


def test_mlflow_points_are_those_that_tracking_writes(sweep: Sweep) -> None:
    import pyarrow as pa

    first = sweep.configurations[0]
    estimate = Estimate(0.1, 0.05, 2, 4)
    points = [
        Point(first.id, "", f, {r: estimate for r in RATES if r not in OF_DEFENCES and (f or r not in OF_POISON)})
        for f in (0, 0.2, 0.4)
    ]
    rows = pa.Table.from_pylist([row()]).select(["replicate", "outcome"])
    effects = [Change(first.id, "", f, "none", dict.fromkeys(CHANGES, estimate)) for f in (0.2, 0.4)]
    written = len(victim_metrics(sweep, first, points, rows, 100, 0))
    written += len(change_metrics(sweep, first, effects, 100, 0))
    assert mlflow_points(first, 60) == written + 2 * REPORTS * len(METRICS)
    assert mlflow_points(first, 7) == written + 2 * 7 * len(METRICS)


def test_a_stack_of_steps_moves_its_weights_several_times(sweep: Sweep) -> None:
    victim = sweep.configurations[0].settings.evaluation.victim
    work = step_work(victim, 64, 2)
    assert work.moved > 5 * 4 * weights(64, victim, 1)
    assert work.intensity == work.flop / work.moved
    stack = work.times(10, launched_once=True)
    assert (stack.flop, stack.launches, stack.intensity) == (10 * work.flop, work.launches, work.intensity)
    assert fallback_points(sweep.configurations[0].settings.task).features == 784


def test_a_sweeps_files_are_those_of_its_configurations() -> None:
    sweep = load_sweep(Path("sweeps/mnist_alpha.yaml"), profile="paper")
    points = known_points(sweep.configurations[0].settings.dataset)
    assert points is not None
    assert sweep_bytes(sweep, lambda dataset, task: points) == count(sweep, lambda dataset, task: points).stored_bytes


def test_clean_victims_are_counted_once_for_all_that_share_them(tmp_path: Path) -> None:
    def victims(*overrides: str, clean_once: bool = True) -> float:
        return count(tiny_sweep(tmp_path, *overrides), points_of, clean_once=clean_once).stage2.flop

    fractions = "evaluation.poison_fractions={}".format
    every, clean = victims(clean_once=False), victims(fractions([0]), clean_once=False)
    assert victims() == pytest.approx(every - clean / 2)  # of two alphas
    assert victims("seed={grid: [0, 1]}") == pytest.approx(2 * victims())  # other seeds, other victims
    assert victims(fractions([0.2, 0.4])) == victims(fractions([0.2, 0.4]), clean_once=False)
    assert victims("attack.replicates={grid: [2, 5]}", fractions([0])) == pytest.approx(5 / 2 * clean / 2)


def test_a_component_that_does_not_say_what_it_takes_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, *sizes: int) -> float:
        raise ZeroDivisionError("no such thing")

    monkeypatch.setattr(DETECTORS.get("knn_distance"), "flop", broken)
    rule = "the detector `knn_distance` must state its cost with its method `flop`, got ZeroDivisionError: no such"
    with pytest.raises(ComponentError, match=rule):
        count(tiny_sweep(tmp_path), points_of)
