"""Every sweep file that we ship resolves, with every profile."""

from pathlib import Path

import pytest

from pgan_ray.spec import SweepRecord, load_record, load_sweep, profile_names

SWEEPS = sorted(Path(__file__).parent.parent.joinpath("sweeps").glob("*.yaml"))
# (file, profile): configurations, replicates, cells
COUNTS = {
    ("fmnist_alpha", "paper"): (5, 25, 2250),
    ("fmnist_alpha", "quick"): (3, 15, 225),
    ("mnist_alpha", "paper"): (5, 25, 2250),
    ("mnist_alpha", "quick"): (3, 15, 225),
    ("mnist_alpha", "quick-full"): (3, 15, 225),
    ("mnist_detection", "paper"): (7, 35, 700),
    ("mnist_detection", "quick"): (5, 15, 300),
    ("mnist_label_flip", "paper"): (3, 5, 1350),
    ("mnist_label_flip", "quick"): (3, 5, 225),
    ("mnist_lambda", "paper"): (10, 50, 1000),
    ("mnist_lambda", "quick"): (4, 20, 120),
    ("mnist_targeted", "paper"): (1, 5, 250),
    ("mnist_targeted", "quick"): (1, 5, 75),
    ("mnist_train_size", "paper"): (1, 5, 500),
    ("mnist_train_size", "quick"): (1, 5, 80),
    ("synthetic", "paper"): (4, 20, 400),
    ("synthetic", "quick"): (4, 20, 400),
}


@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_it_resolves_with_every_profile(file: Path) -> None:
    for profile in profile_names(file):
        sweep = load_sweep(file, profile=profile)
        assert sweep.name == file.stem
        assert sweep.description
        record = SweepRecord("id", sweep)
        assert load_record(record.to_yaml(), "sweep.yaml") == record


@pytest.mark.parametrize("name", sorted(COUNTS), ids="-".join)
def test_its_size(name: tuple[str, str]) -> None:
    stem, profile = name
    (file,) = (file for file in SWEEPS if file.stem == stem)
    sweep = load_sweep(file, profile=profile)
    assert (len(sweep.configurations), sweep.generators, sweep.cells) == COUNTS[name]


def test_mnist_alpha_is_the_papers() -> None:
    """Figure 2, left, and Tables 3 and 4."""
    (file,) = (file for file in SWEEPS if file.stem == "mnist_alpha")
    sweep = load_sweep(file)
    assert [c.settings.attack.alpha for c in sweep.configurations] == [0.1, 0.3, 0.5, 0.7, 0.9]
    settings = sweep.configurations[0].settings
    attack, evaluation = settings.attack, settings.evaluation
    assert (settings.dataset.name, settings.task.poison_class, settings.task.source_class) == ("mnist", 5, 3)
    assert (attack.lambda_prior, attack.replicates, attack.epochs, attack.batch_size) == (0.9, 5, 2000, 200)
    assert (attack.discriminator_steps, attack.classifier_steps, attack.generator_steps) == (4, 4, 1)
    assert (attack.generator_loss, attack.sample_from) == ("algorithm1", "last")
    assert evaluation.poison_fractions == [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4]
    assert (evaluation.runs, evaluation.train_per_class, evaluation.trusted_per_class) == (10, 500, 500)
    assert (evaluation.victim.epochs, evaluation.victim.widths) == (2000, [1024, 512])
    detector = evaluation.detector
    assert (detector.neighbours, detector.sample_size, detector.percentile) == (5, 20, 0.95)
