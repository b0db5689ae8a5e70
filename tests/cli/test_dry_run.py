"""`pgan-ray sweep --dry-run`: what is wrong with a sweep is one line and exit code 2, before anything starts.

In this process: the command itself, but not a Python of its own for each of many mistakes.
"""

import dataclasses
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pgan_ray.cli.main import main
from pgan_ray.data import known, sources
from pgan_ray.registry import DATASETS
from pgan_ray.runner.machine import available_cores
from pgan_ray.spec import SweepRecord, load_sweep
from tests.tiny import write_tiny


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and working directory with the tiny sweep in it; a download would fail the test."""
    for name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "PGAN_RAY_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name, dataset in known.IDX_DATASETS.items():
        monkeypatch.setitem(known.IDX_DATASETS, name, dataclasses.replace(dataset, system_folders=()))

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("a dry run must not touch the network")

    monkeypatch.setattr(sources, "download", refuse)
    write_tiny(tmp_path)
    return tmp_path


class DryRun:
    """Runs the command; keeps its exit code and what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *settings: str, more: tuple[str, ...] = ()) -> tuple[int, str, str]:
        changes = [part for setting in settings for part in ("--set", setting)]
        self._monkeypatch.setattr(sys, "argv", ["pgan-ray", "sweep", "tiny.yaml", "--dry-run", *changes, *more])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = self._capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def dry_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> DryRun:
    return DryRun(monkeypatch, capsys)


OWN = """
import numpy as np
from pgan_ray.datasets import DatasetConfig, DatasetLoader, RawDataset


class LogsConfig(DatasetConfig):
    what: str = ""


class Logs(DatasetLoader):
    Config = LogsConfig

    def load(self, loading):
        what = self.config.what
        if what == "raises":
            return {}["no such column"]
        if what == "ends":
            raise SystemExit(3)
        labels = np.repeat([3, 5], 20 if what == "few" else 200)
        features = loading.random("logs").normal(size=(len(labels), 4))
        if what == "nan":
            features[7, 2] = np.nan
        return RawDataset(features, labels + 0.5 if what == "halves" else labels)
"""


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("raises", r"failed to load:\nerror: Traceback.*in load\n.*return {}.*\nerror: KeyError: 'no such column'$"),
        ("ends", r"failed to load:\nerror: Traceback.*\nerror: SystemExit: 3$"),
        ("nan", r": `features` must be finite in float32, got nan at point 7, feature 2 "),
        ("halves", r": `labels` must be whole numbers of an integer type, got dtype float64$"),
        ("few", r"each class must have 110 training points .*, got 16 of class 3, 16 of class 5; lower "),
    ],
)
def test_a_data_set_of_ones_own_that_is_wrong_is_told_by_its_name(
    what: str, message: str, dry_run: DryRun, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "own_logs.py").write_text(OWN)
    monkeypatch.syspath_prepend(home)
    assert dry_run("dataset={name: 'own_logs:Logs'}")[0] == 0
    code, _, said = dry_run(f"dataset={{name: 'own_logs:Logs', what: {what}}}")
    assert code == 2
    assert re.search(rf"(?s)own_logs:Logs.*{message}", said.strip()), said
    sys.modules.pop("own_logs")
    DATASETS._found.pop("own_logs:Logs")


