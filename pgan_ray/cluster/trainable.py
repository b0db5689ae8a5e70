"""Stage 1 on Ray: the Tune trainable, which serves one trial after the other."""

from pathlib import Path
from typing import Any

import ray
from ray import tune

from pgan_ray.cluster.errors import is_worth_retrying
from pgan_ray.data import Dataset
from pgan_ray.runner.training import Stage1, TrialTraining
from pgan_ray.runner.worker import Tasks, prepare


class GeneratorTrial(tune.Trainable):  # type: ignore[misc]  # ray has no types
    """Trains the replicates of one `Trial`; a Tune iteration is one report's share of the training."""

    def setup(self, config: dict[str, Any], stage: Stage1, datasets: dict[str, Dataset]) -> None:
        """Serve a trial, in a new process. ``datasets`` are in the object store: one copy on each node."""
        self._stage, self._tasks = stage, Tasks(datasets)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Serve another trial: a new process would spend seconds on imports.

        The work waits for the first step: until Tune sees the trial run, a lost process or store would end it for good.
        """
        self._config = new_config
        self._failure: Exception | None = None
        self._training: TrialTraining | None = None
        self._told = False
        return True

    def _ready(self) -> TrialTraining:
        """The training. Tune's own recovery, of a trial that is lost, brings its checkpoint afterwards."""
        if self._training is None:
            trial = self._stage.trials[self._config["trial"]]
            resources = self._stage.record.sweep.resources
            device = prepare(resources.trial, resources, gpu=bool(ray.get_gpu_ids()))
            self._training = TrialTraining(self._stage, trial, self._tasks, device)
        return self._training

    def step(self) -> dict[str, Any]:
        """Train until the next report.

        An error of our own code is reported before it is raised, so that Tune is told not to try again: it would come
        again. What is worth a retry may be over by then.
        """
        if self._failure is None:
            try:
                report = self._ready().step()
            except Exception as error:
                if is_worth_retrying(error):
                    raise
                self._failure = error
            else:
                # The step's own time: Tune would count the making of the stack.
                return {**report, "done": report["finished"], "time_this_iter_s": report["seconds"]}
        if not self._told:
            self._told = True
            return {"failed": True, "finished": False, "done": False, "should_checkpoint": False}
        raise self._failure

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Everything that the trial needs to go on.

        Tune uploads it, and does not try twice: while the store is away, each attempt would count as a failure of the
        trial's.
        """
        self._stage.store.wait_until_available()
        self._ready().save(Path(checkpoint_dir))

    def restore(self, checkpoint_path: Any) -> None:
        """Tune's own; it looks for the checkpoint once, so the store must answer by then."""
        self._stage.store.wait_until_available()
        super().restore(checkpoint_path)

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Go on where `save_checkpoint` stood, with the same bits."""
        try:
            training = self._ready()
        except Exception as error:
            if is_worth_retrying(error):
                raise
            self._failure = error  # the next step tells
            return
        training.load(Path(checkpoint_dir))
