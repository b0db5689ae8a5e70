"""Sweeps that something happens to: code that fails, losses that are not numbers, an interrupt."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from pgan_ray.attacks import AttackConfig, Member, train_stack
from pgan_ray.attacks.engines.pgan import PGan
from pgan_ray.errors import SpecError
from pgan_ray.results import Store, keep_secret, read_record, read_rows
from pgan_ray.runner import Engine
from pgan_ray.tracking import MemoryTracker
from pgan_ray.tracking.events import SweepFinished, Training
from tests.runner.sweeps import InterruptOnce, Run
from tests.tiny import tiny_sweep


def test_an_interrupted_trial_goes_on_from_its_checkpoint_with_the_same_bits(run: Run, tmp_path: Path) -> None:
    sweep = tiny_sweep(
        tmp_path,
        "attack.alpha=0.5",
        "attack.generator.dropout=0.3",
        "resources.checkpoint_every_s=1e-9",
        "evaluation.runs=1",
    )
    assert run(sweep, tmp_path / "calm").outcome == "complete"
    resumed = tmp_path / "resumed"
    half = InterruptOnce(lambda state: max(state.trials.values()) > 0.5)
    assert run(sweep, resumed, progress=half).outcome == "interrupted"
    assert len(list(resumed.rglob("progress.json"))) == 1, "the newest alone is kept"
    assert read_record(Store(resumed), "base", 0) is None
    tracker = MemoryTracker()
    assert run(sweep, resumed, tracker=tracker).outcome == "complete"
    first = next(event for event in tracker.events if isinstance(event, Training))
    assert first.rows[0]["iteration"] > 30  # not from the start
    for replicate in (0, 1):
        file = f"generators/base/r{replicate}/generator.safetensors"
        assert (tmp_path / "calm" / file).read_bytes() == (resumed / file).read_bytes()
    assert not (resumed / "tune").exists()


def test_a_checkpoint_of_another_kind_of_device_is_refused_before_the_start(run: Run, tmp_path: Path) -> None:
    """Its random state would not fit, and the bits would not be those of one kind."""
    sweep = tiny_sweep(tmp_path, "attack.alpha=0.5", "resources.checkpoint_every_s=1e-9", "evaluation.runs=1")
    half = InterruptOnce(lambda state: max(state.trials.values()) > 0.5)
    assert run(sweep, tmp_path / "sweep", progress=half).outcome == "interrupted"
    (progress,) = (tmp_path / "sweep").rglob("progress.json")
    found = json.loads(progress.read_text())
    assert found["device"] == "cpu"
    progress.write_text(json.dumps(found | {"device": "cuda"}))
    with pytest.raises(SpecError, match=r"trial base/r0-1: must continue on .*, a GPU, got a CPU: resume there"):
        run(sweep, tmp_path / "sweep")
    progress.write_text(json.dumps(found))
    assert run(sweep, tmp_path / "sweep").outcome == "complete"


class Narrow:
    """A stack whose memory holds so many members, as a GPU's would."""

    def __init__(self, most: int, error: Exception) -> None:
        self.most, self.sizes, self.error = most, [], error

    def __call__(self, config: Any, members: Any, task: Any, *, parts: int = 1, **options: Any) -> Any:
        self.sizes.append(-(-len(members) // parts))
        stack = train_stack(config, members, task, parts=parts, **options)
        train = stack.train

        def out_of_memory(iterations: int) -> None:
            if self.sizes[-1] > self.most:
                raise self.error
            train(iterations)

        stack.train = out_of_memory
        return stack


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nand more"),
        torch.AcceleratorError("CUDA error: out of memory\nand more"),
    ],
    ids=["the allocator's", "a graph's"],
)
def test_a_stack_that_memory_does_not_hold_is_halved_and_said(run: Run, tmp_path: Path, error: Exception) -> None:
    sweep = tiny_sweep(tmp_path, "attack.alpha=0.5", "attack.replicates=5", "evaluation.runs=1")
    assert run(sweep, tmp_path / "calm", members=(5, 3)).outcome == "complete"
    narrow = Narrow(2, error)
    outcome = run(sweep, tmp_path / "sweep", members=(5, 3), engine=Engine(stack=narrow))
    assert (outcome.outcome, outcome.failures) == ("complete", [])
    assert narrow.sizes == [5, 3, 2]
    said = f"trial base/r0-4: {str(error).partition(chr(10))[0]}: its replicates are trained again from the start, in"
    assert outcome.retried == [f"{said} 2 stacks", f"{said} 4 stacks"]
    for replicate in range(5):
        file = f"generators/base/r{replicate}/poison.safetensors"
        assert (tmp_path / "calm" / file).read_bytes() == (tmp_path / "sweep" / file).read_bytes()

    hopeless = run(sweep, tmp_path / "none", members=(5, 3), engine=Engine(stack=Narrow(0, error)))
    assert hopeless.outcome == "partial"
    assert "out of memory" in hopeless.failures[0]


