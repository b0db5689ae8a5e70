"""The pool of evaluators, on a real cluster."""

import time
from pathlib import Path

import pytest
import ray
from ray.exceptions import RayError

from pgan_ray.cluster import Connection
from pgan_ray.cluster.stage2 import Stage2Run
from pgan_ray.data import Dataset
from pgan_ray.results import Store
from pgan_ray.runner import BatchFinished
from pgan_ray.runner.cut import Batch, Stage2Cut
from pgan_ray.runner.evaluating import Stage2
from pgan_ray.spec import Sweep, SweepRecord
from tests.tiny import tiny_sweep


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    """Of a baseline, which needs no stage 1."""
    few = "evaluation.poison_fractions=[0, 0.2]"  # there are not many digits to flip
    return tiny_sweep(tmp_path, "attack.name=random_label_flip", "attack.replicates=1", few)


@pytest.fixture
def batches(sweep: Sweep) -> list[Batch]:
    """Of one victim each."""
    return list(Stage2Cut(sweep, 1).batches(sweep.configurations[0], 0))


def stage(sweep: Sweep, folder: Path) -> Stage2:
    return Stage2(SweepRecord("tiny", sweep), Store(folder))


def to_the_end(stage2: Stage2Run, actors: int) -> list[BatchFinished]:
    """Everything that ends, with at most ``actors`` at once."""
    finished: list[BatchFinished] = []
    deadline = time.monotonic() + 60
    try:
        while stage2.busy:
            assert time.monotonic() < deadline, f"{stage2.running} batches were bound to actors without room"
            finished += [event for event in stage2.poll(actors, 0.5) if isinstance(event, BatchFinished)]
    finally:
        stage2.stop()
    return finished


def test_no_batch_waits_for_an_actor_that_has_no_room(
    cluster: Connection, digits: dict[str, Dataset], sweep: Sweep, batches: list[Batch], tmp_path: Path
) -> None:
    # Two may start, as where a trial that is about to end makes room; one can.
    stage2 = Stage2Run(stage(sweep, tmp_path), ray.put(digits), {"CPU": 2.0}, max_failures=0)
    stage2.add(batches)
    finished = to_the_end(stage2, actors=2)
    assert sorted(ended.batch.id for ended in finished) == sorted(batch.id for batch in batches)
    assert [ended.error for ended in finished if ended.rows is None] == []
    assert len({ended.actor for ended in finished}) == 1
    assert [len(ended.rows or ()) for ended in finished] == [1] * len(batches)


def test_evaluators_that_cannot_start_end_stage_2_with_the_remote_error(
    cluster: Connection, sweep: Sweep, batches: list[Batch], tmp_path: Path
) -> None:
    no_stage = object()  # an error of ours: `Evaluator` reads its sweep
    stage2 = Stage2Run(no_stage, ray.put({}), {"CPU": 1.0}, max_failures=3)  # type: ignore[arg-type]
    stage2.add(batches)
    with pytest.raises(RayError, match="AttributeError: 'object' object has no attribute 'record'"):
        to_the_end(stage2, actors=1)


def test_an_error_in_an_evaluator_is_handed_on_with_its_remote_traceback(
    cluster: Connection, digits: dict[str, Dataset], tmp_path: Path
) -> None:
    sweep = tiny_sweep(tmp_path, "attack.alpha=0.5", "attack.replicates=1")
    stage2 = Stage2Run(stage(sweep, tmp_path), ray.put(digits), {"CPU": 1.0}, max_failures=3)
    stage2.add(list(Stage2Cut(sweep, 10).batches(sweep.configurations[0], 0))[:1])  # of a generator that is not there
    (ended,) = to_the_end(stage2, actors=1)
    assert ended.rows is None
    assert "FileNotFoundError" in ended.error
    assert "read_poison" in ended.error
