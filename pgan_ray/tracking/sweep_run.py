"""The parent run: what the sweep is made of, and in the end its summary."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from pgan_ray.results import (
    MeanConfusion,
    Outcome,
    Point,
    answer,
    by_defence,
    changes,
    mean_confusions,
    scores_of,
    summarise,
)
from pgan_ray.results.redact import redact
from pgan_ray.tracking import configuration_run, description, tables
from pgan_ray.tracking.context import Context
from pgan_ray.tracking.course import Course
from pgan_ray.tracking.curves import strongest_metrics
from pgan_ray.tracking.rows_file import RowsFile
from pgan_ray.tracking.runs import MAX_TAG, KnownRun, clean
from pgan_ray.tracking.view import view

STATUS: dict[Outcome, str] = {
    "complete": "FINISHED",
    "partial": "FAILED",
    "paused": "KILLED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}
MAX_DATASET_NAME, MAX_DATASET_DIGEST = 500, 36


def start(context: Context) -> None:
    """Describe the sweep; its run is running from here on."""
    spans = [] if context.live else [span[0] for span in map(context.trained, context.configurations) if span]
    run = context.sweep(min(spans, default=None), reopen=context.live)
    tags = {**description.sweep_tags(context.record), "pgan.results_directory": context.store.location}
    tags |= description.size_tags(context.record)
    context.runs.describe(run, description.sweep_params(context.record), tags)
    context.runs.client.set_experiment_tag(context.runs.experiment_id, *view(context.record))
    _log_dataset(context, run)
    context.runs.client.log_text(run.id, redact(context.record.to_yaml()), "sweep.yaml")


@dataclass
class Gathered:
    """Of the configurations' rows, one after the other: what the parent run tells of all of them."""

    file: RowsFile
    points: list[Point] = field(default_factory=list)
    confusions: list[MeanConfusion] = field(default_factory=list)
    scores: dict[str, pa.Table] = field(default_factory=dict)

    def add(self, configuration: str, rows: pa.Table, points: list[Point]) -> None:
        """Take the rows of the next ``configuration``, in the order of their cells."""
        self.scores[configuration] = scores_of(rows)
        self.file.add(rows)
        self.points += points
        self.confusions += mean_confusions(rows)


def finish(context: Context, outcome: Outcome, course: Course) -> None:
    """Log the summary and all rows; end every run that is still open. ``course``: what was told of a search."""
    running = set(context.runs.running())
    with RowsFile() as file:
        gathered = Gathered(file)
        for configuration, rows in context.directory.tables():
            key = context.key(configuration)
            if key in running or context.runs.find(key) is None:  # it was not finished: what there is of it
                points = configuration_run.finish(context, configuration, rows, STATUS[outcome])
            else:
                points = summarise(rows)
            gathered.add(configuration, rows, points)
        end(context, gathered, outcome, course)


def end(context: Context, gathered: Gathered, outcome: Outcome, course: Course) -> None:
    """Log what all rows come to, and end the sweep's run and all that are still open."""
    run = context.sweep()
    course.log(context)
    columns, table = tables.summary(gathered.points)
    context.runs.client.log_text(run.id, tables.as_json(context.record.sweep, columns, table), tables.TABLE_FILE)
    context.runs.client.log_text(run.id, tables.as_csv(columns, table), "summary.csv")
    classes = {id_: configuration.settings.task.labels for id_, configuration in context.configurations.items()}
    columns, table = tables.confusion(gathered.confusions, classes)
    context.runs.client.log_text(run.id, tables.as_json(context.record.sweep, columns, table), tables.CONFUSION_FILE)
    gathered.file.log(context.runs, run)
    if outcome in ("complete", "partial"):  # else more rows may come, and MLflow cannot drop points
        _log_answer(context, run, gathered)
    tags = {**description.size_tags(context.record), **tables.TAG, "pgan.outcome": outcome}
    context.runs.describe(run, {}, tags)
    end_open(context, STATUS[outcome])
    context.runs.end(context.key(), STATUS[outcome], context.now())


def _log_answer(context: Context, run: KnownRun, gathered: Gathered) -> None:
    """Log how much more victims err than the controls', and of the strongest attack on the sweep's own run."""
    sweep = context.record.sweep
    found = changes(sweep, gathered.scores)
    configuration_run.compare(context, found)
    spans = [span for span in map(context.trained, context.configurations) if span is not None]
    # What was added since last time may have been trained by then, or not at all: the newest answer is the last.
    time_ms = max((span[1] for span in spans), default=run.start_ms) + len(context.record.earlier)
    context.runs.measure(run, strongest_metrics(sweep, gathered.points, found, time_ms))
    if told := answer(sweep, gathered.points, found, by_defence(sweep, gathered.scores)):
        note = "\n\n".join(part for part in (told, sweep.description) if part)
        context.runs.describe(run, {}, {"pgan.answer": told, "mlflow.note.content": note})


def log_report(context: Context) -> None:
    """Log the report's files under ``report``."""
    run = context.sweep()
    with tempfile.TemporaryDirectory() as temporary:
        for name, content in context.directory.report().items():
            file = Path(temporary, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        context.runs.client.log_artifacts(run.id, temporary)


def end_open(context: Context, status: str) -> None:
    """End every run that is still running."""
    now = context.now()
    for key in sorted(context.runs.running(), reverse=True):  # children first
        context.runs.end(key, status, now)


def _log_dataset(context: Context, run: KnownRun) -> None:
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.entities import DatasetInput, InputTag

    facts = context.record.facts
    name = facts.get("dataset") or context.record.sweep.configurations[0].settings.dataset.known_as
    dataset = MetaDataset(
        source=CodeDatasetSource(tags={"source": clean(facts.get("dataset_source", ""), MAX_TAG)}),
        name=clean(name, MAX_DATASET_NAME),
        # MLflow takes no longer one; the whole digest is in the tag `pgan.dataset_digest`.
        digest=facts["dataset_digest"][:MAX_DATASET_DIGEST] if "dataset_digest" in facts else None,
    )
    use = InputTag("mlflow.data.context", "training")
    context.runs.client.log_inputs(run.id, [DatasetInput(dataset._to_mlflow_entity(), [use])])