TEN = "classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], poison_class: 5, source_class: 3"
FEW = "evaluation.poison_fractions=[0, 0.05]"


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            ["task.poison_class=4"],
            "--set task: `poison_class` must be one of `classes` [3, 5], got 4",
        ),
        (
            [f"task={{{TEN}, surrogate_classes: [3, 8]}}", FEW],
            "--set task: `poison_class` must be one of `surrogate_classes` [3, 8], got 5",
        ),
        (
            ["task={classes: [3, 50], poison_class: 50, source_class: 3}"],
            "digits: `task.classes` must be labels of its training points, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], got [50]",
        ),
        (
            ["evaluation.detector.percentile=95"],
            "--set evaluation.detector.percentile: must be less than 1, got 95 (a fraction: write 0.95 for 95 per "
            "cent)",
        ),
        (
            ["evaluation.victim.name=svm"],
            "--set evaluation.victim.name: must be one of `cnn`, `gradient_boosting`, `knn`, `linear_svm`, `logistic`, "
            "`mlp`, `none`, `random_forest`, or an import path `package.module:Class`, got 'svm'",
        ),
        (
            ["resources.trial.cpu=9999", "resources.trial.gpu=0"],
            f"tiny.yaml:resources.trial.cpu: must be at most {available_cores()} on this machine, got 9999",
        ),
        (
            ["dataset.test_fraction=0.05"],
            "alpha=0.1: digits: each class must have at least 10 test points, got 9 of class 3, 9 of class 5; raise "
            "`dataset.test_fraction`, or use a larger data set",
        ),
        (
            ["evaluation.trusted_per_class=100"],
            "alpha=0.1: digits: each class must have 160 training points (100 trusted + 60 to train victims), got 146 "
            "of class 3, 146 of class 5; lower `evaluation.trusted_per_class` or `evaluation.train_per_class`, or use "
            "a larger data set",
        ),
        (
            ["evaluation.poison_fractions=[0, 0.004, 0.2]"],
            "alpha=0.1: each of `evaluation.poison_fractions` must be 0 or amount to at least one point of poison, got "
            "0.004 of 120 training points; raise it, or `evaluation.train_per_class`",
        ),
        (
            ["attack.name=random_label_flip"],
            "base: class 3 must have 158 training points (50 trusted + 60 to train victims + 48 that "
            "random_label_flip takes), got 146; lower `evaluation.trusted_per_class`, `evaluation.train_per_class` or "
            "the largest of `evaluation.poison_fractions`",
        ),
        (
            ["attack.name=none"],
            "base: class 5 must have 158 training points (50 trusted + 60 to train victims + 48 that none takes), "
            "got 146; lower `evaluation.trusted_per_class`, `evaluation.train_per_class` or the largest of "
            "`evaluation.poison_fractions`",
        ),
        (
            ["attack.name={grid: [pgan, nearest_label_flip]}", "evaluation.train_per_class={grid: [30, 60]}"],
            "attack=nearest_label_flip train_per_class=60: class 3 must have 158 training points (50 trusted + 60 to "
            "train victims + 48 that nearest_label_flip takes), got 146; lower `evaluation.trusted_per_class`, "
            "`evaluation.train_per_class` or the largest of `evaluation.poison_fractions`",
        ),
        (
            ["attack.lambda_prior={grid: [0.9, 2.1]}", "attack.alpha=0.1"],
            "lambda_prior=2.1: `attack.lambda_prior` must be at most 2, so that lambda = lambda_prior * Pr(poison "
            "class) is at most 1, got 2.1",
        ),
        (
            # Of the surrogate's two classes, not of the victims' ten.
            [f"task={{{TEN}, surrogate_classes: [3, 5]}}", FEW, "attack.lambda_prior=2.1"],
            "alpha=0.1: `attack.lambda_prior` must be at most 2, so that lambda = lambda_prior * Pr(poison class) is "
            "at most 1, got 2.1",
        ),
    ],
)
def test_a_sweep_that_cannot_be_run_is_one_line(dry_run: DryRun, home: Path, settings: list[str], line: str) -> None:
    code, out, errors = dry_run(*settings)
    assert (code, out) == (2, "")
    assert errors.splitlines() == [f"error: {line}"]
    assert [path.name for path in home.iterdir()] == ["tiny.yaml"]


WIDE = "attack.generator.widths=[400000000]"
MUST_FIT = "attack.generator.widths: must fit a worker's memory: one generator takes"


def test_a_network_that_fits_no_worker_is_refused_whatever_is_wanted(
    dry_run: DryRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, errors = dry_run(WIDE, more=("--yes-really-large",))
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"error: tiny\.yaml:{MUST_FIT} 1.24 TB, a worker here has [\d.]+ [GT]B\n", errors)
    joins = dry_run(WIDE, more=("--address", "192.0.2.1:6379"))
    assert joins == (2, "", f"error: tiny.yaml:{MUST_FIT} 1.24 TB, no worker has more than 1 TB\n")
    for command in (
        ["plan", "--device", "cpu"],
        ["plan", "--device", "cpu", "--cpus", "8"],
        ["plan", "--device", "h100"],
    ):
        monkeypatch.setattr(sys, "argv", ["pgan-ray", *command, "tiny.yaml", "--profile", "body", "--set", WIDE])
        with pytest.raises(SystemExit, match="2"):
            main()
        assert capsys.readouterr().err.startswith(f"error: tiny.yaml:{MUST_FIT} 1.24 TB, ")


def test_what_takes_years_must_be_wanted(dry_run: DryRun) -> None:
    years = ("attack.iterations=1000000000", "attack.generator_steps=100000")
    code, _, errors = dry_run(*years)
    assert code == 2
    assert errors.startswith("error: tiny.yaml: a sweep must take at most 100 core years, at assumed speeds, unless")
    assert dry_run(*years, more=("--yes-really-large",))[0] == 0


