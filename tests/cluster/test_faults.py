"""Sweeps that something happens to: processes that die, code that fails, losses that are not numbers."""

import json
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from pgan_ray.attacks import Member, PGan
from pgan_ray.cluster import Outcome
from pgan_ray.cluster.worker import Engine
from pgan_ray.results import Store, read_record, read_rows
from pgan_ray.spec import AttackSpec
from pgan_ray.tracking import MemoryTracker
from pgan_ray.tracking.events import SweepFinished, Training
from tests.cluster.faults import InterruptOnce, KillOnce
from tests.tiny import tiny_sweep

Run = Callable[..., Outcome]


def test_a_killed_trial_goes_on_from_its_checkpoint_with_the_same_bits(run: Run, tmp_path: Path) -> None:
    sweep = tiny_sweep(
        tmp_path,
        "attack.alpha=0.5",
        "attack.iterations=1500",
        "attack.discriminator_steps=1",
        "attack.classifier_steps=1",
        "attack.generator.dropout=0.3",
        "resources.checkpoint_every_s=0.2",
        "evaluation.runs=1",
    )
    assert run(sweep, tmp_path / "calm").outcome == "complete"
    checkpoints = tmp_path / "killed" / "tune"
    killer = KillOnce(
        "PGanTrial",
        lambda state: max(state.trials.values()) > 0.3 and any(checkpoints.rglob("state.safetensors")),
    )
    outcome = run(sweep, tmp_path / "killed", progress=killer)
    assert killer.killed is not None, "the trial ended before it could be killed"
    assert outcome.outcome == "complete"
    assert len(outcome.retried) == 1
    assert any("goes on from its last checkpoint" in notice for notice in killer.notices)
    assert_same_generators(tmp_path / "calm", tmp_path / "killed")

    # The same for a sweep that is interrupted, and begun again by another driver.
    resumed = tmp_path / "resumed"
    half = InterruptOnce(
        lambda state: max(state.trials.values()) > 0.3 and any((resumed / "tune").rglob("state.safetensors"))
    )
    assert run(sweep, resumed, progress=half).outcome == "interrupted"
    tracker = MemoryTracker()
    assert run(sweep, resumed, tracker=tracker).outcome == "complete"
    first = next(event for event in tracker.events if isinstance(event, Training))
    assert first.rows[0]["iteration"] > 30  # not from the start
    assert_same_generators(tmp_path / "calm", resumed)


def assert_same_generators(one: Path, other: Path) -> None:
    for replicate in (0, 1):
        file = f"generators/base/r{replicate}/generator.safetensors"
        a, b = load_file(one / file), load_file(other / file)
        assert a.keys() == b.keys()
        assert all(np.array_equal(a[name], b[name]) for name in a)


def test_a_killed_evaluator_costs_no_row_and_makes_none_twice(run: Run, tmp_path: Path) -> None:
    # Long batches: the driver looks, and the killer with it, when one ends or after half a second.
    overrides = ("attack.alpha=0.5", "attack.replicates=1", "evaluation.runs=1", "evaluation.victim.epochs=5000")
    sweep = tiny_sweep(tmp_path, *overrides)
    killer = KillOnce("Evaluator.evaluate", lambda state: state.evaluators > 0)
    outcome = run(sweep, tmp_path / "sweep", progress=killer, members=(1, 2))
    assert killer.killed is not None
    assert outcome.outcome == "complete"
    assert len(outcome.retried) == 1
    assert "batch base/r0/b00" in outcome.retried[0]
    assert read_rows(Store(tmp_path / "sweep")).num_rows == 3


