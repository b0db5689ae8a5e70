"""From a file of raw features to a report, and from a frozen network to its head: on scikit-learn's data."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import pgan_ray
from pgan_ray import run_sweep
from pgan_ray.api.start import starting_text

SMALL = {
    "attack.alpha": 0.1,
    "attack.iterations": 30,
    "attack.replicates": 2,
    "attack.average_decay": 0.9,
    "evaluation.runs": 1,
}


def run(text: str, notices: list[str], **changes: object):  # type: ignore[no-untyped-def]
    Path("cancer.yaml").write_text(text)
    return run_sweep(
        "cancer.yaml",
        profile="quick",
        set=SMALL | changes,
        out="out",
        executor="local",
        offline_tracking=True,
        progress=notices.append,
    )


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    raw = load_breast_cancer()
    assert raw.data.max() > 4000
    np.savez("cancer.npz", features=raw.data, labels=raw.target)
    return starting_text(Path("cancer.yaml"), data="cancer.npz")


def test_raw_features_give_victims_that_work_and_poison_in_their_units(text: str) -> None:
    notices: list[str] = []
    result = run(text, notices)
    assert result.outcome == "complete"
    clean = [row["test_error"] for row in result.rows().to_pylist() if row["poison_fraction"] == 0]
    assert np.mean(clean) < 0.12  # unscaled, it was 40 %
    assert not [line for line in notices if "warning: " in line]
    raw = load_breast_cancer().data
    poison = result.poison("base", 0)
    assert (poison >= raw.min(0) - 1e-3).all()
    assert (poison <= raw.max(0) + 1e-3).all()
    assert poison[:, 3].max() > 200  # the mean area; scaled it was 1 at most
    assert Path(result.report("report")).is_file()


def test_what_a_generator_cannot_reach_is_told(text: str) -> None:
    notices: list[str] = []
    run(text, notices, **{"dataset.scaling": "none"})
    (line,) = (line for line in notices if "warning: " in line)
    assert "the generator ends in tanh and cannot reach" in line


def test_a_head_on_embeddings_of_a_frozen_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the handbook says it."""
    handbook = Path(pgan_ray.__file__).with_name("README.md").read_text(encoding="utf-8")
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", handbook, re.DOTALL) if "head.npz" in block)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    embeddings = np.load("head.npz")["features"]
    assert 100 < embeddings.shape[1] < 144
    victim = {"grid": [{"name": "logistic"}, {"name": "linear_svm"}]}
    result = run(starting_text(Path("head.yaml"), data="head.npz"), [], **{"evaluation.victim": victim})
    assert result.outcome == "complete"
    rows = result.rows().to_pylist()
    assert {row["variant"] for row in rows} == {"victim=linear_svm", "victim=logistic"}
    assert max(row["test_error"] for row in rows if row["poison_fraction"] == 0) < 0.1
    poison = result.poison("base", 0)
    assert poison.shape[1] == embeddings.shape[1]
    assert (poison >= embeddings.min(0) - 1e-3).all()
    assert (poison <= embeddings.max(0) + 1e-3).all()
    assert Path(result.report("report")).is_file()
