"""Stage 1's work: one trial trains a stack of replicates, and leaves its generators in the store."""

import gc
import json
import math
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save_file

from pgan_ray.attacks import Member, TrainedAttack, TrainingPoint, make_attack
from pgan_ray.cost.sweep import REPORTS, SAMPLED_REPORTS, SAMPLES
from pgan_ray.errors import CheckpointError, is_out_of_memory
from pgan_ray.results import (
    PROGRESS_FILE,
    STATE_FILE,
    TRAINING,
    GeneratorFiles,
    GeneratorRecord,
    Store,
    identity,
    other_device,
    read_progress,
    rung_folder,
    write_checkpoint,
    write_generator,
    write_probe,
)
from pgan_ray.runner.cut import Trial
from pgan_ray.runner.machine import device_name
from pgan_ray.runner.probing import Prober
from pgan_ray.runner.timeline import this_actor
from pgan_ray.runner.worker import Engine, Tasks
from pgan_ray.spec import Configuration, SweepRecord


@dataclass(frozen=True)
class Stage1:
    """What all trials share. ``checkpoints``, ``rung``: as those of a `pgan_ray.runner.executor.Job`."""

    record: SweepRecord
    store: Store
    trials: Mapping[str, Trial]
    checkpoints: dict[str, list[str]]
    engine: Engine = field(default_factory=Engine)
    rung: float | None = None

    @cached_property
    def configurations(self) -> dict[str, Configuration]:
        """By id."""
        return {configuration.id: configuration for configuration in self.record.sweep.configurations}


