"""Whole sweeps in this process: what the driver does, whoever works for it."""

import json
import re
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from pgan_ray.results import (
    SCORES,
    VICTIMS,
    Store,
    read_poison,
    read_record,
    read_rows,
    read_samples,
    read_training,
    summarise,
)
from pgan_ray.runner import Engine
from pgan_ray.runner.cut import Stage2Cut
from pgan_ray.tracking import MemoryTracker
from pgan_ray.tracking.events import ConfigurationFinished, GeneratorFinished, SweepFinished, SweepStarted, Training
from tests.runner.sweeps import InterruptOnce, Run, without_seconds
from tests.tiny import CELLS, CONFIGURATIONS, GENERATORS, tiny_sweep


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("finished") / "sweep"


@pytest.fixture
def undisturbed(finished: Path, run: Run, tmp_path: Path) -> Path:
    """The directory of a tiny sweep that ran to its end; made once."""
    if not (finished / "summary.json").exists():
        assert run(tiny_sweep(tmp_path), finished).outcome == "complete"
    return finished


def test_every_cell_is_one_row(undisturbed: Path) -> None:
    rows = read_rows(Store(undisturbed))
    assert rows.schema.equals(VICTIMS)
    assert len(set(rows["cell_id"].to_pylist())) == rows.num_rows == CELLS
    assert set(rows["outcome"].to_pylist()) == {"complete"}
    for row in rows.to_pylist():
        assert (row["rejected_poison"] is None) == (row["poison_fraction"] == 0)
        assert 0 <= row["test_error"] <= 1


def test_generators_leave_weights_poison_samples_and_curves(undisturbed: Path) -> None:
    store = Store(undisturbed)
    for configuration in ("alpha=0.1", "alpha=0.9"):
        for replicate in (0, 1):
            record = read_record(store, configuration, replicate)
            assert record is not None
            assert (record.outcome, record.iterations) == ("complete", 60)
            assert read_poison(store, configuration, replicate).shape == (100, 64)
            samples = read_samples(store, configuration, replicate)
            assert [min(samples), max(samples)] == [0, 60]
            training = read_training(store, configuration, replicate)
            assert training["iteration"].to_pylist()[-1] == 60
            assert all(np.isfinite(dict(row["metrics"])["generator_loss"]) for row in training.to_pylist())
    assert not np.array_equal(read_poison(store, "alpha=0.1", 0), read_poison(store, "alpha=0.9", 0))
    assert not np.array_equal(read_poison(store, "alpha=0.1", 0), read_poison(store, "alpha=0.1", 1))


def test_the_summary_counts(undisturbed: Path) -> None:
    summary = json.loads((undisturbed / "summary.json").read_text())
    assert summary["outcome"] == "complete"
    assert summary["generators"] == {"planned": GENERATORS, "finished": GENERATORS}
    assert summary["cells"] == {"planned": CELLS, "finished": CELLS}
    assert len(summary["points"]) == CONFIGURATIONS * 3
    assert not (undisturbed / "tune").exists()


def test_the_timeline_shows_every_trial_and_batch(undisturbed: Path, tmp_path: Path) -> None:
    events = json.loads((undisturbed / "timeline.json").read_text())["traceEvents"]
    names = {event["name"] for event in events}
    assert {name for name in names if name.startswith("generators")} == {
        "generators alpha=0.1/r0-1",
        "generators alpha=0.9/r0-1",
    }
    sweep = tiny_sweep(tmp_path)
    cut = Stage2Cut(sweep, 4)
    batches = {batch.id for c in sweep.configurations for r in (0, 1) for batch in cut.batches(c, r)}
    assert {name for name in names if name.startswith("victims")} == {f"victims {id_}" for id_ in batches}
    actors = json.loads((undisturbed / "summary.json").read_text())["actors"]
    assert actors["slots"] == 1
    assert actors["worked_s"] == pytest.approx(sum(event["dur"] for event in events) / 1e6, abs=0.01)
    assert 0 <= actors["all_busy_until_last_twentieth"] <= 1


