"""Stage 1: the Tune trainable. A trial trains a stack of replicates and leaves its generators in the store."""

import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import torch
from ray import tune
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save_file

from pgan_ray.attacks import Member
from pgan_ray.cluster.plan import Trial
from pgan_ray.cluster.timeline import this_actor
from pgan_ray.cluster.worker import WORTH_RETRYING, Engine, Tasks, prepare
from pgan_ray.cost import storage
from pgan_ray.results import TRAINING, GeneratorFiles, GeneratorRecord, Store, write_generator
from pgan_ray.spec import SweepRecord

# Reports of one training. Each costs some milliseconds here and at the driver; a training takes minutes or more.
REPORTS = storage.REPORTS
SAMPLED_REPORTS = (0, 5, 10, 20, 35, 50)  # after how many reports samples are kept
SAMPLES = 64
TUNE_FOLDER = "tune"  # of a sweep's directory: what Tune keeps, checkpoints among it
STATE_FILE, PROGRESS_FILE = "state.safetensors", "progress.json"


@dataclass(frozen=True)
class Stage1:
    """What all trials share."""

    record: SweepRecord
    store: Store
    trials: dict[str, Trial]
    datasets: Any  # a reference into the object store: one copy on each node, which its workers share
    checkpoints: dict[str, list[str]]  # as `find_checkpoints` found them
    engine: Engine = field(default_factory=Engine)