def test_of_own_data_its_own_features_count_before_a_cluster_is_started(
    dry_run: DryRun, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.repeat([3, 5], 200)
    np.savez(home / "wide.npz", features=np.zeros((400, 20_000), np.uint8), labels=labels)
    settings = ["dataset={name: null, path: wide.npz}", "attack.generator.widths=[300000]"]
    code, _, errors = dry_run(*settings)
    assert code == 2
    assert f"error: tiny.yaml:{MUST_FIT} 96" in errors

    monkeypatch.setattr("ray.init", lambda **_: pytest.fail("no cluster must be started"))
    changes = [part for setting in settings for part in ("--set", setting)]
    monkeypatch.setattr(
        sys, "argv", ["pgan-ray", "sweep", "tiny.yaml", "--profile", "body", "--out", "there", *changes]
    )
    with pytest.raises(SystemExit, match="2"):
        main()
    assert f"error: {MUST_FIT} 96" in capsys.readouterr().err
    assert not (home / "there").exists()


@pytest.mark.parametrize(
    "settings",
    [
        ["dataset.test_fraction=0.06"],  # 11 test points
        ["evaluation.trusted_per_class=86"],  # 86 + 60 = 146
        # 50 + 60 + 36 = 146: not one too many
        ["attack.name=random_label_flip", "evaluation.poison_fractions=[0, 0.3]"],
        ["attack.lambda_prior=2.0"],
        [f"task={{{TEN}}}", FEW, "attack.lambda_prior=9.0"],
        *([f"task={{{TEN}}}", FEW, f"evaluation.victim.name={victim}"] for victim in ("logistic", "knn", "none")),
    ],
)
def test_what_is_just_enough_passes(dry_run: DryRun, settings: list[str]) -> None:
    code, out, errors = dry_run(*settings)
    assert (code, errors) == (0, "")
    assert "# profile body, configurations" in out


def test_it_shows_the_configurations_that_are_run(dry_run: DryRun, home: Path) -> None:
    settings = ["attack.name={grid: [pgan, none]}", "evaluation.detector.name={grid: [knn_distance, none]}"]
    settings += ["evaluation.detector.percentile={grid: [0.9, 0.95]}", "evaluation.poison_fractions=[0, 0.1]"]
    code, out, _ = dry_run(*settings, more=("--json",))
    shown = json.loads(out)
    assert code == 0
    assert shown["configuration_ids"] == ["alpha=0.1,attack=pgan", "attack=none", "alpha=0.9,attack=pgan"]
    assert (shown["configurations"], shown["generators"], shown["cells"]) == (3, 4, 3 * 2 * 3 * 4)
    # The document is what a run would keep.
    (home / "again.yaml").write_text(SweepRecord("id", load_sweep(home / "tiny.yaml", overrides=settings)).to_yaml())
    assert [c.id for c in load_sweep(home / "again.yaml").configurations] == shown["configuration_ids"]


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_without_the_data_its_sizes_are_not_checked_and_it_says_so(dry_run: DryRun, home: Path, name: str) -> None:
    code, out, errors = dry_run(f"dataset.name={name}", "evaluation.trusted_per_class=100000")
    assert code == 0
    assert out.endswith("# profile body, configurations 2, generators 4, cells 24\n")
    assert errors == (
        f"not checked against the data: {name} must be on this machine already, because nothing is downloaded now, "
        "got no train-images-idx3-ubyte\n"
    )
    assert [path.name for path in home.iterdir()] == ["tiny.yaml"]  # no cache was begun


@pytest.mark.parametrize("gzipped", [".gz", ""])
def test_data_that_a_start_would_refuse_is_refused(dry_run: DryRun, home: Path, gzipped: str) -> None:
    (home / "data" / "mnist" / f"train-images-idx3-ubyte{gzipped}").mkdir(parents=True)
    code, out, errors = dry_run("dataset.name=mnist", more=("--data-dir", "data"))
    line = f"error: data/mnist/train-images-idx3-ubyte{gzipped}: must be a regular file, got a directory; replace it\n"
    assert (code, out, errors) == (2, "", line)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("fifo.npz", "fifo.npz: must be a regular file, got a FIFO"),
        ("~nosuchuser/a.npz", "~nosuchuser/a.npz: must start with the home directory of a user of this machine, "),
        ("a" * 300 + ".npz", "must be readable, got File name too long"),
    ],
)
def test_own_data_that_is_no_file(dry_run: DryRun, home: Path, path: str, message: str) -> None:
    os.mkfifo(home / "fifo.npz")
    code, out, errors = dry_run("dataset.name=null", f"dataset.path={path}")
    assert (code, out) == (2, "")
    assert message in errors
    assert errors.count("\n") == 1


def test_absent_data_does_not_hide_what_is_wrong_with_the_file(dry_run: DryRun) -> None:
    code, _, errors = dry_run("dataset.name=mnist", "evaluation.detector.percentile=95")
    assert code == 2
    assert errors.startswith("error: --set evaluation.detector.percentile: must be less than 1, got 95")
    code, _, errors = dry_run("dataset.name=mnist", more=("--data-dir", "nowhere"))
    assert code == 2
    assert errors == "error: data directory: must be a directory that exists, got nowhere\n"
