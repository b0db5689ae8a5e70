"""A small sweep file, and what is wrong with variations of it."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.errors import SpecError
from pgan_ray.spec import Sweep, load_sweep
from pgan_ray.spec.layers import with_overrides
from pgan_ray.spec.yaml_file import dump_yaml

BODY: Mapping[str, Any] = {
    "name": "small",
    "controls": False,
    "dataset": {"name": "digits"},
    "task": {"classes": [3, 5], "poison_class": 5, "source_class": 3},
    "attack": {"alpha": 0.1, "lambda_prior": 0.9, "iterations": 10, "replicates": 2},
    "evaluation": {"poison_fractions": [0, 0.2, 0.4], "runs": 3, "train_per_class": 50},
}


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The small sweep file with the values at dotted keys replaced."""
    overrides = [(tuple(key.split(".")), value) for key, value in changes.items()]
    return with_overrides(deepcopy(dict(BODY)), overrides)


class Loader:
    """Writes sweep files into a folder and loads them."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "s.yaml"

    def __call__(self, changes: Mapping[str, Any] | str | None = None, **options: Any) -> Sweep:
        """Load the small sweep file with ``changes`` at dotted keys, or the text given."""
        text = changes if isinstance(changes, str) else dump_yaml(changed(changes or {}))
        self.file.write_text(text, encoding="utf-8")
        return load_sweep(self.file, **options)

    def faults(self, changes: Mapping[str, Any] | str | None = None, **options: Any) -> list[str]:
        """The lines of the error that comes of it, the file's name cut off."""
        with pytest.raises(SpecError, match=r"\S") as caught:
            self(changes, **options)
        lines = str(caught.value).splitlines()
        assert lines == caught.value.faults
        assert len(set(lines)) == len(lines)
        return [line.removeprefix(f"{self.file}:") for line in lines]


def ids(sweep: Sweep) -> Sequence[str]:
    return [configuration.id for configuration in sweep.configurations]
