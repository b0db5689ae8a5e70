"""Where a sweep departs from the paper's setting."""

from pathlib import Path

from pgan_ray.spec import load_sweep
from pgan_ray.study.series import series_of
from pgan_ray.study.setting import departures, setting_text

SWEEPS = sorted(Path(__file__).parents[2].joinpath("sweeps").glob("*.yaml"))


def test_a_quick_profile_says_what_differs() -> None:
    file = next(file for file in SWEEPS if file.stem == "mnist_alpha")
    _, series = series_of(load_sweep(file, profile="quick"))
    found = {what: (paper, here) for what, paper, here in departures("mnist", series)}
    assert found["attack.epochs"] == ("2,000", "5,000 iterations")
    assert found["dataset.name"] == ("mnist", "mnist-5k")
    assert found["evaluation.victim.epochs"] == ("2,000", "80")
    assert "attack.alpha" not in found
    assert "attack.replicates" not in found


def test_lambda_is_explored_at_its_own_alpha() -> None:
    file = next(file for file in SWEEPS if file.stem == "mnist_lambda")
    _, series = series_of(load_sweep(file, profile="quick"))
    found = {what: (paper, here) for what, paper, here in departures("mnist", series)}
    assert found["attack.alpha"] == ("0.2", "0.1")
    assert "attack.lambda_prior" not in found


def test_settings_are_short() -> None:
    given = (True, 2000, 0.34118443957896166, 1e-4, "sgd", [1024, 512], None)
    assert [*map(setting_text, given)] == ["true", "2,000", "0.3412", "0.0001", "sgd", "[1024, 512]", "null"]
