"""Records that name components of somebody else: read without their code, with the names they had."""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.cost import known_points
from pgan_ray.errors import SpecError
from pgan_ray.registry import ATTACKS, DATASETS, DEFENCES, DETECTORS, VICTIMS
from pgan_ray.spec import SweepRecord, foreign_names, load_record

from .helpers import Loader

LAB = """
from pathlib import Path
from typing import ClassVar

from pgan_ray.attacks import Attack
from pgan_ray.datasets import DatasetConfig, DatasetLoader
from pgan_ray.datasets.file import File
from pgan_ray.defences import Detector, Sanitiser, ScoredDetector
from pgan_ray.spec import AttackConfig, DefenceConfig, DetectorConfig
from pgan_ray.victims.mlp import Mlp
from pydantic import Field

Path("imported").touch()


class Tree:
    def __init__(self, depth=3, split=(1, 2)): ...
    def fit(self, x, y): ...
    def predict(self, x): ...


class Free:
    def __init__(self, depth=3, **options): ...
    def fit(self, x, y): ...
    def predict(self, x): ...


def Wide(features, classes, image_shape, hidden=64): ...


class ShiftConfig(AttackConfig):
    alpha: float = 0.5
    mode: str = "far"
    steps: int = 3

    def unread(self):
        return frozenset({"steps"}) if self.mode == "near" else frozenset()


class Shift(Attack):
    label = "shifted points"
    Config = ShiftConfig

    def parameters(self):
        return {"alpha": self.config.alpha, "twice": 2 * self.config.alpha}


class Taught(Shift):
    is_trained = True


class Box(ScoredDetector): ...


class Looker(Detector):
    filters = False


class Bigger(Mlp): ...


class CleanerConfig(DefenceConfig):
    strength: float = 0.5


class Cleaner(Sanitiser):
    label = "a cleaner"
    Config = CleanerConfig


class LogsConfig(DatasetConfig):
    year: int = 2024
    share: float = 0.5


class Logs(DatasetLoader):
    Config = LogsConfig
    class_names = {3: "benign", 5: "malware"}


class Table(File): ...
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of the user's in the working directory; importing it leaves a file behind."""
    name = f"lab_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(LAB)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for registry in (DATASETS, ATTACKS, DETECTORS, DEFENCES, VICTIMS):
        monkeypatch.setattr(registry, "_found", {})
    yield name
    sys.modules.pop(name, None)


def forget(lab: str) -> None:
    """As in another process, where the module is not."""
    sys.modules.pop(lab)
    Path(f"{lab}.py").unlink()
    Path("imported").unlink()
    for registry in (DATASETS, ATTACKS, DETECTORS, DEFENCES, VICTIMS):
        registry._found.clear()


CHANGES: list[dict[str, Any]] = [
    {"evaluation.victim": {"name": "LAB:Tree", "depth": {"grid": [1, 2]}}},
    {"evaluation.victim": {"name": "LAB:Free", "other": {"grid": [1, 2]}}},
    {"evaluation.victim": {"name": {"grid": ["mlp", "LAB:Wide", "LAB:Tree"]}, "hidden": {"grid": [8, 16]}}},
    {"evaluation.victim": {"name": "LAB:Wide", "optimizer": {"name": {"grid": ["sgd", "adam"]}, "learning_rate": 0.1}}},
    {"evaluation.victim": {"grid": [{"name": "LAB:Bigger", "widths": [3]}, {"name": "cnn"}]}},
    {
        "evaluation.detector": {
            "name": {"grid": ["LAB:Box", "LAB:Looker", "sphere"]},
            "percentile": {"grid": [0.8, 0.9]},
        }
    },
    {"evaluation.defence": {"grid": [[], [{"name": "LAB:Box"}, {"name": "LAB:Cleaner"}, {"name": "trim"}]]}},
    {"evaluation.defence": [{"name": "LAB:Cleaner", "strength": 1}]},
    {"dataset": {"name": "LAB:Logs", "year": {"grid": [2020, 2021]}, "share": 1, "split_seed": 3}},
    {"dataset": {"grid": [{"name": "LAB:Table", "path": "a.npz", "judged_on": "validation"}, {"name": "digits"}]}},
    {
        "attack": {
            "grid": [
                {"name": "LAB:Shift", "mode": "near"},
                {"name": "LAB:Taught", "alpha": 1},
                {"name": "none"},
            ]
        }
    },
]
ATTACK = {"name": "LAB:Shift", "mode": {"grid": ["near", "far"]}, "steps": {"grid": [1, 2]}, "alpha": {"grid": [0, 1]}}


def named(changes: Any, lab: str) -> Any:
    """``changes`` with the module's real name."""
    if isinstance(changes, dict):
        return {key: named(value, lab) for key, value in changes.items()}
    if isinstance(changes, list):
        return [named(value, lab) for value in changes]
    return changes.replace("LAB", lab) if isinstance(changes, str) else changes


