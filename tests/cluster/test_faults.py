"""Sweeps on Ray that something happens to: processes that die, and what is not tried again."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from pgan_ray.attacks import AttackConfig, Member
from pgan_ray.attacks.engines.pgan import PGan
from pgan_ray.data import Dataset
from pgan_ray.results import Store, read_rows
from pgan_ray.runner import Engine, LocalExecutor
from pgan_ray.tracking import MemoryTracker
from pgan_ray.tracking.events import Training
from tests.cluster.faults import KillOnce
from tests.cluster.metrics import metrics_of
from tests.runner.sweeps import InterruptOnce, Run, run_in
from tests.tiny import tiny_sweep

# Of the sweep whose evaluator is killed, as Prometheus reads them when it is done.
COUNTS = {
    "ray_pgan_generators_total": 1.0,
    "ray_pgan_victims_total complete": 3.0,
    "ray_pgan_retried_total evaluation": 1.0,
    "ray_pgan_batches_waiting": 0.0,
    "ray_pgan_evaluators": 0.0,
}


@pytest.mark.cluster
def test_a_killed_trial_goes_on_from_its_checkpoint_with_the_same_bits(
    run: Run, digits: dict[str, Dataset], tmp_path: Path
) -> None:
    sweep = tiny_sweep(
        tmp_path,
        "attack.alpha=0.5",
        "attack.iterations=6000",  # seconds: a busy driver must see it before its end
        "attack.discriminator_steps=1",
        "attack.classifier_steps=1",
        "attack.generator.dropout=0.3",
        "resources.checkpoint_every_s=0.2",
        "evaluation.runs=1",
    )
    assert run_in(LocalExecutor(), digits, sweep, tmp_path / "calm").outcome == "complete"
    checkpoints = tmp_path / "killed" / "tune"
    killer = KillOnce(
        "GeneratorTrial",
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
    outcome = run(sweep, tmp_path / "sweep", progress=killer, members=(1, 2), sweep_id="counted")
    assert killer.killed is not None
    assert outcome.outcome == "complete"
    assert len(outcome.retried) == 1
    assert "batch base/r0/b00" in outcome.retried[0]
    assert read_rows(Store(tmp_path / "sweep")).num_rows == 3
    assert metrics_of("counted", COUNTS) == COUNTS


class Makes:
    """Makes stacks, and raises ``error`` where ``fails`` says so of a stack's first member and of how many were made.

    Stacks are made in other processes: files in ``folder`` count them.
    """

    def __init__(self, folder: Path, error: Exception, fails: Callable[[Member, int], bool]) -> None:
        folder.mkdir()
        self._folder, self._error, self._fails = folder, error, fails

    def __call__(self, attack: AttackConfig, members: list[Member], *arguments: object, **options: Any) -> PGan:
        before = self.count(members[0])
        self._folder.joinpath(f"{members[0].config.alpha} {members[0].replicate} {secrets.token_hex(8)}").touch()
        if self._fails(members[0], before):
            raise self._error
        return PGan(attack, members, *arguments, **options)  # type: ignore[arg-type]

    def count(self, first: Member) -> int:
        """How often the stack of this first member was made."""
        return len(list(self._folder.glob(f"{first.config.alpha} {first.replicate} *")))


class Breaks(Makes):
    """Makes stacks: that of alpha 0.9 fails while it is made, that of 0.1 while it is trained."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ZeroDivisionError("not made"), lambda first, before: first.config.alpha == 0.9)

    def __call__(self, *arguments: Any, **options: Any) -> PGan:
        made = super().__call__(*arguments, **options)
        made.train = lambda iterations: 1 / 0  # type: ignore[assignment,misc,method-assign]
        return made


def test_an_error_of_our_own_ends_its_trial_at_once_with_its_remote_traceback(run: Run, tmp_path: Path) -> None:
    makes = Breaks(tmp_path / "made")
    outcome = run(tiny_sweep(tmp_path), tmp_path / "sweep", engine=Engine(stack=makes))
    assert outcome.outcome == "partial"
    trained, made = sorted(outcome.failures)
    assert trained.startswith("trial alpha=0.1/r0-1 failed, and with it 12 cells:")
    assert "division by zero" in trained
    assert "in step" in trained
    assert made.startswith("trial alpha=0.9/r0-1 failed, and with it 12 cells:")
    assert "ZeroDivisionError: not made" in made
    assert outcome.retried == []
    assert len(list((tmp_path / "made").iterdir())) == 2


def test_an_error_while_the_stack_of_a_lost_trial_is_made_again_is_told_as_what_it_is(run: Run, tmp_path: Path) -> None:
    sweep = tiny_sweep(tmp_path, "attack.alpha=0.5", "attack.iterations=1500", "resources.checkpoint_every_s=0.2")
    makes = Makes(tmp_path / "made", ZeroDivisionError("no such thing"), lambda first, before: before > 0)
    killer = KillOnce("GeneratorTrial", lambda state: any((tmp_path / "sweep/tune").rglob("state.safetensors")))
    outcome = run(sweep, tmp_path / "sweep", progress=killer, engine=Engine(stack=makes))
    assert killer.killed is not None, "the trial ended before it could be killed"
    assert len(outcome.retried) == 1
    (failure,) = outcome.failures
    assert "ZeroDivisionError: no such thing" in failure
    assert len(list((tmp_path / "made").iterdir())) == 2


@pytest.mark.cluster
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
