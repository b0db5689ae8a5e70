"""The parent run: what the sweep is made of, and in the end its summary."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pgan_ray.results import Outcome, mean_confusions, summarise
from pgan_ray.results.redact import redact
from pgan_ray.tracking import configuration_run, description, tables
from pgan_ray.tracking.context import Context
from pgan_ray.tracking.runs import MAX_TAG, KnownRun, clean

STATUS: dict[Outcome, str] = {
    "complete": "FINISHED",
    "partial": "FAILED",
    "interrupted": "KILLED",
    "failed": "FAILED",
}
MAX_DATASET_NAME, MAX_DATASET_DIGEST = 500, 36


def start(context: Context) -> None:
    """Describe the sweep; its run is running from here on."""
    spans = [] if context.live else [span[0] for span in map(context.trained, context.configurations) if span]
    run = context.sweep(min(spans, default=None), reopen=context.live)
    tags = {**description.sweep_tags(context.record), "pgan.results_directory": context.store.location}
    context.runs.describe(run, description.sweep_params(context.record), tags)
    _log_dataset(context, run)
    context.runs.client.log_text(run.id, redact(context.record.to_yaml()), "sweep.yaml")


def finish(context: Context, outcome: Outcome) -> None:
    """Log the summary and all rows; end every run that is still open."""
    rows = context.directory.rows()
    points = summarise(rows)
    run = context.sweep()
    _finish_configurations(context, rows, outcome)
    columns, table = tables.summary(points)
    context.runs.client.log_text(run.id, tables.as_json(columns, table), tables.TABLE_FILE)
    context.runs.client.log_text(run.id, tables.as_csv(columns, table), "summary.csv")
    _log_confusions(context, run, rows)
    configuration_run.log_table(context.runs, run, rows)
    context.runs.describe(run, {}, {**dict([tables.TAG]), "pgan.outcome": outcome})
    end_open(context, STATUS[outcome])
    context.runs.end(context.key(), STATUS[outcome], context.now())


def log_report(context: Context) -> None:
    """Log the report's files under ``report``."""
    run = context.sweep()
    with tempfile.TemporaryDirectory() as temporary:
        for name, content in context.directory.report().items():
            file = Path(temporary, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        context.runs.client.log_artifacts(run.id, temporary)


def _log_confusions(context: Context, run: KnownRun, rows: pa.Table) -> None:
    classes = {id_: configuration.settings.task.labels for id_, configuration in context.configurations.items()}
    columns, table = tables.confusion(mean_confusions(rows), classes)
    context.runs.client.log_text(run.id, tables.as_json(columns, table), tables.CONFUSION_FILE)


def end_open(context: Context, status: str) -> None:
    """End every run that is still running."""
    now = context.now()
    for key in sorted(context.runs.running(), reverse=True):  # children first
        context.runs.end(key, status, now)


def _finish_configurations(context: Context, rows: pa.Table, outcome: Outcome) -> None:
    """Log what there is of the configurations that were not finished."""
    running = context.runs.running()
    for configuration in pc.unique(rows["configuration"]).to_pylist():
        key = context.key(configuration)
        if configuration in context.configurations and (key in running or context.runs.find(key) is None):
            own = rows.filter(pc.equal(rows["configuration"], configuration))
            configuration_run.finish(context, configuration, own, STATUS[outcome])


def _log_dataset(context: Context, run: KnownRun) -> None:
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.entities import DatasetInput, InputTag

    facts = context.record.facts
    name = facts.get("dataset") or context.record.sweep.configurations[0].settings.dataset.label
    dataset = MetaDataset(
        source=CodeDatasetSource(tags={"source": clean(facts.get("dataset_source", ""), MAX_TAG)}),
        name=clean(name, MAX_DATASET_NAME),
        # MLflow takes no longer one; the whole digest is in the tag `pgan.dataset_digest`.
        digest=facts["dataset_digest"][:MAX_DATASET_DIGEST] if "dataset_digest" in facts else None,
    )
    use = InputTag("mlflow.data.context", "training")
    context.runs.client.log_inputs(run.id, [DatasetInput(dataset._to_mlflow_entity(), [use])])
