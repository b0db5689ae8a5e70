"""A package of somebody else's, really installed: its components pass the contracts, and a sweep runs with them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tiny import TINY

EXAMPLE = Path(__file__).parents[1] / "plugin_example"

USE = """
import json, sys, tempfile
from pathlib import Path
from pgan_ray.testing import check_attack, check_dataset, check_detector, check_victim
check_attack("midpoint", share=0.4)
check_attack("midpoint", share=1)
check_dataset("rings", per_class=50)
check_detector("centroid_box", percentile=0.9)
check_victim("nearest_mean", power=1.5)
check_victim("two_layers", hidden=8, optimizer={"name": "adam", "learning_rate": 0.02})
from pgan_ray import run_sweep
uri = f"sqlite:///{sys.argv[2]}.db"
result = run_sweep(Path(sys.argv[1]), out=sys.argv[2], executor="local", tracking_uri=uri)
rows = result.rows().to_pylist()
print(json.dumps(sorted({(r["attack"], r["victim"], r["detector"], r["outcome"], r["message"]) for r in rows})))
print(json.dumps(dict(rows[0]["attack_parameters"])))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it, to be found by Python."""
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(EXAMPLE, folder / "source")  # a build leaves files beside what it builds
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", folder / "site", source], check=True, capture_output=True, text=True, timeout=120)
    return folder / "site"


def python(installed: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python beside the installed package and this code."""
    path = os.pathsep.join([str(installed), str(EXAMPLE.parents[1])])
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_its_components_pass_the_contracts_and_run_in_a_sweep(installed: Path, tmp_path: Path) -> None:
    evaluation = TINY["evaluation"] | {  # type: ignore[operator]
        "victim": {"grid": [{"name": "nearest_mean"}, {"name": "two_layers", "epochs": 5}]},
        "detector": {"name": {"grid": ["centroid_box", "none"]}},
        "poison_fractions": [0, 0.2],
    }
    attack = {"name": "midpoint", "share": 0.3, "replicates": 1}
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(TINY | {"attack": attack, "evaluation": evaluation}))
    done = python(installed, "-c", USE, file, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    *_, kinds, parameters = done.stdout.splitlines()
    assert json.loads(parameters) == {"share": 0.3}
    assert json.loads(kinds) == [
        ["midpoint", victim, detector, "complete", None]
        for victim in ("nearest_mean", "two_layers")
        for detector in ("centroid_box", "none")
    ]


def test_its_data_set_is_swept_and_its_classes_have_their_names(installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    dataset = {"name": "rings", "per_class": 250, "width": 0.2}
    task = {"classes": [0, 1], "poison_class": 1, "source_class": 0}
    attack = {"name": "random_label_flip", "replicates": 1}
    evaluation = TINY["evaluation"] | {"victim": {"name": "knn"}}  # type: ignore[operator]
    changes = {"dataset": dataset, "task": task, "attack": attack, "evaluation": evaluation}
    file.write_text(yaml.safe_dump(TINY | changes))
    sweep = ["-m", "pgan_ray", "sweep", file, "--executor", "local", "--offline-tracking", "--out", tmp_path / "out"]
    done = python(installed, *sweep)
    assert done.returncode == 0, done.stderr
    # Where the package is not, its results are read by what the sweep's record says of it.
    report = subprocess.run(
        [sys.executable, "-m", "pgan_ray", "report", str(tmp_path / "out")], capture_output=True, text=True, check=False
    )
    assert report.returncode == 0, report.stderr
    assert "outer ring" in (tmp_path / "out" / "report" / "index.html").read_text()


def test_its_keys_and_names_are_told_in_faults(installed: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    victim = {"name": "nearest_mean", "powr": 3}
    evaluation = TINY["evaluation"] | {"victim": victim, "detector": {"name": "centroid_bxo"}}  # type: ignore[operator]
    file.write_text(yaml.safe_dump(TINY | {"evaluation": evaluation}))
    done = python(installed, "-m", "pgan_ray", "sweep", file, "--dry-run")
    assert done.returncode == 2
    assert "evaluation.victim.powr: is not a known key; did you mean `power`?" in done.stderr
    assert "got 'centroid_bxo'; did you mean `centroid_box`?" in done.stderr
