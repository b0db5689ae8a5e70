"""`pgan-ray init`: what it writes can be run as it is."""

import sys
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgan_ray import open_sweep
from pgan_ray.api.studies import STUDIES
from pgan_ray.cli.init import init
from pgan_ray.cli.main import group, main
from pgan_ray.datasets import DatasetLoader, Loading, RawDataset
from pgan_ray.spec import Settings, load_sweep, profile_names

FILE = Path("my.yaml")


class Command:
    """Runs the command; keeps what it said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.said = self.error = ""

    def __call__(self, *arguments: str) -> int:
        self._monkeypatch.setattr(sys, "argv", ["pgan-ray", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        self.said, self.error = self._capsys.readouterr()
        return code


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    for name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "PGAN_RAY_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Command(monkeypatch, capsys)


def points(*sizes: int, features: int = 6, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A cloud for each class, of so many points, within ``scale`` around 0."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(sizes)) * 10, sizes)
    return rng.uniform(-scale, scale, (len(labels), features)).astype(np.float32), labels


def save(name: str, *sizes: int, features: int = 6, scale: float = 1.0) -> None:
    x, y = points(*sizes, features=features, scale=scale)
    np.savez(name, features=x, labels=y)


def settings(profile: str = "body") -> Settings:
    return load_sweep(FILE, profile=profile).configurations[0].settings


@pytest.mark.parametrize("name", ["digits", "mnist", "mnist-5k", "fashion-mnist", "gaussians"])
def test_a_built_in_data_set(command: Command, name: str) -> None:
    assert command("init", "my.yaml", "--dataset", name) == 0
    assert profile_names(FILE) == ["body", "quick"]
    assert settings().dataset.name == name
    for profile in ("body", "quick"):
        assert command("sweep", "my.yaml", "--dry-run", "--profile", profile) == 0, command.error
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 70
    assert sum("#" in line for line in lines) > 20
    assert max(map(len, lines)) <= 120


def test_what_is_written_runs(command: Command) -> None:
    save("mine.npz", 90, 70, 20)
    assert command("init", "my.yaml", "--data", "mine.npz") == 0
    smaller = ("attack.iterations=4", "attack.average_decay=0", "attack.replicates=1", "evaluation.runs=1")
    more = [part for setting in smaller for part in ("--set", setting)]
    assert command("sweep", "my.yaml", "--executor", "local", "--offline-tracking", "--out", "out", *more) == 0
    result = open_sweep("out")
    assert (result.outcome, result.rows().num_rows) == ("complete", 9)
    assert result.record.sweep.profile == "quick"


@pytest.mark.parametrize("study", ["field", "worst_case"])
@pytest.mark.parametrize("sizes", [(70, 900), (64, 63), (5000, 3000)])
def test_other_studies_fit_the_data(command: Command, study: str, sizes: tuple[int, int]) -> None:
    save("mine.npz", *sizes)
    assert command("init", "my.yaml", "--data", "mine.npz", "--study", study) == 0
    for profile in ("body", "quick"):
        assert command("sweep", "my.yaml", "--dry-run", "--profile", profile) == 0, command.error
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 120
    assert "$" not in "".join(lines)


def test_the_field_on_ones_own_classifier_runs(command: Command) -> None:
    save("mine.npz", 90, 70)
    victim = "sklearn.naive_bayes:GaussianNB"
    assert command("init", "my.yaml", "--data", "mine.npz", "--study", "field", "--victim", victim) == 0
    text = FILE.read_text(encoding="utf-8")
    FILE.write_text(text.replace("iterations: 6000", "iterations: 4").replace("replicates: 5", "replicates: 1"))
    assert command("sweep", "my.yaml", "--executor", "local", "--offline-tracking", "--out", "out") == 0
    assert "the worst of the attacks behind each defence" in command.said
    assert "tables of 30 curves are in the report, and `pgan-ray best " in command.said
    result = open_sweep("out")
    rows = result.rows().to_pylist()
    assert (result.outcome, {row["victim"] for row in rows}) == ("complete", {victim})
    assert len({row["attack"] for row in rows}) == 6
    assert len({row["variant"] for row in rows}) == 5


def test_the_worst_case_of_ones_own_data_is_searched(command: Command) -> None:
    save("mine.npz", 90, 80)
    assert command("init", "my.yaml", "--data", "mine.npz", "--study", "worst_case") == 0
    smaller = ("attack.iterations=4", "search.trials=2", "search.confirm.replicates=1", "evaluation.runs=1")
    more = [part for setting in smaller for part in ("--set", setting)]
    assert command("sweep", "my.yaml", "--executor", "local", "--offline-tracking", "--out", "out", *more) == 0
    assert open_sweep("out").trials().num_rows == 2


def test_too_few_points_to_judge_trials_are_told(command: Command) -> None:
    save("mine.npz", 200, 50)
    assert command("init", "my.yaml", "--data", "mine.npz", "--study", "worst_case") == 2
    rule = "must have 20 points of each class to train on and 10 to judge trials on, both from its training split"
    assert f"{rule}, got 32 and 8" in command.error


def test_the_command_offers_every_study() -> None:
    (study,) = (one for one in init.params if one.name == "study")
    assert isinstance(study.type, click.Choice)
    assert list(study.type.choices) == list(STUDIES)


def test_a_files_classes_and_sizes_are_filled_in(command: Command) -> None:
    save("mine.npz", 30, 200, 400, features=300)
    assert command("init", "my.yaml", "--data", "mine.npz") == 0
    found = settings()
    assert (found.task.classes, found.task.source_class, found.task.poison_class) == ([10, 20], 10, 20)
    assert (found.evaluation.train_per_class, found.evaluation.trusted_per_class) == (80, 64)  # of 160
    assert found.dataset.value_range is None
    assert found.attack.generator.widths == [128, 32]  # type: ignore[attr-defined]  # pGAN's
    text = FILE.read_text(encoding="utf-8")
    assert "# of the 3 classes 0, 10, 20" in text
    assert "# 300 feature(s), 504 training and 126 test points" in text


def test_values_of_any_size_are_scaled_by_feature(command: Command) -> None:
    x, y = points(100, 100, scale=50)
    table = pa.table({"label": y, **{f"f{column}": x[:, column] for column in range(6)}})
    pq.write_table(table, "mine.parquet")
    assert command("init", "my.yaml", "--data", "mine.parquet") == 0
    assert (settings().dataset.value_range, settings().dataset.scaling) == (None, None)
    assert settings().attack.generator.output == "tanh"  # type: ignore[attr-defined]  # pGAN's
    assert command("sweep", "my.yaml", "--dry-run") == 0, command.error


def test_few_points_are_shared_out(command: Command) -> None:
    save("mine.npz", 36, 34)
    assert command("init", "my.yaml", "--data", "mine.npz") == 0
    assert settings().dataset.test_fraction == 0.3
    assert command("sweep", "my.yaml", "--dry-run") == 0, command.error


def test_too_few_points_are_told(command: Command) -> None:
    save("mine.npz", 300, 15)
    assert command("init", "my.yaml", "--data", "mine.npz") == 2
    assert "mine.npz: must have two classes of at least 20 training and 10 test points, got at most" in command.error
    x, y = points(100, 100)
    np.savez("own.npz", features=x, labels=y, test_features=x[:1], test_labels=y[:1])
    assert command("init", "my.yaml", "--data", "own.npz") == 2
    assert "100 + 1 of class 0 and 100 + 0 of class 10" in command.error
    assert not FILE.exists()


def test_odd_names_are_quoted(command: Command) -> None:
    data = 'a "b"\\ # é\n😀.npz'
    save(data, 100, 100)
    assert command("init", "--data", data, "--", "-.1e5: x\n.yaml") == 0
    (file,) = Path().glob("*.yaml")
    sweep = load_sweep(file)
    assert sweep.name == "1e5x"
    assert sweep.configurations[0].settings.dataset.path == data


class Unscaled(DatasetLoader):
    """A data set of somebody's own."""

    def load(self, loading: Loading) -> RawDataset:
        features, labels = points(90, 60)
        return RawDataset(features, labels, scaling="none")


