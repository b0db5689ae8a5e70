"""This machine's pace: every shape is measured, and what was not goes by its operations."""

import multiprocessing
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgan_ray.bench import pace as pace_module
from pgan_ray.bench.kept import keep_pace, kept_pace
from pgan_ray.bench.pace import MeasuredPace, _epoch, chosen_shapes, measure_here, measure_pace
from pgan_ray.bench.shapes import BatchShape, TrialShape, kind
from pgan_ray.bench.stand_in import stand_in_attack, stand_in_task
from pgan_ray.cost import BATCH_S, DEVICES, TRIAL_S, Points, cell_work, known_points, victim_step_work
from pgan_ray.errors import PganRayError
from pgan_ray.forecast.estimate import Plan
from pgan_ray.spec import Configuration, DatasetSpec, load_sweep
from tests.tiny import tiny_sweep

SWEEPS = Path(__file__).parents[2] / "sweeps"


def points_of(dataset: DatasetSpec) -> Points:
    found = known_points(dataset)
    assert found is not None
    return found


def first_of(folder: Path, *overrides: str) -> tuple[Configuration, Points]:
    configuration = tiny_sweep(folder, *overrides).configurations[0]
    return configuration, points_of(configuration.settings.dataset)


def batch_shape(folder: Path, members: int, *overrides: str) -> BatchShape:
    configuration, points = first_of(folder, *overrides)
    return BatchShape(configuration.settings, configuration.variants[0].evaluation, points, members, 0.4)


def test_every_kind_is_measured(tmp_path: Path) -> None:
    configuration, points = first_of(tmp_path)
    victims = ("mlp", "logistic", "random_forest", "none")
    batches = {victim: batch_shape(tmp_path, 3, f"evaluation.victim.name={victim}") for victim in victims}
    shapes = [TrialShape(configuration.settings, points, 2), *batches.values()]
    pace = measure_pace(shapes, processes=1, budget_s=0.1)
    assert set(pace.seconds) == {shape.key for shape in shapes}
    assert pace.trial_s(configuration.settings, points, 2) > TRIAL_S
    for victim, shape in batches.items():
        epoch, cell = pace.seconds[shape.key]
        assert cell > 0
        assert (epoch > 0) == (victim in ("mlp", "logistic"))
        expected = BATCH_S + 3 * cell + shape.epochs * epoch
        assert pace.batch_s(shape.settings, shape.evaluation, points, 3, 0.4) == expected
    assert min(pace.gemm_rate, pace.start_s) > 0


