"""Finished generators: weights, poison set, sample grids, training curve, and the record that says so.

Files of one replicate, under ``generators/<configuration>/r<replicate>/``; the record is written last, so where it
is, the rest is.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from safetensors.numpy import load, save

from pgan_ray.results.store import Store

FOLDER = "generators"
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class GeneratorRecord:
    """What became of one replicate. ``outcome``: complete, or diverged (then there is no poison set)."""

    configuration: str
    replicate: int
    outcome: str
    iterations: int
    seconds: float
    device: str
    image_shape: tuple[int, int] | None
    message: str = ""


@dataclass(frozen=True)
class GeneratorFiles:
    """What is stored of one replicate. Shapes: P poisoning points, S samples, F features.

    ``weights``: the generator's parameters, as `pgan_ray.nn.StackedMLP` names them, without the stack's dimension;
    ``architecture`` what else is needed to run it. ``poison`` (P, F). ``samples``: iteration -> (S, F), always of
    the same noise. ``training``: rows of `pgan_ray.results.TRAINING`.
    """

    weights: Arrays
    architecture: Mapping[str, object]
    poison: np.ndarray
    samples: Mapping[int, np.ndarray]
    training: pa.Table


def folder(configuration: str, replicate: int) -> str:
    """Where the replicate's files are."""
    return f"{FOLDER}/{configuration}/r{replicate}"


def write_generator(store: Store, record: GeneratorRecord, files: GeneratorFiles) -> None:
    """Write everything of one replicate; the record comes last."""
    here = folder(record.configuration, record.replicate)
    # safetensors keeps text beside the tensors: the file alone is enough to run the generator.
    metadata = {"architecture": json.dumps(dict(files.architecture), sort_keys=True)}
    store.write(f"{here}/generator.safetensors", save(_contiguous(files.weights), metadata))
    store.write(f"{here}/poison.safetensors", save(_contiguous({"poison": files.poison})))
    samples = {f"{iteration:09d}": points for iteration, points in files.samples.items()}
    store.write(f"{here}/samples.safetensors", save(_contiguous(samples)))
    store.write_table(f"{here}/training.parquet", files.training)
    store.write(f"{here}/record.json", json.dumps(asdict(record), indent=1).encode())


def read_record(store: Store, configuration: str, replicate: int) -> GeneratorRecord | None:
    """The replicate's record, or None while it is unfinished."""
    try:
        content = json.loads(store.read(f"{folder(configuration, replicate)}/record.json"))
    except FileNotFoundError:
        return None
    if content["image_shape"] is not None:
        content["image_shape"] = tuple(content["image_shape"])
    return GeneratorRecord(**content)


def read_poison(store: Store, configuration: str, replicate: int) -> np.ndarray:
    """The replicate's poison set, (P, F)."""
    arrays: dict[str, np.ndarray] = load(store.read(f"{folder(configuration, replicate)}/poison.safetensors"))
    return arrays["poison"]


def read_samples(store: Store, configuration: str, replicate: int) -> dict[int, np.ndarray]:
    """The replicate's samples by iteration, (S, F) each."""
    arrays = load(store.read(f"{folder(configuration, replicate)}/samples.safetensors"))
    return {int(name): arrays[name] for name in sorted(arrays, key=int)}


def read_training(store: Store, configuration: str, replicate: int) -> pa.Table:
    """The replicate's training curve."""
    return store.read_table(f"{folder(configuration, replicate)}/training.parquet")


def _contiguous(arrays: Arrays) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}