def test_what_is_finished_is_not_run_again_and_what_is_missing_comes_out_the_same(
    undisturbed: Path, run: Run, tmp_path: Path
) -> None:
    store = Store(undisturbed)
    before = without_seconds(read_rows(store))
    (kept,) = undisturbed.glob("victims/alpha=0.1/*.parquet")
    written = kept.stat().st_mtime_ns
    next(undisturbed.glob("victims/alpha=0.9/*.parquet")).unlink()
    tracker = MemoryTracker()
    assert run(tiny_sweep(tmp_path), undisturbed, tracker=tracker).outcome == "complete"
    assert without_seconds(read_rows(store)) == before
    assert kept.stat().st_mtime_ns == written
    assert not any(isinstance(event, Training) for event in tracker.events)


def test_each_finished_configuration_is_one_file(undisturbed: Path) -> None:
    names = [str(path.relative_to(undisturbed / "victims")) for path in (undisturbed / "victims").rglob("*")]
    assert sorted(re.sub(r"[0-9a-f]{8}\.", "*.", name) for name in names if "/" in name) == [
        "alpha=0.1/all-*.parquet",
        "alpha=0.9/all-*.parquet",
    ]


@pytest.mark.parametrize("call", ["write", "delete"])
def test_a_sweep_that_ends_while_its_rows_are_put_together_has_nothing_left_to_run(
    run: Run, tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep, directory, real = tiny_sweep(tmp_path, "attack.alpha=0.5"), tmp_path / "sweep", getattr(Store, call)

    def ending(self: Store, name: str, *arguments: object, **options: object) -> None:
        if call == "delete" or "/all-" in name:
            raise KeyboardInterrupt
        real(self, name, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Store, call, ending)
        assert run(sweep, directory).outcome == "interrupted"
    before = read_rows(Store(directory))
    assert before.num_rows == sweep.cells

    def never(*_: object, **__: object) -> NoReturn:
        raise AssertionError("nothing is left to run")

    outcome = run(sweep, directory, engine=Engine(never, never))
    assert (outcome.outcome, outcome.failures) == ("complete", [])
    assert outcome.points == summarise(before)
    assert read_rows(Store(directory)).equals(before)
    assert len(list((directory / "victims").rglob("*.parquet"))) == 1


def test_tracker_hears_of_everything_in_order(run: Run, tmp_path: Path) -> None:
    tracker = MemoryTracker()
    # In the directory's own order: the generator is there when it is told.
    run(tiny_sweep(tmp_path, "attack.alpha=0.5"), tmp_path / "sweep", tracker=tracker)
    kinds = [type(event) for event in tracker.events]
    assert kinds[0] is SweepStarted
    assert kinds[-1] is SweepFinished
    assert [e.replicate for e in tracker.events if isinstance(e, GeneratorFinished)] == [0, 1]
    assert kinds.count(ConfigurationFinished) == 1
    assert kinds.index(Training) < kinds.index(GeneratorFinished) < kinds.index(ConfigurationFinished)
    iterations = [
        row["iteration"] for e in tracker.events if isinstance(e, Training) and e.replicate == 1 for row in e.rows
    ]
    assert iterations[-1] == 60
    assert iterations == sorted(set(iterations))


def test_a_baseline_beside_pgan_and_victims_of_more_classes(undisturbed: Path, run: Run, tmp_path: Path) -> None:
    """One sweep for the grids of both stages: attacks, victims, and generators of a surrogate of two classes."""
    sweep = tiny_sweep(
        tmp_path,
        "attack.alpha=0.1",
        "attack.name={grid: [pgan, random_label_flip]}",
        "task={classes: [3, 5, 8], surrogate_classes: [3, 5]}",
        "evaluation.poison_fractions=[0, 0.1]",
        "evaluation.runs=1",
        "evaluation.victim.name={grid: [mlp, knn]}",
    )
    tracker, directory = MemoryTracker(), tmp_path / "sweep"
    assert run(sweep, directory, tracker=tracker).outcome == "complete"
    store = Store(directory)
    pgan, baseline = (configuration.id for configuration in sweep.configurations)
    assert (pgan, baseline) == ("attack=pgan", "attack=random_label_flip")

    # Stage 1 is pGAN's alone, and as if the victims' third class were not there.
    assert [folder.name for folder in (directory / "generators").iterdir()] == [pgan]
    assert {e.configuration for e in tracker.events if isinstance(e, GeneratorFinished | Training)} == {pgan}
    assert {e.configuration for e in tracker.events if isinstance(e, ConfigurationFinished)} == {pgan, baseline}
    for replicate in (0, 1):
        expected = read_poison(Store(undisturbed), "alpha=0.1", replicate)
        assert np.array_equal(read_poison(store, pgan, replicate), expected)
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["generators"] == {"planned": 2, "finished": 2}
    assert summary["cells"] == {"planned": 16, "finished": 16}

    rows = read_rows(store).to_pylist()
    assert {(row["attack"], row["victim"], dict(row["attack_parameters"]).get("alpha")) for row in rows} == {
        (attack, victim, alpha)
        for attack, alpha in (("pgan", 0.1), ("random_label_flip", None))
        for victim in ("mlp", "knn")
    }
    assert {row["outcome"] for row in rows} == {"complete"}
    by_cell = {row["cell_id"]: row for row in rows}
    for row in rows:
        matrix = np.array(row["confusion"])
        assert matrix.shape == (3, 3)
        assert row["test_error"] == pytest.approx(1 - matrix.trace() / matrix.sum())
        assert row["false_positive_rate"] == pytest.approx(matrix[0, 1] / matrix[0].sum())
        assert row["boundary"] is None
        if row["poison_fraction"] == 0:  # clean: whoever would attack, filters and k-NN do not know it
            other = by_cell[row["cell_id"].replace(row["configuration"], pgan)]
            assert (row["train_size"], row["rejected_genuine"]) == (other["train_size"], other["rejected_genuine"])
            assert row["victim"] == "mlp" or row["confusion"] == other["confusion"]


def test_baselines_alone_need_no_stage_1(run: Run, tmp_path: Path) -> None:
    """And one sweep for what detectors and the absence of victims make of rows."""
    sweep = tiny_sweep(
        tmp_path,
        "attack.name={grid: [nearest_label_flip, none]}",
        "evaluation.runs=1",
        "evaluation.poison_fractions=[0, 0.2]",
        "evaluation.detector.name={grid: [none, sphere]}",
        "evaluation.detector.percentile={grid: [0.8, 0.95]}",
        "evaluation.victim.name={grid: [logistic, none]}",
    )
    directory, tracker = tmp_path / "sweep", MemoryTracker()
    assert run(sweep, directory, tracker=tracker).outcome == "complete"
    assert sorted(path.name for path in directory.iterdir()) == ["summary.json", "timeline.json", "victims"]
    assert not any(isinstance(event, GeneratorFinished | Training) for event in tracker.events)
    assert sum(isinstance(event, ConfigurationFinished) for event in tracker.events) == 2
    store = Store(directory)
    rows = read_rows(store).to_pylist()
    # (none; sphere at two percentiles) x two victims, of two attacks with two replicates each, at two fractions.
    assert len(rows) == sweep.cells == 3 * 2 * 2 * 2 * 2
    assert {(row["detector"], row["percentile"]) for row in rows} == {("none", None), ("sphere", 0.8), ("sphere", 0.95)}
    rejected: dict[float | None, list[float]] = {}
    for row in rows:
        assert row["outcome"] == "complete"
        assert not row["attack_parameters"]
        assert (row["rejected_poison"] is None) == (row["poison_fraction"] == 0)
        scored = [row[name] is not None for name in (*SCORES, "confusion")]
        assert scored == [row["victim"] == "logistic"] * 4
        assert row["train_size"] > 0
        rejected.setdefault(row["percentile"], []).append(row["rejected_genuine"])
    assert set(rejected[None]) == {0.0}
    assert np.mean(rejected[0.8]) > np.mean(rejected[0.95]) > 0

    before = without_seconds(read_rows(store))
    next(directory.glob("victims/attack=none/all-*.parquet")).unlink()
    assert run(sweep, directory).outcome == "complete"
    assert without_seconds(read_rows(store)) == before


def test_interrupt_keeps_what_is_finished_and_a_second_run_completes_it(run: Run, tmp_path: Path) -> None:
    sweep, directory = tiny_sweep(tmp_path), tmp_path / "sweep"
    interrupted = run(sweep, directory, progress=InterruptOnce(lambda state: state.victims_done > 0))
    assert interrupted.outcome == "interrupted"
    kept = read_rows(Store(directory)).num_rows
    assert 0 < kept < CELLS
    assert json.loads((directory / "summary.json").read_text())["outcome"] == "interrupted"
    assert run(sweep, directory).outcome == "complete"
    assert read_rows(Store(directory)).num_rows == CELLS
