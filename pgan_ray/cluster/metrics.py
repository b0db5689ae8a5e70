"""Counters of a running sweep among Ray's own Prometheus metrics: each node serves them at its `--metrics-export-port`.

Ray puts ``ray_`` before their names, and ``_total`` behind those of counters.
"""

from collections import Counter as Tally
from collections.abc import Iterable

from ray.util.metrics import Counter, Gauge

from pgan_ray.runner import Event
from pgan_ray.runner.cut import Trial
from pgan_ray.runner.executor import BatchFinished, BatchRetried, Job, TrialFinished, TrialRetried


class Metrics:
    """What one run of a sweep has done on Ray so far, by sweep; what an earlier run did is not in it."""

    def __init__(self, job: Job) -> None:
        self._sweep = {"sweep": job.record.id}
        # Trials of a rung stop before their generators are finished.
        self._training: dict[str, Trial] = {} if job.rung is not None else {trial.id: trial for trial in job.trials}
        self._generators = Counter("pgan_generators", "Generators whose training came to its end.", ("sweep",))
        self._victims = Counter("pgan_victims", "Victims, by what came of them.", ("sweep", "outcome"))
        self._retried = Counter("pgan_retried", "Trials and batches that were lost and run again.", ("sweep", "stage"))
        self._waiting = Gauge("pgan_batches_waiting", "Batches of victims that no evaluator holds.", ("sweep",))
        self._evaluators = Gauge("pgan_evaluators", "Evaluators that hold a batch.", ("sweep",))

    def count(self, events: Iterable[Event]) -> None:
        """Count what happened."""
        for event in events:
            match event:
                case TrialFinished() if trial := self._training.pop(event.trial, None):  # told twice at times
                    self._generators.inc(len(trial.replicates), self._sweep)
                case TrialRetried():
                    self._retried.inc(1, self._sweep | {"stage": "training"})
                case BatchRetried():
                    self._retried.inc(1, self._sweep | {"stage": "evaluation"})
                case BatchFinished():
                    outcomes = [row["outcome"] for row in event.rows] if event.rows is not None else None
                    for outcome, number in Tally(outcomes or ["failed"] * len(event.batch.cells)).items():
                        self._victims.inc(number, self._sweep | {"outcome": outcome})

    def show(self, waiting: int, evaluators: int) -> None:
        """Tell how many batches wait, and how many evaluators are at work."""
        self._waiting.set(waiting, self._sweep)
        self._evaluators.set(evaluators, self._sweep)