def of(record: SweepRecord) -> list[Any]:
    """What results are counted and drawn by."""
    return [
        (
            configuration.id,
            [cell.id for cell in configuration.cells(0)],
            configuration.settings.model_dump(mode="json"),
            configuration.settings.attack.is_trained,
            configuration.settings.attack.component.label,
            configuration.settings.dataset.known_as,
            configuration.settings.data_seed,
            dict(configuration.settings.dataset.component.class_names),
            [
                (
                    v.id,
                    v.evaluation.model_dump(mode="json"),
                    v.evaluation.victim.trains,
                    v.evaluation.victim.component.label,
                    v.evaluation.detector.component.filters,
                    [(one.name, one.component.label) for one in v.evaluation.defence],
                )
                for v in configuration.variants
            ],
        )
        for configuration in record.sweep.configurations
    ]


@pytest.mark.parametrize("changes", [*CHANGES, ATTACK])
def test_a_record_is_read_where_the_class_is_not(load: Loader, lab: str, changes: dict[str, Any]) -> None:
    if changes is ATTACK:
        body = "name: small\ndataset: {name: digits}\ntask: {classes: [3, 5], poison_class: 5, source_class: 3}\n"
        rest = "evaluation: {poison_fractions: [0, 0.2], runs: 2, train_per_class: 50}\n"
        sweep = load(f"{body}{rest}attack: {named(changes, lab)}")
    else:
        sweep = load(named(changes, lab))
    record = SweepRecord("id", sweep)
    text, before = record.to_yaml(), of(record)
    forget(lab)
    read = load_record(text, "sweep.yaml")
    assert of(read) == before
    assert read == load_record(text, "sweep.yaml")
    assert read.to_yaml() == text
    assert foreign_names(read.sweep)
    assert pickle.loads(pickle.dumps(read.sweep)) == read.sweep
    with pytest.raises(SpecError, match=r"must be an? .* that can be imported"):
        load_record(text, "sweep.yaml", imports=True)


def test_reading_runs_nobodys_code(load: Loader, lab: str) -> None:
    text = SweepRecord("id", load({"evaluation.victim.name": f"{lab}:Tree"})).to_yaml()
    sys.modules.pop(lab)
    Path("imported").unlink()
    path = [*sys.path]
    load_record(text, "sweep.yaml")
    load_record(text[: text.index("  components:")], "sweep.yaml")  # of a version that did not describe them
    assert not Path("imported").exists()
    assert lab not in sys.modules
    assert sys.path == path
    VICTIMS._found.clear()
    load_record(text, "sweep.yaml", imports=True)
    assert Path("imported").exists()


def test_an_attack_keeps_the_numbers_that_are_its_keys(load: Loader, lab: str) -> None:
    text = SweepRecord("id", load({"attack": {"grid": [{"name": f"{lab}:Shift", "alpha": 1}]}})).to_yaml()
    forget(lab)
    attack = load_record(text, "sweep.yaml").sweep.configurations[0].settings.attack
    assert attack.make().parameters() == {"alpha": 1.0}
    assert attack.component.label == "shifted points"


def test_of_a_data_set_that_is_gone_the_classes_keep_their_names_and_no_points_are_known(
    load: Loader, lab: str
) -> None:
    sweep = load({"dataset": {"name": f"{lab}:Logs", "year": 2020}})
    assert sweep.foreign_components == [("data set", f"{lab}:Logs")]
    text = SweepRecord("id", sweep).to_yaml()
    forget(lab)
    settings = load_record(text, "sweep.yaml").sweep.configurations[0].settings
    assert settings.dataset.component.class_names == {3: "benign", 5: "malware"}
    assert known_points(settings.dataset) is None
    with pytest.raises(SpecError, match=r"resolved\.components\.data set: must be as"):
        load_record(text.replace("'3': benign", "a: benign"), "sweep.yaml")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("label: Tree", "label: 3", "victim"),
        ("base: VictimConfig", "base: Judged", "victim"),
        ("base: VictimConfig", "base: no_such", "victim"),
        ("depth: 3", "__base__: 3", "victim"),
        ("depth: 3", "model_dump: 3", "victim"),
        ("    victim:\n", "    engine:\n", "engine"),
    ],
)
def test_a_damaged_description_is_refused(load: Loader, lab: str, old: str, new: str, place: str) -> None:
    text = SweepRecord("id", load({"evaluation.victim.name": f"{lab}:Tree"})).to_yaml()
    head, _, tail = text.rpartition("\nresolved:")
    assert old in tail
    with pytest.raises(SpecError, match=rf"^sweep\.yaml:resolved\.components\.{place}.*: must be as `pgan-ray sweep`"):
        load_record(f"{head}\nresolved:{tail.replace(old, new)}", "sweep.yaml")