def find_checkpoints(store: Store) -> dict[str, list[str]]:
    """The checkpoints that an interrupted sweep left: trial id -> folders, the newest first."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in store.names(TUNE_FOLDER, PROGRESS_FILE):
        try:
            progress = json.loads(store.read(name))
        except ValueError:
            continue  # its copy was cut short
        found.setdefault(progress["trial"], []).append((progress["reports"], name.rpartition("/")[0]))
    return {trial: [folder for _, folder in sorted(folders, reverse=True)] for trial, folders in found.items()}


class PGanTrial(tune.Trainable):  # type: ignore[misc]  # ray has no types
    """Trains the replicates of one `Trial` as one stack; a Tune iteration is one report's share of the training."""

    def setup(self, config: dict[str, Any], stage: Stage1) -> None:
        """Serve a trial, in a new process."""
        self._stage = stage
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Serve another trial: a new process would spend seconds on imports.

        The work waits for the first step: until Tune sees the trial run, a lost process or store would end it for good.
        """
        self._config = new_config
        self._failure: Exception | None = None
        self._told = self._begun = False
        return True

    def _ready(self) -> None:
        if not self._begun:
            self._begin(self._config)
            self._begun = True

    @cached_property
    def _tasks(self) -> Tasks:
        return Tasks(ray.get(self._stage.datasets))

    def _begin(self, config: dict[str, Any]) -> None:
        self._stage.store.knock()  # where it is away, checkpoints would look as if cut short
        self._trial = self._stage.trials[config["trial"]]
        sweep = self._stage.record.sweep
        self._configuration = next(c for c in sweep.configurations if c.id == self._trial.configuration)
        settings = self._configuration.settings
        self._device = prepare(settings.resources.trial.cpu)
        self._task = self._tasks.surrogate_of(settings)
        attack = settings.attack
        members = [Member(r, *attack.weights, settings.seed) for r in self._trial.replicates]
        self._pgan = self._stage.engine.stack(
            attack, members, self._task, device=self._device, precision=settings.precision
        )
        self._iterations = attack.resolve_iterations(len(self._task.poison_points))
        self._reports = 0
        self._seconds = 0.0
        self._curve: list[dict[str, Any]] = []
        self._samples: dict[int, torch.Tensor] = {}
        self._saved_at = time.monotonic()
        self._keep_samples()
        self._go_on()

    def _go_on(self) -> None:
        """Take up the newest whole checkpoint of this trial, where the sweep is one that another process began.

        Tune's own recovery, of a trial that is lost while the sweep runs, brings its checkpoint afterwards.
        """
        for folder in self._stage.checkpoints.get(self._trial.id, ()):
            store = self._stage.store
            try:
                tensors = load(store.read(f"{folder}/{STATE_FILE}"))
                progress = json.loads(store.read(f"{folder}/{PROGRESS_FILE}"))
            except (OSError, ValueError, SafetensorError):
                continue  # its copy was cut short
            self._restore(tensors, progress)
            return

    def step(self) -> dict[str, Any]:
        """Train until the next report. The last step leaves the generators in the store.

        An error of our own code is reported before it is raised, so that Tune is told not to try again: it would come
        again. What `WORTH_RETRYING` names may be over by then.
        """
        if self._failure is None:
            try:
                self._ready()
                return self._step()
            except WORTH_RETRYING:
                raise
            except Exception as error:
                self._failure = error
        if not self._told:
            self._told = True
            return {"failed": True, "finished": False, "done": False, "should_checkpoint": False}
        raise self._failure

    def _step(self) -> dict[str, Any]:
        start, began, used = time.monotonic(), time.time(), time.process_time()
        total = min(REPORTS, self._iterations)
        target = self._iterations * (self._reports + 1) // total
        self._pgan.train(target - self._pgan.iteration)
        points = self._pgan.report()
        self._seconds += time.monotonic() - start
        self._reports += 1
        now_ms = time.time_ns() // 1_000_000
        rows = [
            {"replicate": p.replicate, "iteration": p.iteration, "timestamp_ms": now_ms, **p.metrics} for p in points
        ]
        self._curve += rows
        self._keep_samples()
        all_diverged = len(self._pgan.diverged_at) == len(self._pgan.members)
        finished = self._pgan.iteration >= self._iterations or all_diverged
        if finished:
            self._write()
        due = time.monotonic() - self._saved_at > self._configuration.settings.resources.checkpoint_every_s
        if due:
            self._saved_at = time.monotonic()
        return {
            "rows": rows,
            "iteration": self._pgan.iteration,
            "iterations": self._iterations,
            "finished": finished,
            "done": finished,
            "should_checkpoint": due and not finished,
            "time_this_iter_s": time.monotonic() - start,  # Tune would count the making of the stack
            "actor": this_actor(),
            "span": (began, time.time(), time.process_time() - used),
        }

    def _keep_samples(self) -> None:
        if self._reports * REPORTS // min(REPORTS, self._iterations) in SAMPLED_REPORTS:
            # The same noise each time: the grids show one set of samples as it changes.
            self._samples[self._pgan.iteration] = self._pgan.sample(SAMPLES, "samples")

    def _write(self) -> None:
        size = max(variant.evaluation.poison_set_size for variant in self._configuration.variants)
        poison = self._pgan.sample(size, "poison")
        network = self._pgan.sampling_generator()
        for index, member in enumerate(self._pgan.members):
            diverged_at = self._pgan.diverged_at.get(member.replicate)
            finite = bool(poison[index].isfinite().all())
            record = GeneratorRecord(
                configuration=self._trial.configuration,
                replicate=member.replicate,
                outcome="complete" if diverged_at is None and finite else "diverged",
                iterations=self._pgan.iteration,
                seconds=self._seconds / len(self._pgan.members),
                device=str(self._device),
                image_shape=self._task.image_shape,
                message="" if diverged_at is None else f"a loss was not finite by iteration {diverged_at}",
            )
            curve = [
                {k: v for k, v in row.items() if k != "replicate"}
                for row in self._curve
                if row["replicate"] == member.replicate
            ]
            files = GeneratorFiles(
                weights={name: value.numpy() for name, value in network.member_state(index).items()},
                architecture=self._pgan.architecture() | {"image_shape": self._task.image_shape},
                poison=poison[index].numpy()
                if record.outcome == "complete"
                else np.empty((0, poison.shape[2]), np.float32),
                samples={iteration: points[index].numpy() for iteration, points in self._samples.items()},
                training=pa.Table.from_pylist(curve, schema=TRAINING),
            )
            write_generator(self._stage.store, record, files)

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Everything, random state included, as safetensors and JSON.

        Tune uploads it, and does not try twice: while the store is away, each attempt would count as a failure of the
        trial's.
        """
        self._stage.store.knock()
        tensors = {f"pgan.{name}": value for name, value in self._pgan.state().items()}
        tensors |= {f"samples.{iteration}": points for iteration, points in self._samples.items()}
        save_file(tensors, Path(checkpoint_dir, STATE_FILE))
        progress = {"trial": self._trial.id, "reports": self._reports, "seconds": self._seconds, "curve": self._curve}
        Path(checkpoint_dir, PROGRESS_FILE).write_text(json.dumps(progress))

    def restore(self, checkpoint_path: Any) -> None:
        """Tune's own; it looks for the checkpoint once, so the store must answer by then."""
        self._stage.store.knock()
        super().restore(checkpoint_path)

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Go on where `save_checkpoint` stood, with the same bits."""
        try:
            self._ready()
        except WORTH_RETRYING:
            raise
        except Exception as error:
            self._failure = error  # the next step tells
            return
        progress = json.loads(Path(checkpoint_dir, PROGRESS_FILE).read_text())
        self._restore(load_file(Path(checkpoint_dir, STATE_FILE)), progress)

    def _restore(self, tensors: dict[str, torch.Tensor], progress: dict[str, Any]) -> None:
        self._pgan.load_state({k.removeprefix("pgan."): v for k, v in tensors.items() if k.startswith("pgan.")})
        self._samples = {
            int(k.removeprefix("samples.")): v for k, v in sorted(tensors.items()) if k.startswith("samples.")
        }
        self._reports, self._seconds, self._curve = progress["reports"], progress["seconds"], progress["curve"]
