"""What can never run, told by the field that makes it so."""

import re
from pathlib import Path

import pytest

from pgan_ray.cost import least_points
from pgan_ray.cost.sweep import generators_bytes
from pgan_ray.errors import SpecError
from pgan_ray.runner.limits import Room, check_room, check_time
from pgan_ray.spec import Sweep
from tests.tiny import tiny_sweep

GB = 10**9
ROOM = Room(10 * GB, 5 * GB)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            "attack.generator.widths=[400000000]",
            "attack.generator.widths: MUST: one generator takes 1.24 TB, HAS 10",
        ),
        ("attack.discriminator.widths=[90000, 90000]", "attack.discriminator.widths: MUST: one generator takes"),
        ("attack.classifier.widths=[100000000]", "attack.classifier.widths: MUST: one generator takes"),
        ("attack.generator.noise_features=900000000", "attack.generator.noise_features: MUST: one generator takes"),
        ("attack.batch_size=100000000", "attack.batch_size: MUST: one generator takes"),
        ("attack.discriminator_steps=1000000", "attack.discriminator_steps: MUST: one generator takes"),
        (
            "evaluation.poison_set_size=1000000000",
            "evaluation.poison_set_size: MUST: one generator takes 512 GB, HAS",
        ),
        ("evaluation.victim.widths={grid: [[16], [90000, 90000]]}", "evaluation.victim.widths: MUST: one victim takes"),
        ("evaluation.victim.batch_size=500000000", "evaluation.victim.batch_size: MUST: one victim takes"),
    ],
)
def test_a_stack_of_one_must_fit(tmp_path: Path, override: str, line: str) -> None:
    line = re.escape(line.replace("MUST", "must fit a worker's memory").replace("HAS", "a worker here has"))
    sweep = tiny_sweep(tmp_path, override)
    with pytest.raises(SpecError, match=f"^f.yaml:{line}") as caught:
        check_room(sweep, least_points, ROOM, "f.yaml:")
    assert len(caught.value.faults) == 1  # not one for each configuration


def test_the_largest_data_set_counts(tmp_path: Path) -> None:
    of = ("dataset.name={grid: [digits, mnist-5k]}", "attack.generator.widths=[1000000]")
    with pytest.raises(SpecError, match="one generator takes 14"):
        check_room(tiny_sweep(tmp_path, *of), least_points, ROOM)


def test_what_just_fits_passes(tmp_path: Path) -> None:
    sweep = tiny_sweep(tmp_path)
    settings = sweep.configurations[0].settings
    taken = generators_bytes(settings.attack, settings.task, 64, 1, settings.evaluation.poison_set_size)
    check_room(sweep, least_points, Room(taken, GB))
    with pytest.raises(SpecError, match="one generator takes"):
        check_room(sweep, least_points, Room(taken - 1, GB))


def test_baselines_train_nothing(tmp_path: Path) -> None:
    check_room(tiny_sweep(tmp_path, "evaluation.poison_set_size=1000000000", "attack.name=none"), least_points, ROOM)


def test_of_a_worker_that_is_not_known_only_the_absurd_is_refused(tmp_path: Path) -> None:
    check_room(tiny_sweep(tmp_path, "attack.generator.widths=[100000000]"), least_points, Room())
    with pytest.raises(SpecError, match=r"one generator takes 1\.24 TB, no worker has more than 1 TB$"):
        check_room(tiny_sweep(tmp_path, "attack.generator.widths=[400000000]"), least_points, Room())


def long(folder: Path, iterations: int, steps: int = 1) -> Sweep:
    return tiny_sweep(folder, f"attack.iterations={iterations}", f"attack.generator_steps={steps}")


def test_what_takes_years_must_be_wanted(tmp_path: Path) -> None:
    check_time(long(tmp_path, 10**6), least_points)
    with pytest.raises(
        SpecError,
        match=r"^s\.yaml: a sweep must take at most 100 core years, at assumed speeds, unless --yes-really-large "
        r"is given, got [1-9],\d\d\d$",
    ):
        check_time(long(tmp_path, 10**9, 10**5), least_points, "s.yaml:")
    check_time(long(tmp_path, 10**9, 10**5), least_points, really_large=True)


def test_what_never_ends_is_refused_whatever_is_wanted(tmp_path: Path) -> None:
    for wanted in (False, True):
        with pytest.raises(SpecError, match=r"^tiny: a sweep must take at most 1,000,000 core years, at"):
            check_time(long(tmp_path, 10**9, 10**9), least_points, really_large=wanted)