class LosePoison(MemoryTracker):
    """Deletes one replicate's poison set before stage 2 reads it: an error inside the evaluator."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def generator_finished(self, configuration: str, replicate: int) -> None:
        if replicate == 0:
            (self._directory / "generators" / configuration / "r0" / "poison.safetensors").unlink()


def test_an_error_in_a_trial_is_told_with_its_traceback_and_costs_its_cells_alone(run: Run, tmp_path: Path) -> None:
    class Broken(PGan):
        def train(self, iterations: int) -> None:
            if self.members[0].config.alpha == 0.9:
                raise ZeroDivisionError("no such thing")
            super().train(iterations)

    outcome = run(tiny_sweep(tmp_path), tmp_path / "sweep", engine=Engine(stack=Broken))
    assert outcome.outcome == "partial"
    (failure,) = outcome.failures
    assert failure.startswith("trial alpha=0.9/r0-1 failed, and with it 12 cells:")
    assert "in train" in failure
    assert "ZeroDivisionError: no such thing" in failure
    assert set(read_rows(Store(tmp_path / "sweep"))["configuration"].to_pylist()) == {"alpha=0.1"}


def test_an_error_that_quotes_a_secret_is_told_without_it(run: Run, tmp_path: Path) -> None:
    def makes(*_: Any, **__: Any) -> PGan:
        raise PermissionError("cannot connect with 'it\\'s a pass/word'")

    keep_secret("http://me:it's a pass/word@host")
    sweep = tiny_sweep(tmp_path)
    outcome = run(sweep, tmp_path / "sweep", engine=Engine(stack=makes))
    assert "PermissionError: cannot connect with '***'" in outcome.failures[0]
    for file in (tmp_path / "sweep").glob("*.*"):
        assert b"pass/word" not in file.read_bytes()


def test_an_error_while_a_stack_is_made_costs_its_trial_alone(run: Run, tmp_path: Path) -> None:
    def makes(attack: AttackConfig, members: list[Member], *arguments: Any, **options: Any) -> PGan:
        if members[0].config.alpha == 0.9:
            raise ZeroDivisionError("no such thing")
        return PGan(attack, members, *arguments, **options)

    outcome = run(tiny_sweep(tmp_path), tmp_path / "sweep", engine=Engine(stack=makes))
    (failure,) = outcome.failures
    assert failure.startswith("trial alpha=0.9/r0-1 failed, and with it 12 cells:")
    assert "ZeroDivisionError: no such thing" in failure
    assert read_rows(Store(tmp_path / "sweep")).num_rows == 12


def test_an_error_in_an_evaluator_is_told_with_its_traceback_and_costs_its_cells_alone(
    run: Run, tmp_path: Path
) -> None:
    directory = tmp_path / "sweep"
    outcome = run(tiny_sweep(tmp_path, "attack.alpha=0.5"), directory, tracker=LosePoison(directory))
    assert outcome.outcome == "partial"
    assert outcome.can_go_on
    assert len(outcome.failures) == 6  # the batches of the replicate, of a cell each, in the order of their end
    for batch, failure in enumerate(sorted(outcome.failures)):
        assert re.match(rf"batch base/r0/b00{batch}-\w+ failed, and with it 1 cell:", failure)
        assert "FileNotFoundError" in failure
        assert "read_poison" in failure
    rows = read_rows(Store(directory))
    assert set(rows["replicate"].to_pylist()) == {1}
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["cells"] == {"planned": 12, "finished": 6}
    assert len(summary["cells_without_row"]) == 6
    assert all(cell.startswith("base/r0/") for cell in summary["cells_without_row"])


def test_a_diverged_generator_is_an_outcome_and_never_a_result(run: Run, tmp_path: Path) -> None:
    sweep = tiny_sweep(
        tmp_path,
        "attack.generator.optimizer={grid: [{name: sgd, learning_rate: 1.0e+9}, {name: sgd, learning_rate: 0.01}]}",
        "attack.generator.output=linear",
        "attack.alpha=0.5",
        "attack.replicates=1",
    )
    outcome = run(sweep, tmp_path / "sweep")
    wild, tame = (configuration.id for configuration in sweep.configurations)
    store = Store(tmp_path / "sweep")
    assert outcome.outcome == "partial"
    assert not outcome.can_go_on, "it would diverge again"
    record = read_record(store, wild, 0)
    assert record is not None
    assert record.outcome == "diverged"
    assert record.iterations < 60  # no time is spent on a stack with nobody left in it
    assert outcome.diverged == [f"generator {wild}/r0: {record.message}"]
    by_outcome = {row["configuration"]: row for row in read_rows(store).to_pylist()}
    assert by_outcome[wild]["outcome"] == "diverged"
    assert by_outcome[wild]["test_error"] is None
    assert by_outcome[tame]["outcome"] == "complete"


@pytest.mark.parametrize(
    ("error", "has_traceback"),
    [(OSError(28, "No space left on device"), False), (RuntimeError("a fault of ours"), True)],
)
def test_an_error_in_the_driver_is_told_and_keeps_what_is_finished(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, has_traceback: bool
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("pgan_ray.runner.driver.write_rows", fail)
    tracker = MemoryTracker()
    outcome = run(tiny_sweep(tmp_path, "attack.alpha=0.5"), tmp_path / "sweep", tracker=tracker)
    assert outcome.outcome == "failed"
    assert str(error) in outcome.failures[0]
    assert ("Traceback" in outcome.failures[0]) == has_traceback
    assert outcome.can_go_on
    assert tracker.events[-1] == SweepFinished("failed")
    summary = json.loads((tmp_path / "sweep" / "summary.json").read_text())
    assert summary["outcome"] == "failed"
    assert len(summary["cells_without_row"]) == 12
    assert read_record(Store(tmp_path / "sweep"), "base", 0) is not None


def test_a_full_disk_ends_the_sweep_at_once(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Member] = []

    def fills(attack: AttackConfig, members: list[Member], *arguments: Any, **options: Any) -> PGan:
        made.extend(members)
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("pgan_ray.runner.disk._is_full", lambda store: True)
    outcome = run(tiny_sweep(tmp_path), tmp_path / "sweep", engine=Engine(stack=fills))
    assert outcome.outcome == "failed"
    assert [member.replicate for member in made] == [0, 1], "the second trial would fail as well"
    assert "must have free space left" in outcome.failures[0]
    assert outcome.can_go_on