class LosePoison(MemoryTracker):
    """Deletes one replicate's poison set before stage 2 reads it: an error inside the evaluator."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def generator_finished(self, configuration: str, replicate: int) -> None:
        if replicate == 0:
            (self._directory / "generators" / configuration / "r0" / "poison.safetensors").unlink()


def test_an_error_in_a_trial_is_told_with_its_remote_traceback_and_not_tried_again(run: Run, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()

    class Broken(PGan):
        def train(self, iterations: int) -> None:
            if self.members[0].alpha == 0.9:
                calls.joinpath(secrets.token_hex(8)).touch()
                raise ZeroDivisionError("no such thing")
            super().train(iterations)

    outcome = run(tiny_sweep(tmp_path), tmp_path / "sweep", engine=Engine(stack=Broken))
    assert outcome.outcome == "partial"
    (failure,) = outcome.failures
    assert failure.startswith("trial alpha=0.9/r0-1 failed, and with it 12 cells:")
    assert "in train" in failure
    assert "ZeroDivisionError: no such thing" in failure
    assert len(list(calls.iterdir())) == 1
    assert set(read_rows(Store(tmp_path / "sweep"))["configuration"].to_pylist()) == {"alpha=0.1"}


class Makes:
    """Makes stacks, and raises ``error`` where ``fails`` says so of a stack's first member and of how many were made.

    Stacks are made in other processes: files in ``folder`` count them.
    """

    def __init__(self, folder: Path, error: Exception, fails: Callable[[Member, int], bool]) -> None:
        folder.mkdir()
        self._folder, self._error, self._fails = folder, error, fails

    def __call__(self, attack: AttackSpec, members: list[Member], *arguments: object, **options: Any) -> PGan:
        before = self.count(members[0])
        self._folder.joinpath(f"{members[0].alpha} {members[0].replicate} {secrets.token_hex(8)}").touch()
        if self._fails(members[0], before):
            raise self._error
        return PGan(attack, members, *arguments, **options)  # type: ignore[arg-type]

    def count(self, first: Member) -> int:
        """How often the stack of this first member was made."""
        return len(list(self._folder.glob(f"{first.alpha} {first.replicate} *")))


def test_an_error_while_a_stack_is_made_ends_its_trial_at_once(run: Run, tmp_path: Path) -> None:
    makes = Makes(tmp_path / "made", ZeroDivisionError("no such thing"), lambda first, before: True)
    outcome = run(tiny_sweep(tmp_path), tmp_path / "sweep", engine=Engine(stack=makes))
    assert sorted(failure.partition(" failed")[0] for failure in outcome.failures) == [
        "trial alpha=0.1/r0-1",
        "trial alpha=0.9/r0-1",
    ]
    assert all("ZeroDivisionError: no such thing" in failure for failure in outcome.failures)
    assert outcome.retried == []
    assert len(list((tmp_path / "made").iterdir())) == 2


def test_an_error_while_the_stack_of_a_lost_trial_is_made_again_is_told_as_what_it_is(run: Run, tmp_path: Path) -> None:
    sweep = tiny_sweep(tmp_path, "attack.alpha=0.5", "attack.iterations=1500", "resources.checkpoint_every_s=0.2")
    makes = Makes(tmp_path / "made", ZeroDivisionError("no such thing"), lambda first, before: before > 0)
    killer = KillOnce("PGanTrial", lambda state: any((tmp_path / "sweep/tune").rglob("state.safetensors")))
    outcome = run(sweep, tmp_path / "sweep", progress=killer, engine=Engine(stack=makes))
    assert killer.killed is not None, "the trial ended before it could be killed"
    assert len(outcome.retried) == 1
    (failure,) = outcome.failures
    assert "ZeroDivisionError: no such thing" in failure
    assert len(list((tmp_path / "made").iterdir())) == 2


def test_what_may_pass_while_a_stack_is_made_is_tried_again(run: Run, tmp_path: Path) -> None:
    """For the last trial above all: it is given to an actor that has served another one."""
    error = torch.OutOfMemoryError("by others")
    makes = Makes(tmp_path / "made", error, lambda first, before: first.replicate == 1 and before == 0)
    outcome = run(tiny_sweep(tmp_path), tmp_path / "sweep", members=(1, 4), engine=Engine(stack=makes))
    assert outcome.outcome == "complete"
    assert sorted(text.partition(":")[0] for text in outcome.retried) == [
        "trial alpha=0.1/r1-1",
        "trial alpha=0.9/r1-1",
    ]
    assert all(str(error) in text for text in outcome.retried)


def test_an_error_in_an_evaluator_is_told_with_its_remote_traceback_and_costs_its_cells_alone(
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
        assert "read_poison" in failure  # the remote part of the traceback
    rows = read_rows(Store(directory))
    assert set(rows["replicate"].to_pylist()) == {1}
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["cells"] == {"planned": 12, "finished": 6}
    assert len(summary["cells_without_row"]) == 6
    assert all(cell.startswith("base/r0/") for cell in summary["cells_without_row"])


def test_a_diverged_generator_is_an_outcome_and_never_a_result(run: Run, tmp_path: Path) -> None:
    sweep = tiny_sweep(
        tmp_path,
        "attack.generator.optimizer={grid: [{name: sgd, learning_rate: 1.0e+30}, {name: sgd, learning_rate: 0.01}]}",
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

    monkeypatch.setattr("pgan_ray.cluster.driver.write_rows", fail)
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