def test_for_a_data_set_of_ones_own(command: Command) -> None:
    name = f"{__name__}:Unscaled"
    assert command("init", "my.yaml", "--dataset", name) == 0
    found = settings().model_dump()
    said = found["dataset"]["name"], found["task"]["classes"], found["attack"]["generator"]["output"]
    assert said == (name, [0, 10], "linear")
    assert command("sweep", "my.yaml", "--dry-run") == 0


def test_nothing_is_overwritten_without_force(command: Command) -> None:
    FILE.write_text("mine")
    assert command("init", "my.yaml") == 2
    assert command.error == "error: my.yaml: must not exist yet; to overwrite it, add --force\n"
    assert FILE.read_text() == "mine"
    assert command("init", "my.yaml", "--force") == 0
    assert settings().dataset.name == "digits"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("my.yaml", "--dataset", "cifar"), "--dataset: must be one of `digits`, `fashion-mnist`, "),
        (
            ("my.yaml", "--dataset", "file"),
            "must be a data set without required keys, got path; for a file, use --data",
        ),
        (("my.yaml", "--data", "nowhere.npz"), "nowhere.npz: must be a file that exists"),
        (("my.yaml", "--data", "x.tsv"), "x.tsv: must end in .npz, .parquet, .csv"),
        (("my.yaml", "--data", ""), "--data : must be the name of a file"),
        (("my.yaml", "--data", "a.npz", "--dataset", "digits"), "must not be given together"),
        (("my.yaml", "--study", "all"), "'all' is not one of 'alpha', 'field', 'worst_case'"),
        (("my.yaml", "--victim", "svm"), "--victim: must be one of `cnn`, "),
        (("my.yaml", "--victim", "none"), "--victim none: must be a victim that is trained, because"),
        (
            ("my.yaml", "--victim", "sklearn.ensemble:VotingClassifier"),
            "VotingClassifier: must be a victim without required keys, got estimators; leave the option out, and",
        ),
        (("nowhere/my.yaml",), "nowhere/my.yaml: must be a file that can be written, got"),
        ((".", "--force"), ".: must be a file that can be written, got"),
        ((f"{300 * 'x'}.yaml",), ".yaml: must be a file that can be written, got [Errno 36] File name too long"),
    ],
)
def test_mistakes(command: Command, arguments: tuple[str, ...], message: str) -> None:
    assert command("init", *arguments) == 2
    assert message in command.error
    assert list(Path().iterdir()) == []