class TrialTraining:
    """The training of one trial, from its newest whole checkpoint on, a report's share at a time."""

    def __init__(self, stage: Stage1, trial: Trial, tasks: Tasks, device: torch.device) -> None:
        self._stage, self._trial, self._device = stage, trial, device
        stage.store.wait_until_available()  # where it is away, checkpoints would look as if cut short
        self._configuration = stage.configurations[trial.configuration]
        settings = self._configuration.settings
        self._task, self._tasks = tasks.surrogate_of(settings), tasks
        attack = make_attack(settings.attack)
        assert isinstance(attack, TrainedAttack)  # the others have no trials
        self._parts = 1  # stacks that the replicates are trained as
        self._notices: list[str] = []
        self._make_stack()
        self._iterations = attack.iterations(self._task)
        self._all_reports = min(REPORTS, self._iterations)
        # No rung where it falls on the end: a training that ends needs no probe.
        rung = None if stage.rung is None else max(1, math.ceil(stage.rung * self._all_reports))
        self._rung = rung if rung is not None and rung < self._all_reports else None
        self._saved_at = time.monotonic()
        self._begin()
        self._go_on()

    def _make_stack(self) -> None:
        """The replicates, about to be trained; as smaller stacks where memory holds no larger one."""
        settings = self._configuration.settings
        members = [Member(r, settings.seed, settings.attack) for r in self._trial.replicates]
        options: dict[str, Any] = {"device": self._device, "precision": settings.precision}
        while True:
            if self._parts > 1:
                options["parts"] = self._parts
            try:
                self._stack = self._stage.engine.stack(settings.attack, members, self._task, **options)
            except RuntimeError as error:
                self._halve(error)
            else:
                return

    def _halve(self, error: RuntimeError) -> None:
        """Let the next stacks be half as large where memory failed: this size would fail again.

        Raises ``error`` at stacks of one, and where it is another.
        """
        if not is_out_of_memory(error) or self._parts >= len(self._trial.replicates):
            raise error
        self._parts = min(2 * self._parts, len(self._trial.replicates))
        reason = str(error).partition("\n")[0]
        self._notices.append(f"{reason}: its replicates are trained again from the start, in {self._parts} stacks")

    def _begin(self) -> None:
        """Nothing is trained yet."""
        self._reports = 0
        self._seconds = 0.0
        self._curve: list[dict[str, Any]] = []
        self._samples: dict[int, torch.Tensor] = {}
        self._keep_samples()

    @property
    def reports(self) -> int:
        """Reports so far."""
        return self._reports

    def _go_on(self) -> None:
        """Take up the newest whole checkpoint of this trial, where the sweep is one that another process began."""
        for folder in self._stage.checkpoints.get(self._trial.id, ()):
            store = self._stage.store
            try:
                tensors = load(store.read(f"{folder}/{STATE_FILE}"))
                progress = read_progress(store.read(f"{folder}/{PROGRESS_FILE}"))
            except (OSError, ValueError, SafetensorError):
                continue  # its copy was cut short
            if self._rung is not None and progress["reports"] > self._rung:
                continue  # its probe is gone
            self._take_parts(progress)
            if self._fits(tensors) or other_device(progress, self._trial.id, self._device.type):
                self._restore(tensors, progress)
                return

    def _take_parts(self, progress: dict[str, Any]) -> None:
        """Have stacks as the checkpoint of ``progress`` has them."""
        if (parts := progress.get("parts", 1)) != self._parts and isinstance(parts, int):
            self._parts = max(1, min(parts, len(self._trial.replicates)))
            self._make_stack()

    def _fits(self, tensors: dict[str, torch.Tensor]) -> bool:
        """Whether ``tensors`` are those of a checkpoint of this trial, by name, shape and type."""

        def kinds(state: dict[str, torch.Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
            return {name: (value.shape, value.dtype) for name, value in state.items()}

        samples = {name: value for name, value in tensors.items() if name.startswith("samples.")}
        found = {name: value for name, value in tensors.items() if name not in samples}
        if kinds(found) != kinds({f"pgan.{name}": value for name, value in self._stack.state().items()}):
            return False
        return all(name.removeprefix("samples.").isdecimal() for name in samples)

    def step(self) -> dict[str, Any]:
        """Train until the next report, and return it.

        The last step leaves the generators in the store, or at a rung a checkpoint and the probe.
        """
        start, began, used = time.monotonic(), time.time(), time.process_time()
        points: list[TrainingPoint] = []
        if self._rung is None or self._reports < self._rung:
            points = self._train()
            self._seconds += time.monotonic() - start
            self._reports += 1
        now_ms = time.time_ns() // 1_000_000
        rows = [
            {"replicate": p.replicate, "iteration": p.iteration, "timestamp_ms": now_ms, "metrics": p.metrics}
            for p in points
        ]
        self._curve += rows
        self._keep_samples()
        all_diverged = len(self._stack.diverged_at) == len(self._stack.members)
        finished = self._stack.iteration >= self._iterations or all_diverged
        if finished:
            self._write()
        elif self._rung is not None and self._reports >= self._rung:
            finished = True
            self._probe()
        due = time.monotonic() - self._saved_at > self._configuration.settings.resources.checkpoint_every_s
        if due:
            self._saved_at = time.monotonic()
        notices, self._notices = self._notices, []
        return {
            "notices": notices,
            "rows": rows,
            "iteration": self._stack.iteration,
            "iterations": self._iterations,
            "finished": finished,
            "should_checkpoint": due and not finished,
            "seconds": time.monotonic() - start,
            "actor": this_actor(),
            "span": (began, time.time(), time.process_time() - used),
        }

    def _train(self) -> list[TrainingPoint]:
        """Up to the next report; from the beginning and in smaller stacks where memory does not hold it."""
        while True:
            target = self._iterations * (self._reports + 1) // self._all_reports
            try:
                self._stack.train(target - self._stack.iteration)
                return self._stack.report()  # type: ignore[no-any-return]  # of any engine
            except RuntimeError as error:
                self._halve(error)
            del self._stack  # and with the error its frames, which hold the rest
            gc.collect()
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            self._make_stack()
            self._begin()

    def _keep_samples(self) -> None:
        if self._reports * REPORTS // self._all_reports in SAMPLED_REPORTS:
            # The same noise each time: the grids show one set of samples as it changes.
            self._samples[self._stack.iteration] = self._stack.sample(SAMPLES, "samples")

    def _poison(self) -> torch.Tensor:
        """(R, P, F), as many points as each variant needs."""
        size = max(variant.evaluation.poison_set_size for variant in self._configuration.variants)
        return self._stack.sample(size, "poison")  # type: ignore[no-any-return]  # of any engine

    def _probe(self) -> None:
        """Keep where the training is, and what it would come to here."""
        stage, trial = self._stage, self._trial
        assert stage.rung is not None  # its caller looked
        name = f"r{trial.replicates[0]}-{trial.replicates[-1]}"
        self.store_checkpoint(f"{rung_folder(trial.configuration)}/{name}/checkpoint_{self._reports:06d}")
        task = self._tasks.of(self._configuration.settings)
        prober = Prober(stage.record, self._configuration, task, stage.engine, self._device, self._notices.append)
        rows = prober.rows(trial.replicates, self._poison())
        write_probe(stage.store, stage.record, trial.configuration, stage.rung, trial.replicates, rows)

    def _write(self) -> None:
        poison = self._poison()
        for index, member in enumerate(self._stack.members):
            diverged_at = self._stack.diverged_at.get(member.replicate)
            finite = bool(poison[index].isfinite().all())
            curve = [
                {k: v for k, v in row.items() if k != "replicate"}
                for row in self._curve
                if row["replicate"] == member.replicate
            ]
            record = GeneratorRecord(
                configuration=self._trial.configuration,
                replicate=member.replicate,
                outcome="complete" if diverged_at is None and finite else "diverged",
                iterations=self._stack.iteration,
                seconds=self._seconds / len(self._stack.members),
                device=device_name(self._device),
                image_shape=self._task.image_shape,
                message="" if diverged_at is None else f"a loss was not finite by iteration {diverged_at}",
                **identity(self._stage.record),
                # Of one that diverged they are no numbers.
                metrics={name: value for name, value in curve[-1]["metrics"].items() if math.isfinite(value)},
            )
            files = GeneratorFiles(
                weights={name: value.numpy() for name, value in self._stack.weights(index).items()},
                architecture=self._stack.architecture() | {"image_shape": self._task.image_shape},
                poison=poison[index].numpy()
                if record.outcome == "complete"
                else np.empty((0, poison.shape[2]), np.float32),
                samples={iteration: points[index].numpy() for iteration, points in self._samples.items()},
                training=pa.Table.from_pylist(curve, schema=TRAINING),
            )
            write_generator(self._stage.store, record, files)

    def save(self, folder: Path) -> None:
        """Write everything that `load` needs, random state included, as safetensors and JSON."""
        tensors = {f"pgan.{name}": value for name, value in self._stack.state().items()}
        tensors |= {f"samples.{iteration}": points for iteration, points in self._samples.items()}
        save_file(tensors, folder / STATE_FILE)
        progress: dict[str, Any] = {**identity(self._stage.record), "trial": self._trial.id}
        progress |= {"device": self._device.type, "parts": self._parts}
        progress |= {"reports": self._reports, "seconds": self._seconds, "curve": self._curve}
        (folder / PROGRESS_FILE).write_text(json.dumps(progress))

    def store_checkpoint(self, place: str) -> None:
        """`save` at ``place`` in the sweep's directory."""
        with tempfile.TemporaryDirectory() as temporary:
            self.save(Path(temporary))
            write_checkpoint(self._stage.store, place, Path(temporary))

    def load(self, folder: Path) -> None:
        """Go on where `save` stood, with the same bits."""
        progress = json.loads((folder / PROGRESS_FILE).read_text())
        self._take_parts(progress)
        self._restore(load_file(folder / STATE_FILE), progress)

    def _restore(self, tensors: dict[str, torch.Tensor], progress: dict[str, Any]) -> None:
        if fault := other_device(progress, self._trial.id, self._device.type):
            raise CheckpointError(fault)
        self._stack.load_state({k.removeprefix("pgan."): v for k, v in tensors.items() if k.startswith("pgan.")})
        self._samples = {
            int(k.removeprefix("samples.")): v for k, v in sorted(tensors.items()) if k.startswith("samples.")
        }
        self._reports, self._seconds, self._curve = (
            progress["reports"],
            progress["seconds"],
            progress["curve"],
        )
