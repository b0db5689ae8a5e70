"""What must hold before a sweep starts: its data is there and large enough."""

import platform
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from pgan_ray.attacks import make_attack
from pgan_ray.data import Dataset, TaskData, check_sizes, doubts
from pgan_ray.datasets.load import load_dataset
from pgan_ray.errors import DataError, PganRayError, traceback_of
from pgan_ray.evaluation import try_defences
from pgan_ray.results import redact
from pgan_ray.runner.machine import cpu_name
from pgan_ray.runner.worker import Tasks
from pgan_ray.spec import Configuration, EvaluationSpec, Settings, Sweep, SweepRecord

_DEFENDED_BY = {"detector", "defence", "trusted_per_class", "train_per_class", "runs"}
VERSIONS = ("pgan-ray", "ray", "mlflow", "torch", "numpy")


def load_datasets(
    sweep: Sweep, data_dir: Path | None, notice: Callable[[str], None], *, may_download: bool = True
) -> tuple[dict[str, Dataset], TaskData]:
    """The data sets of all configurations, checked against every task and evaluation; and the first task.

    Raises `DataError`, naming the configuration; `DataAbsentError` where a file would have to be downloaded and must
    not.
    """
    datasets: dict[str, Dataset] = {}
    tasks = Tasks(datasets)
    first: TaskData | None = None
    asked: set[str] = set()
    checked: set[str] = set()
    told: dict[str, None] = {}
    for configuration in sweep.configurations:
        settings = configuration.settings
        key = settings.dataset_key
        if key not in datasets:
            datasets[key] = load_dataset(
                settings.dataset,
                seed=settings.data_seed,
                data_dir=data_dir,
                progress=notice,
                may_download=may_download,
            )
        surrogate = tasks.surrogate_of(settings)
        task = tasks.of(settings)
        first = first or task
        _check(sweep, configuration, task, surrogate, checked, notice)
        of = f"{key} {settings.task.model_dump_json()} {settings.attack.name}"
        if of not in asked:  # of a large grid, one configuration for all
            asked.add(of)
            told |= {f"warning: {datasets[key].name}: {doubt}": None for doubt in _doubts(settings, task, surrogate)}
    for line in told:
        notice(line)
    assert first is not None  # a sweep has a configuration
    return datasets, first


def _doubts(settings: Settings, task: TaskData, surrogate: TaskData) -> list[str]:
    attack = settings.attack
    with _asked("attack", attack.name):
        return [*doubts(task), *make_attack(attack).doubts(surrogate)]


def _check(
    sweep: Sweep,
    configuration: Configuration,
    task: TaskData,
    surrogate: TaskData,
    checked: set[str],
    notice: Callable[[str], None],
) -> None:
    """``checked``: the victims and defences that were looked at, each on one task: to try them takes its time."""
    settings = configuration.settings
    attack = settings.attack
    task_key = f"{settings.dataset_key} {settings.task.model_dump_json()}"
    for variant in configuration.variants:
        evaluation = variant.evaluation
        try:
            with _asked("attack", attack.name):
                make_attack(attack).check_surrogate(surrogate)
            _check_sizes(settings.dataset.known_as, task, evaluation)
            with _asked("attack", attack.name):
                make_attack(attack).check(task, evaluation)
            victim = f"{task_key} {evaluation.victim.model_dump_json()}"
            if victim not in checked:
                checked.add(victim)
                with _asked("victim", evaluation.victim.name):
                    evaluation.victim.make().check(task)
            defences = f"{task_key} {evaluation.model_dump_json(include=_DEFENDED_BY)}"
            if defences not in checked:
                checked.add(defences)
                try_defences(evaluation, task, settings.seed, attack.replicates, notice)
        except DataError as error:
            raise DataError(f"{sweep.called(configuration.id, variant.id)}: {error}") from None


def check_fractions(sweep: Sweep) -> None:
    """See that no victims of less than a point of poison would be told of as poisoned. Raises `DataError`."""
    for configuration in sweep.configurations:
        classes = len(configuration.settings.task.classes)
        for variant in configuration.variants:
            evaluation = variant.evaluation
            for fraction in evaluation.poison_fractions:
                if fraction and not evaluation.poison_count(fraction, classes):
                    raise DataError(
                        f"{sweep.called(configuration.id, variant.id)}: each of `evaluation.poison_fractions` must be "
                        f"0 or amount to at least one point of poison, got {fraction:g} of "
                        f"{classes * evaluation.train_per_class} training points; raise it, or "
                        "`evaluation.train_per_class`"
                    )


def _check_sizes(name: str, task: TaskData, evaluation: EvaluationSpec) -> None:
    try:
        check_sizes(task, trusted_per_class=evaluation.trusted_per_class, train_per_class=evaluation.train_per_class)
    except DataError as error:
        raise DataError(f"{name}: {error}") from None


@contextmanager
def _asked(kind: str, name: str) -> Iterator[None]:
    """Whatever the component raises, a `DataError` says: its own are as they are, others are its mistakes."""
    try:
        yield
    except PganRayError:
        raise
    except (Exception, SystemExit) as error:
        raise DataError(f"the {kind} `{name}` failed in its check:\n{redact(traceback_of(error))}") from error


def facts(sweep: Sweep, datasets: dict[str, Dataset], cluster: str) -> dict[str, str]:
    """Short texts about this run, for people who compare sweeps later."""
    found = {
        **dataset_facts(datasets),
        "profile": sweep.profile,
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "cluster": cluster,
        "cpu": cpu_name(),
        "python": platform.python_version(),
        **{name.replace("-", "_"): _version(name) for name in VERSIONS},
    }
    commit = _git_commit()
    if commit:
        found["git_commit"] = commit
    return found


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # the local executor needs no Ray, offline tracking no MLflow
        return "not installed"


def dataset_facts(datasets: dict[str, Dataset]) -> dict[str, str]:
    """Names, sources and digests of all data sets, in the order of the sweep file."""
    every = {"dataset": "name", "dataset_source": "source", "dataset_digest": "digest"}
    return {
        fact: ", ".join(dict.fromkeys(getattr(dataset, attribute) for dataset in datasets.values()))
        for fact, attribute in every.items()
    }


def check_same_data(record: SweepRecord, datasets: dict[str, Dataset]) -> None:
    """See that a sweep goes on with the data that it began with. Raises `DataError`.

    Values that were added to its grids may have brought more.
    """
    found = dataset_facts(datasets)["dataset_digest"]
    begun = record.facts.get("dataset_digest", found)
    is_more = record.earlier and set(begun.split(", ")) <= set(found.split(", "))
    if found != begun and not is_more:
        raise DataError(
            f"the data of a resumed sweep must be the data that it began with (SHA-256 {begun}), got {found}: bring "
            "that data back, or start a new sweep"
        )


def _git_commit() -> str | None:
    """The commit of the working directory, marked where there are changes on top."""
    try:
        result = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
