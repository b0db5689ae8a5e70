"""A sweep file to start from, for a built-in data set or a file of one's own."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgan_ray.api.studies import STUDIES
from pgan_ray.cost import Points, known_points
from pgan_ray.data import MIN_TEST_PER_CLASS
from pgan_ray.datasets import DatasetConfig
from pgan_ray.datasets.file import FileConfig
from pgan_ray.datasets.load import load_dataset, points_of_data
from pgan_ray.errors import DataError, SpecError
from pgan_ray.registry import DATASETS, VICTIMS, ComponentError, Registry
from pgan_ray.text import printable_line, typed

_TEST_FRACTIONS = (0.2, 0.3, 0.4, 0.5)
_LEAST = 20  # training points of a class: fewer are too few for a victim and a detector
_MOST = 500  # the paper's victims and detectors have so many
_NAMED = 12


@dataclass(frozen=True)
class _Found:
    """What the file says of the data: its section, sizes, and whether its values lie in [-1, 1]."""

    spec: DatasetConfig
    points: Points
    is_scaled: bool


def starting_text(
    file: Path, *, dataset: str | None = None, data: str | None = None, study: str = "alpha", victim: str | None = None
) -> str:
    """The text of a sweep file, to be called ``file``, for the data set named ``dataset`` or the points in ``data``.

    ``study``: one of `STUDIES`. ``victim``: the name of one whose keys all have defaults; else a perceptron.

    Raises:
        SpecError: there is no such data set or victim.
        DataError: ``data`` cannot be read, or has too few points for a sweep.
    """
    if victim is not None:
        config = _with_defaults(
            VICTIMS, "--victim", victim, "leave the option out, and write the section into the file by hand"
        )
        if not config.model_validate({"name": victim}).trains:
            raise SpecError([f"--victim {victim}: must be a victim that is trained, because the attack is to harm it"])
    found = _user_data(data) if data is not None else _named(dataset or "digits")
    spec, points, asked = found.spec, found.points, STUDIES[study]
    source, poison = _classes(spec, points)
    least = min(points.train[source], points.train[poison])
    if asked.judges_on_validation:
        held_out = int(least * spec.test_fraction)
        least -= held_out
        if held_out < MIN_TEST_PER_CLASS or least < _LEAST:
            rule = f"must have {_LEAST} points of each class to train on and {MIN_TEST_PER_CLASS} to judge trials on"
            raise DataError(f"{spec.known_as}: {rule}, both from its training split, got {least} and {held_out}")
    trusted, train = (min(_MOST, int(least * share + 1e-9)) for share in (asked.trusted, asked.trained))
    sample = min(20, trusted // 2)
    wide = min(512, max(64, 1 << (points.features - 1).bit_length() >> 2))
    title = f"Poison on {spec.known_as}: {asked.title}"
    values = {
        "title": printable_line(title),
        "description": _quoted(title),
        "file": typed(str(file)),
        "name": _quoted(re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9_.-]", "", file.stem)[:64] or "sweep"),
        "size": f"{points.features} feature(s), {sum(points.train.values()):,} training and "
        f"{sum(points.test.values()):,} test points",
        "dataset": "\n  ".join(_dataset_lines(spec)),
        "of": f"of the {len(points.train)} classes {_some(points.train)}",
        "source": source,
        "poison": poison,
        "noise": min(64, max(2, points.features)),
        "wide": wide,
        "half": wide // 2,
        "narrow": wide // 4,
        "output": "output_start: class_mean # without it, short training leaves speckle on plain backgrounds"
        if found.is_scaled
        else "output: linear # the values are not scaled to [-1, 1]",
        "train": train,
        "trusted": trusted,
        "points": round(0.8 * train),  # two fifths of both classes
        "validation": min(_MOST, least // 4),
        "least": f"{least:,}",
        "neighbours": min(5, sample),
        "sample": sample,
    }
    return asked.written(values, None if victim is None else _quoted(victim) if ":" in victim else victim)


def _with_defaults(registry: Registry, option: str, name: str, otherwise: str) -> type[Any]:
    """The schema of the component ``name``, none of whose keys must be given. Raises `SpecError`."""
    try:
        config = registry.config(name)
    except ComponentError as error:
        raise SpecError([f"{option}: {error}"]) from None
    needed = [key for key, field in config.model_fields.items() if field.is_required() and key != "name"]
    if needed:
        rule = f"must be a {registry.kind} without required keys"
        raise SpecError([f"{option} {name}: {rule}, got {', '.join(needed)}; {otherwise}"])
    return config


def _named(name: str) -> _Found:
    config = _with_defaults(DATASETS, "--dataset", name, "for a file, use --data")
    spec: DatasetConfig = config.model_validate({"name": name})
    points = known_points(spec)
    return _sized(spec) if points is None else _Found(spec, points, is_scaled=spec.component.is_scaled)


def _user_data(path: str) -> _Found:
    """Read it, with as large a share for testing as its classes need."""
    try:
        path.encode()
        spec = FileConfig.model_validate({"path": path})
    except ValueError:
        raise SpecError([f"--data {path}: must be the name of a file, in UTF-8"]) from None
    return _sized(spec)


def _sized(spec: DatasetConfig) -> _Found:
    dataset = load_dataset(spec, seed=0)
    for fraction in _TEST_FRACTIONS[1:]:
        points = points_of_data(dataset)
        if min(points.test.get(label, 0) for label in _largest(points)) >= MIN_TEST_PER_CLASS:
            break
        longer = spec.model_copy(update={"test_fraction": fraction})
        again = load_dataset(longer, seed=0)
        if len(again.test_labels) == len(dataset.test_labels):
            break  # it has a test split of its own
        spec, dataset = longer, again
    is_scaled = dataset.value_range is not None or dataset.scale is not None
    return _Found(spec, points_of_data(dataset), is_scaled=is_scaled)


def _largest(points: Points) -> tuple[int, int]:
    first, second = sorted(points.train, key=lambda label: (-points.train[label], label))[:2]
    return min(first, second), max(first, second)


def _classes(spec: DatasetConfig, points: Points) -> tuple[int, int]:
    """Source and poison class: the paper's, else the two with the most points. Raises `DataError` for too few."""
    usual = spec.component.usual_classes
    if usual is not None:
        source, poison = usual
        return source, poison
    chosen = _largest(points)
    if min(points.train[y] for y in chosen) < _LEAST or min(points.test.get(y, 0) for y in chosen) < MIN_TEST_PER_CLASS:
        sizes = {y: f"{points.train[y]} + {points.test.get(y, 0)} of class {y}" for y in chosen}
        raise DataError(
            f"{spec.known_as}: must have two classes of at least {_LEAST} training and {MIN_TEST_PER_CLASS} test "
            f"points, got at most {' and '.join(sizes.values())}"
        )
    return chosen


def _dataset_lines(spec: DatasetConfig) -> Iterable[str]:
    if isinstance(spec, FileConfig):
        yield f"path: {_quoted(spec.path)} # relative to the directory where the command is run"
    else:
        yield f"name: {_quoted(spec.name)}" if ":" in spec.name else f"name: {spec.name}"
    if spec.test_fraction != _TEST_FRACTIONS[0]:
        yield f"test_fraction: {spec.test_fraction} # of each class, so that the smaller class has enough"


def _quoted(text: str) -> str:
    """As YAML, on one line."""
    escaped = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(escaped)}"'


def _some(labels: Mapping[int, int]) -> str:
    names = [str(label) for label in sorted(labels)]
    return ", ".join(names) if len(names) <= _NAMED else f"{', '.join(names[:_NAMED])}, ..."
