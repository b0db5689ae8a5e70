"""The README's numbers have rows behind them."""

import re
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from infra.docs import results
from infra.docs.results import KEPT, TABLES, keep, update
from pgan_ray.api import open_sweep, run_sweep
from tests.tiny import TINY

ROOT = Path(__file__).parents[2]
FILES = [file for file in (ROOT / "README.md", ROOT / "sweeps" / "README.md") if file.exists()]
SWEEPS = sorted(path.name for path in KEPT.iterdir())


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_tables_are_those_of_the_kept_rows(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count("<!-- results:") == 2 * text.count("<!-- results:end -->")
    assert text == update(text), "run: make docs"


def test_every_kept_sweep_is_spoken_of() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in FILES)
    assert SWEEPS
    assert [name for name in SWEEPS if f"<!-- results:{name} " not in text] == []


@pytest.mark.parametrize("name", SWEEPS)
def test_a_kept_sweep_is_whole_sound_and_of_a_known_machine(name: str) -> None:
    result = open_sweep(str(KEPT / name))
    assert result.rows().num_rows == result.record.sweep.cells
    assert not result.left_out
    facts = result.record.facts
    assert {"cpu", "torch", "git_commit", "started", "dataset_digest"} <= set(facts)
    assert not any(re.search(r"(^|\s)/\w+/", text) for text in facts.values()), "no paths of a machine"


def test_what_is_kept_of_a_sweep_reads_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "KEPT", tmp_path / "kept")
    ran = run_sweep(TINY | {"controls": True}, out=str(tmp_path / "out"), executor="local", offline_tracking=True)
    place = keep(tmp_path / "out")
    assert place.name == "tiny-body"
    kept = open_sweep(str(place))
    assert kept.rows().equals(ran.rows())
    assert not list(place.rglob("*.safetensors"))
    text = "".join(f"<!-- results:tiny-body {table} -->\nold\n<!-- results:end -->\n" for table in TABLES)
    made = update(text)
    assert "old" not in made
    assert update(made) == made
    assert "| α 0.1 | `removal` | " in made
    assert "removal (control)" in made
    table = ran.rows().filter((pc.field("poison_fraction") == 0.4) & (pc.field("outcome") == "complete"))
    errors = {
        alpha: np.mean(table.filter(pc.field("configuration") == f"alpha={alpha}")["test_error"])
        for alpha in (0.1, 0.9)
    }
    assert f"| alpha 0.9 | alpha 0.1 | {100 * (errors[0.9] - errors[0.1]):.1f} " in made
