"""Reading a sweep back from MLflow, as its user would: by run names and client calls."""

from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run

Curve = list[tuple[int, float]]


def within(run: Run) -> str:
    """A run's name without that of its sweep: ``alpha=0.1`` or ``alpha=0.1/r0``."""
    name: str = run.info.run_name
    return name.partition(" [")[0]


class Reader:
    """One experiment of an MLflow store or server."""

    def __init__(self, uri: str, experiment: str = "pgan-ray") -> None:
        self.client = MlflowClient(tracking_uri=uri)
        self.experiment_id = self.client.get_experiment_by_name(experiment).experiment_id

    def runs(self) -> dict[str, Run]:
        """All runs of one sweep by what their names say before the sweep's own; none may come twice."""
        found = self.client.search_runs([self.experiment_id])
        runs = {within(run): run for run in found}
        assert len(runs) == len(found), sorted(run.info.run_name for run in found)
        return runs

    def statuses(self) -> dict[str, str]:
        """The runs' statuses by name."""
        return {name: run.info.status for name, run in sorted(self.runs().items())}

    def curve(self, run: str, metric: str) -> Curve:
        """(step, value) of every point, in order."""
        history = self.client.get_metric_history(self.runs()[run].info.run_id, metric)
        return sorted((point.step, point.value) for point in history)

    def artifacts(self, run: str, folder: str | None = None) -> list[str]:
        """The paths of all files of a run."""
        run_id = self.runs()[run].info.run_id

        def walk(path: str | None) -> list[str]:
            found = self.client.list_artifacts(run_id, path)
            return [name for f in found for name in (walk(f.path) if f.is_dir else [f.path])]

        return sorted(walk(folder))

    def download(self, run: str, path: str) -> str:
        """A local copy of one file of a run."""
        return str(self.client.download_artifacts(self.runs()[run].info.run_id, path))

    def everything(self) -> dict[str, Any]:
        """All that a replay must leave as it is."""
        return {
            name: (
                run.info.run_id,
                run.info.status,
                run.info.start_time,
                run.info.end_time,
                run.data.params,
                run.data.tags,
                {
                    metric: [
                        (m.step, m.timestamp, m.value) for m in self.client.get_metric_history(run.info.run_id, metric)
                    ]
                    for metric in run.data.metrics
                },
                self.artifacts(name),
                len(run.inputs.dataset_inputs),
                [output.model_id for output in run.outputs.model_outputs] if run.outputs else [],
            )
            for name, run in self.runs().items()
        }
