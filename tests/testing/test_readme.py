"""The README's components of one's own pass the contracts."""

import re
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.registry import DATASETS, DETECTORS, VICTIMS
from pgan_ray.testing import check_dataset, check_detector, check_victim

README = Path(__file__).parents[2] / "pgan_ray" / "README.md"


def test_the_readmes_components_pass_the_contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = README.read_text().partition("## Your own classifier, attack, detector or data set")[2]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert code is not None
    (tmp_path / "my_lab.py").write_text(code[1])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    training: dict[str, Any] = {"epochs": 10, "batch_size": 30, "optimizer": {"name": "adam", "learning_rate": 0.02}}
    check_victim("my_lab:Wide", hidden=8, **training)
    check_detector("my_lab:Box", percentile=0.9)
    check_dataset("my_lab:Moons", noise=0.3)
    assert DATASETS.config("my_lab:Moons")(noise=0.3).name in section
    assert VICTIMS.config("my_lab:Wide")(hidden=32).name in section
    assert DETECTORS.config("my_lab:Box")().name in section
    name = "sklearn.tree:DecisionTreeClassifier"
    assert name in section
    check_victim(name, max_depth=8)