class Deadly(TrialShape):
    """Ends the process that it is sent to, as the system does where memory is short."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (9,)


@dataclass(frozen=True)
class Faulty(TrialShape):
    """Raises in the first process that is to measure it, and in no other."""

    first: Path = Path()

    @property
    def threads(self) -> int:
        if multiprocessing.parent_process() is not None:
            try:
                self.first.touch(exist_ok=False)
            except FileExistsError:
                return 1
            raise ArithmeticError("of this process alone")
        return 1


def test_a_process_that_is_killed_is_told(tmp_path: Path) -> None:
    configuration, points = first_of(tmp_path)
    with pytest.raises(PganRayError, match="each of the 2 processes that measure this machine must live to the end"):
        measure_pace([Deadly(configuration.settings, points, 2)], processes=2, budget_s=0.1)


def test_no_process_waits_for_one_that_failed_and_its_own_error_is_told(tmp_path: Path) -> None:
    configuration, points = first_of(tmp_path)
    with pytest.raises(ArithmeticError, match="of this process alone"):
        measure_pace([Faulty(configuration.settings, points, 2, tmp_path / "first")], processes=2, budget_s=0.1)


def test_processes_that_are_not_ready_together_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration, points = first_of(tmp_path)
    monkeypatch.setattr(pace_module, "JOIN_S", 0.0)
    with pytest.raises(PganRayError, match="each of the 2 processes that measure this machine must be ready within"):
        measure_pace([TrialShape(configuration.settings, points, 2)], processes=2, budget_s=0.1)


def test_a_warm_up_that_outlasts_the_budget_is_followed_by_a_turn_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace_module, "BRIEF_S", 0.0)
    shape = batch_shape(tmp_path, 2)
    assert min(measure_here([shape], budget_s=0.0).seconds[shape.key]) > 0


def test_of_several_threads_the_whole_turn_counts(tmp_path: Path) -> None:
    # Much of a small stack is serial: one of two threads has nothing to do then, and nobody took its core.
    shape = batch_shape(tmp_path, 2, "resources.evaluator.cpu=2")
    assert measure_here([shape], budget_s=0.05).share == 1.0


def test_parts_of_an_epoch_stand_for_its_points_and_a_whole_one_for_itself(tmp_path: Path) -> None:
    shape = batch_shape(tmp_path, 1, "evaluation.victim.batch_size=100", "evaluation.detector.name=none")
    a_step = victim_step_work(shape.network, shape.points.features, 2).flop
    # 120 points: a step of 100 and one of 20.
    assert _epoch(shape, turn_flop=1.5 * a_step).scale == pytest.approx(1.2)
    assert _epoch(shape, turn_flop=2.5 * a_step).scale == 1


def test_here_the_lightest_networks_are_measured_and_others_go_by_their_operations(tmp_path: Path) -> None:
    light = batch_shape(tmp_path, 2)
    heavy = batch_shape(tmp_path, 100, "evaluation.victim.widths=[512, 512]")
    pace = measure_here([heavy, light], budget_s=0.05)
    assert set(pace.seconds) == {light.key}
    alone = measure_here([heavy], budget_s=0.05)
    assert set(alone.seconds) == {heavy.key}
    for found in (pace, alone):
        assert found.batch_s(heavy.settings, heavy.evaluation, heavy.points, 100, 0.4) > BATCH_S


def test_what_takes_much_memory_is_reckoned_and_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = ("attack.generator.widths=[4000000]", "evaluation.victim.widths=[4000000]")
    configuration, points = first_of(tmp_path, *of)
    shapes = [TrialShape(configuration.settings, points, 2), batch_shape(tmp_path, 2, *of)]
    for engine in ("pgan_ray.attacks.engines.pgan.PGan", "pgan_ray.bench.pace.VictimTraining"):
        monkeypatch.setattr(engine, None)
    assert chosen_shapes(shapes) == []
    pace = measure_here(shapes, budget_s=0.05)
    assert pace.seconds == {}
    assert pace.trial_s(configuration.settings, points, 2) > 10
    assert batch_shape(tmp_path, 2).bytes < 10**7
    many_points = batch_shape(tmp_path, 2, "evaluation.poison_set_size=10000000")
    assert chosen_shapes([many_points]) == []


@pytest.mark.parametrize("victim", ["random_forest", "none"])
def test_what_is_not_a_network_goes_by_an_assumed_rate_here(tmp_path: Path, victim: str) -> None:
    shape = batch_shape(tmp_path, 2, f"evaluation.victim.name={victim}")
    pace = measure_here([shape], budget_s=0.05)
    assert pace.seconds == {}
    cell = cell_work(shape.evaluation, shape.settings.task, shape.points, 0.4).host_flop / DEVICES["cpu"].host_rate
    found = pace.batch_s(shape.settings, shape.evaluation, shape.points, 2, 0.4)
    assert found - BATCH_S == pytest.approx(2 * cell)


def test_shapes_that_were_not_measured_go_by_the_nearest(tmp_path: Path) -> None:
    small, large = batch_shape(tmp_path, 2), batch_shape(tmp_path, 8)
    pace = MeasuredPace({small.key: (1.0, 0.5), large.key: (3.0, 0.5)}, (small, large), 1e9, 1.0, 2)
    of = [pace.batch_s(small.settings, small.evaluation, small.points, n, 0.4) for n in (2, 8, 16)]
    assert of[:2] == [BATCH_S + 2 * 0.5 + 20 * 1.0, BATCH_S + 8 * 0.5 + 20 * 3.0]
    assert of[2] == pytest.approx(BATCH_S + 16 * 0.5 + 20 * 6.0)


def test_alphas_share_a_shape_and_widths_do_not(tmp_path: Path) -> None:
    (one, points), (other, _) = first_of(tmp_path), first_of(tmp_path, "attack.alpha=0.7", "attack.iterations=9")
    assert TrialShape(one.settings, points, 2).key == TrialShape(other.settings, points, 2).key
    (wide, _) = first_of(tmp_path, "attack.classifier.widths=[17]")
    assert TrialShape(one.settings, points, 2).key != TrialShape(wide.settings, points, 2).key
    assert batch_shape(tmp_path, 2).key == batch_shape(tmp_path, 2, "evaluation.victim.epochs=9").key
    assert batch_shape(tmp_path, 2).key != batch_shape(tmp_path, 2, "evaluation.victim.batch_size=9").key


def test_more_threads_are_another_shape(tmp_path: Path) -> None:
    one, two = batch_shape(tmp_path, 2), batch_shape(tmp_path, 2, "resources.evaluator.cpu=2")
    assert (one.threads, two.threads) == (1, 2)
    assert one.key != two.key
    assert batch_shape(tmp_path, 2, "resources.evaluator.cpu=0.5").key == one.key


def test_points_in_the_place_of_data_have_its_sizes(tmp_path: Path) -> None:
    configuration, points = first_of(tmp_path)
    task = stand_in_task(configuration.settings.task, points, most=100)
    assert task.train_x.shape == (200, 64)
    assert len(task.test_y) == points.test_points(configuration.settings.task)
    assert (task.classes[task.poison_label], task.classes[task.source_label]) == (5, 3)
    import numpy as np

    attack = stand_in_attack(task, 30)
    assert attack.sample(20, np.random.default_rng(0), np.zeros(0, np.int64)).shape == (20, 64)


def test_a_kept_pace_serves_the_same_shapes_on_the_same_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shapes = chosen_shapes([batch_shape(tmp_path, 2), batch_shape(tmp_path, 6)])
    assert kept_pace(shapes, processes=2) is None
    pace = MeasuredPace({shape.key: (0.1, 0.2) for shape in shapes}, tuple(shapes), 1e9, 2.0, 2)
    keep_pace(pace)
    assert kept_pace(shapes, processes=2) == pace
    assert kept_pace(shapes, processes=1) is None
    assert kept_pace([*shapes, batch_shape(tmp_path, 2, "evaluation.victim.widths=[17]")], processes=2) is None
    monkeypatch.setattr("platform.node", lambda: "elsewhere")
    assert kept_pace(shapes, processes=2) is None


def test_of_many_shapes_some_of_every_kind_are_chosen_and_the_heaviest_first(tmp_path: Path) -> None:
    stacks = [batch_shape(tmp_path, members) for members in range(1, 20)]
    lone = [batch_shape(tmp_path, 1, f"evaluation.victim.name={name}") for name in ("random_forest", "knn")]
    chosen = chosen_shapes([*stacks, *lone, *stacks])
    assert all(shape in chosen for shape in lone)
    assert [shape for shape in chosen if shape not in lone] == [stacks[18], stacks[8]]


@pytest.mark.parametrize("file", sorted(SWEEPS.glob("*.yaml")), ids=lambda file: file.stem)
def test_what_a_plan_measured_of_a_shipped_sweep_serves_each_of_its_profiles(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sweeps = [load_sweep(file, profile=name) for name in ("quick", "paper")]
    of_profiles = [Plan(sweep, (5, 45), lambda dataset, _: points_of(dataset)).shapes() for sweep in sweeps]
    chosen = [shape for shapes in of_profiles for shape in chosen_shapes(shapes)]
    keep_pace(MeasuredPace({shape.key: (0.1, 0.2) for shape in chosen}, tuple(chosen), 1e9, 2.0, 2))
    for shapes in of_profiles:
        found = kept_pace(shapes, processes=2)
        assert found is not None
        assert set(map(kind, shapes)) == set(map(kind, found.shapes))
