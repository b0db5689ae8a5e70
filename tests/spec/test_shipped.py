"""The shipped sweeps by name, and what else may stand in a sweep file's place."""

from pathlib import Path

import pytest

from pgan_ray.errors import SpecError
from pgan_ray.spec import shipped_sweeps, sweep_text

FILES = sorted(Path(__file__).parents[2].joinpath("sweeps").glob("*.yaml"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_file_of_ours_is_shipped_under_its_name() -> None:
    assert [(name, file.name) for name, file in shipped_sweeps().items()] == [(f.stem, f.name) for f in FILES]


def test_a_name_is_a_shipped_sweep_from_any_directory() -> None:
    found = sweep_text("mnist_alpha")
    assert found.text == shipped_sweeps()["mnist_alpha"].read_text(encoding="utf-8")
    assert found.origin == "mnist_alpha"


def test_a_file_of_ones_own_goes_first_and_a_folder_does_not() -> None:
    Path("mnist_alpha").mkdir()  # as a sweep's results may be called
    assert sweep_text("mnist_alpha").text.startswith("# Fig. 2")
    Path("synthetic").write_text("name: mine")
    assert sweep_text("synthetic").text == "name: mine"
    Path("mnist_lambda.yaml").write_text("name: mine, too")
    assert sweep_text("mnist_lambda.yaml").text == "name: mine, too"
    assert sweep_text("mnist_lambda").text.startswith("# Fig. 4")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "mnist_alfa",
            r"mnist_alfa: must be a sweep file or .*; did you mean `mnist_alpha`\? shipped: fmnist",
        ),
        (
            "nothing-alike",
            r"nothing-alike: must be a sweep file or .*, got neither; shipped: fmnist_alpha, fmnist_pairs",
        ),
        ("x" * 999, "must be a sweep file or the name of a shipped sweep, got neither"),
        ("a\nb\0", r"^a\\nb\\x00: must be a sweep file or the name of a shipped sweep, got neither"),
        ("nowhere.yaml", "^nowhere.yaml: must be a sweep file, got no such file$"),
        ("./mnist_alpha", r"^\./mnist_alpha: must be a sweep file, got no such file; .* sweep, write `mnist_alpha`$"),
        ("sweeps/mnist_alpha.yaml", "got no such file; for the shipped sweep, write `mnist_alpha`$"),
        (".", "must be a sweep file or the name of a shipped sweep, got neither"),
    ],
)
def test_what_is_neither_is_told_with_what_there_is(given: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        sweep_text(given)