def test_a_file_is_checked_before_a_sweep_is_made_of_it(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    x, y = points(600, 40, features=4, scale=30.0)
    np.savez("my.npz", features=np.column_stack([x, x[:, 0], np.ones(len(x))]).astype(np.float32), labels=y)
    command_line(["check", "my.npz"])
    said = capsys.readouterr().out
    for text in (
        "my.npz: 6 features, 2 classes",
        "512 training points, 128 test points",
        "class 10: 32 training points, 8 test points",
        "each feature is scaled to [-1, 1] by the training points",
        "warning: class sizes differ greatly: 480 training points of class 0, 32 of class 10",
        "warning: 1 of 6 feature(s) (number 5) are the same in all training points",
        "warning: 1 of 6 features are copies of others",
        "to make a sweep for it: pgan-ray init my.yaml --data my.npz",
    ):
        assert text in said, said
    features, labels = (np.load("my.npz")[name] for name in ("features", "labels"))
    split = {"test_features": features[:21], "test_labels": np.array([0, 10] * 10 + [7])}
    np.savez("split.npz", features=features, labels=labels, **split)
    command_line(["check", "split.npz"])
    assert "class 7: 0 training points, 1 test points" in capsys.readouterr().out
    assert command("check", "other.npz") == 2
    save("few.npz", 15, 15)
    assert command("check", "few.npz") == 2
    assert (
        "no sweep can use this data: few.npz: must have two classes of at least 20 training and 10 test points"
        in command.error
    )


def command_line(arguments: list[str]) -> None:
    group(arguments, standalone_mode=False)
