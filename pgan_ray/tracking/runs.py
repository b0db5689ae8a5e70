"""The sweep's runs in MLflow: found again by key, made where missing, never left running.

Keys: ``<sweep>``, ``<sweep>/<configuration>``, ``<sweep>/<configuration>/r<replicate>``. Parameters and
tags go through here, so that no secret gets into them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pgan_ray.results.redact import redact
from pgan_ray.tracking.connection import Connection, check_artifacts

KEY_TAG, SWEEP_TAG, PARENT_TAG = "pgan.key", "pgan.sweep", "mlflow.parentRunId"
MAX_PARAM, MAX_TAG, MAX_NAME = 6000, 8000, 250
METRICS_PER_BATCH, PARAMS_PER_BATCH = 1000, 100
FINAL = ("FINISHED", "FAILED", "KILLED")
_UNSAFE = re.compile(r"[^\w\-. /]", re.ASCII)


@dataclass
class KnownRun:
    """What is known of a run without asking again."""

    id: str
    name: str
    status: str
    start_ms: int
    end_ms: int | None
    parent: str | None = None  # its id
    params: set[str] = field(default_factory=set)


def safe_name(text: str) -> str:
    """``text`` as part of the name of a metric, parameter or tag."""
    return _UNSAFE.sub("_", text)[:MAX_NAME]


def clean(text: str, limit: int) -> str:
    """``text`` without secrets, and no longer than MLflow takes."""
    text = redact(text)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class Runs:
    """The runs of one sweep, written by this process alone."""

    def __init__(self, connection: Connection, sweep_id: str) -> None:
        self.client, self.experiment_id = connection.client, connection.experiment_id
        self.sweep_id = sweep_id
        self._known = self._load()
        self._below: dict[str, set[str]] = {}  # key -> the keys of the runs below it
        for key in self._known:
            self._note(key)

    def _load(self) -> dict[str, KnownRun]:
        known: dict[str, KnownRun] = {}
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id], f"tags.`{SWEEP_TAG}` = '{self.sweep_id}'", page_token=token
            )
            for run in page:
                info, tags = run.info, run.data.tags
                check_artifacts(self.client, info.artifact_uri)
                times, params = (info.start_time, info.end_time), set(run.data.params)
                known[tags[KEY_TAG]] = KnownRun(
                    info.run_id, info.run_name, info.status, *times, tags.get(PARENT_TAG), params
                )
            token = page.token
            if not token:
                return known

    def find(self, key: str) -> KnownRun | None:
        """The run of ``key``, if there is one."""
        return self._known.get(key)

    def running(self) -> list[str]:
        """The keys of all runs that have not ended."""
        return [key for key, run in self._known.items() if run.status not in FINAL]

    def open(self, key: str, name: str, parent: str | None, start_ms: int, *, reopen: bool = False) -> KnownRun:
        """The run of ``key``, made below ``parent``'s if need be; with ``reopen`` it is running again."""
        run = self._known.get(key)
        if run is None:
            above = None if parent is None else self._known[parent].id
            tags = {KEY_TAG: key, SWEEP_TAG: self.sweep_id, PARENT_TAG: above}
            name = clean(name, MAX_NAME)
            made = self.client.create_run(
                self.experiment_id,
                start_time=start_ms,
                run_name=name,
                tags={tag: value for tag, value in tags.items() if value is not None},
            )
            run = self._known[key] = KnownRun(made.info.run_id, name, "RUNNING", start_ms, None, above)
            self._note(key)
            self._adopt(key, run)
        elif reopen and run.status in FINAL:
            self.client.update_run(run.id, status="RUNNING")
            run.status = "RUNNING"
        return run

    def end(self, key: str, status: str, end_ms: int) -> None:
        """End the run of ``key``. One that has ended this way before keeps its time."""
        run = self._known[key]
        if run.status == status and run.end_ms is not None:
            return
        self.client.set_terminated(run.id, status=status, end_time=max(end_ms, run.start_ms))
        run.status, run.end_ms = status, max(end_ms, run.start_ms)

    def replace(self, key: str, parent: str | None) -> KnownRun:
        """A fresh run for ``key``, in place of one whose metrics no longer hold; its children move to it."""
        old = self._known.pop(key)
        self.client.delete_run(old.id)
        return self.open(key, old.name, parent, old.start_ms)

    def _adopt(self, key: str, run: KnownRun) -> None:
        """Move the children of an earlier run of ``key``, deleted here or by hand, to ``run``."""
        for child_key in sorted(self._below.get(key, ())):
            child = self._known.get(child_key)
            if child is not None and child.parent != run.id:
                self.client.set_tag(child.id, PARENT_TAG, run.id)
                child.parent = run.id

    def _note(self, key: str) -> None:
        self._below.setdefault(key.rpartition("/")[0], set()).add(key)

    def describe(self, run: KnownRun, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Write tags, and those parameters that are not there yet (MLflow never changes one)."""
        from mlflow.entities import Param, RunTag

        missing = [
            Param(safe_name(k), clean(v, MAX_PARAM)) for k, v in params.items() if safe_name(k) not in run.params
        ]
        labels = [RunTag(safe_name(key), clean(value, MAX_TAG)) for key, value in tags.items()]
        for start in range(0, max(len(missing), len(labels)), PARAMS_PER_BATCH):
            part = slice(start, start + PARAMS_PER_BATCH)
            self.client.log_batch(run.id, params=missing[part], tags=labels[part])
        run.params |= {param.key for param in missing}

    def measure(self, run: KnownRun, points: Iterable[tuple[str, float, int, int]]) -> None:
        """Write metrics: (name, value, timestamp in ms, step)."""
        from mlflow.entities import Metric

        metrics = [Metric(*point) for point in points]
        for start in range(0, len(metrics), METRICS_PER_BATCH):
            self.client.log_batch(run.id, metrics=metrics[start : start + METRICS_PER_BATCH])

    def measured(self, run: KnownRun, name: str) -> list[tuple[int, float]]:
        """(step, value) of one metric so far."""
        history: list[Any] = self.client.get_metric_history(run.id, name)
        return [(metric.step, metric.value) for metric in history]
