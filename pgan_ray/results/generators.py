"""Finished generators: weights, poison set, sample grids, training curve, and the record that says so.

Files of one replicate, under ``generators/<configuration>/r<replicate>/``; the record is written last, so where it
is, the rest is.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pgan_ray.results import json_text
from pgan_ray.results.identity import foreign
from pgan_ray.results.schema import TRAINING, is_duration
from pgan_ray.results.store import Store
from pgan_ray.spec import SweepRecord

FOLDER = "generators"
MAX_RECORD = 1 << 20  # bytes
LATEST_MS = 1 << 43  # in the year 2248
_SAMPLES = re.compile(r"\d{1,18}")
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class GeneratorRecord:
    """What became of one replicate. ``outcome``: complete, or diverged (then there is no poison set).

    ``sweep_id``, ``digest``: whose it is; ``metrics``: the last ones of its training. Empty in those of earlier
    versions.
    """

    configuration: str
    replicate: int
    outcome: str
    iterations: int
    seconds: float
    device: str
    image_shape: tuple[int, int] | None
    message: str = ""
    sweep_id: str = ""
    digest: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class GeneratorFiles:
    """What is stored of one replicate. Shapes: P poisoning points, S samples, F features.

    ``weights``: the generator's parameters; ``architecture`` what else is needed to run it. With the ``kind`` "mlp"
    these are a perceptron's, as `pgan_ray.nn.StackedMLP` names them, without the stack's dimension; those of another
    attack are what it says. ``poison`` (P, F). ``samples``: iteration -> (S, F), always of
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


def read_record(
    store: Store, configuration: str, replicate: int, sweep: SweepRecord | None = None
) -> GeneratorRecord | None:
    """The replicate's record, or None while it is unfinished.

    Raises `ValueError` where it is not as it must be, or not of ``sweep``.
    """
    try:
        text = store.read(f"{folder(configuration, replicate)}/record.json", MAX_RECORD)
    except FileNotFoundError:
        return None
    try:
        content = json_text.parse(text)
        if content["image_shape"] is not None:
            content["image_shape"] = tuple(content["image_shape"])
        record = GeneratorRecord(**content)
        _check_record(record)
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"must be a generator's record, got {type(error).__name__}: {error}") from None
    if (record.configuration, record.replicate) != (configuration, replicate):
        raise ValueError(f"must be of {configuration}/r{replicate}, got {record.configuration}/r{record.replicate}")
    reason = sweep and foreign(content, sweep)
    if reason:
        raise ValueError(reason)
    return record


def _check_record(record: GeneratorRecord) -> None:
    shape = record.image_shape
    rules = {
        "outcome": record.outcome in ("complete", "diverged"),
        "iterations": _is_count(record.iterations),
        "seconds": is_duration(record.seconds),
        "image_shape": shape is None or (len(shape) == 2 and all(_is_count(side) and side for side in shape)),
        "replicate": _is_count(record.replicate),
        "metrics": _are_numbers(record.metrics),
    }
    texts = ("configuration", "device", "message", "sweep_id", "digest")
    rules |= {name: isinstance(getattr(record, name), str) for name in texts}
    for name, holds in rules.items():
        if not holds:
            raise ValueError(f"`{name}` must be as a sweep writes it, got {str(getattr(record, name))[:80]!r}")


def _are_numbers(metrics: object) -> bool:
    if not isinstance(metrics, dict):
        return False
    return all(type(value) in (int, float) and math.isfinite(value) for value in metrics.values())


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def read_poison(store: Store, configuration: str, replicate: int) -> np.ndarray:
    """The replicate's poison set, (P, F). Raises `ValueError` where there is none."""
    arrays = _arrays(store.read(f"{folder(configuration, replicate)}/poison.safetensors"))
    poison = arrays.get("poison")
    if poison is None or poison.ndim != 2 or poison.dtype != np.float32 or not np.isfinite(poison).all():
        raise ValueError("must hold the points `poison`, finite and (P, F)")
    return poison


def read_samples(store: Store, configuration: str, replicate: int) -> dict[int, np.ndarray]:
    """The replicate's samples by iteration, (S, F) each. Raises `ValueError` where they are none."""
    arrays = _arrays(store.read(f"{folder(configuration, replicate)}/samples.safetensors"))
    if any(points.ndim != 2 or points.dtype != np.float32 for points in arrays.values()):
        raise ValueError("must hold points, (S, F)")
    if not all(_SAMPLES.fullmatch(name) for name in arrays):
        raise ValueError("must name its points by iterations")
    return {int(name): arrays[name] for name in sorted(arrays, key=int)}


def read_weights(store: Store, configuration: str, replicate: int) -> bytes:
    """The file of the replicate's weights, whole, finite, and a perceptron's such that it runs; else `ValueError`."""
    content = store.read(f"{folder(configuration, replicate)}/generator.safetensors")
    arrays = _arrays(content)
    try:
        architecture = _architecture(content)
        problem = _perceptron_problem(arrays, architecture) if _is_perceptron(architecture) else None
    except (KeyError, TypeError, RecursionError) as error:
        problem = f"{type(error).__name__}: {error}"
    if not problem and not all(np.isfinite(array).all() for array in arrays.values()):
        problem = "what is not a finite number"
    if problem:
        raise ValueError(f"must hold a generator's weights, got {problem}")
    return content


def holds_perceptron(weights: bytes) -> bool:
    """Whether `read_weights` gave those of a perceptron: what runs those can run them."""
    return _is_perceptron(_architecture(weights))


def _architecture(weights: bytes) -> Mapping[str, Any]:
    header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
    architecture = json.loads(header["__metadata__"]["architecture"])
    if not isinstance(architecture, Mapping):
        raise TypeError("the architecture must be a mapping")
    return architecture


def _is_perceptron(architecture: Mapping[str, Any]) -> bool:
    return bool(architecture.get("kind") == "mlp")


def _perceptron_problem(arrays: Arrays, architecture: Mapping[str, Any]) -> str | None:
    """Why ``arrays`` are no generator of this ``architecture``, or None."""
    layers = sum(name.startswith("layers.") and name.endswith(".weight") for name in arrays)
    width = architecture["noise_features"]
    if type(architecture["batch_norm"]) is not bool or architecture["output"] not in ("tanh", "linear"):
        return "an invalid architecture"
    if not layers or not math.isfinite(architecture["negative_slope"]):
        return "an invalid architecture"
    for index in range(layers):
        weight, bias = arrays[f"layers.{index}.weight"], arrays[f"layers.{index}.bias"]
        if weight.ndim != 2 or weight.shape[0] != width or bias.size != weight.shape[1]:
            return f"an invalid shape of layer {index}"
        width = weight.shape[1]
        if architecture["batch_norm"] and index < layers - 1:
            norms = [arrays[f"norms.{index}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")]
            if any(norm.shape != (width,) for norm in norms) or (norms[-1] < 0).any():
                return f"an invalid norm of layer {index}"
    return None if all(array.dtype == np.float32 for array in arrays.values()) else "what is not float32"


def read_training(store: Store, configuration: str, replicate: int) -> pa.Table:
    """The replicate's training curve. Raises `ValueError` where it is none."""
    table = store.read_table(f"{folder(configuration, replicate)}/training.parquet")
    try:
        table = table.select(TRAINING.names).cast(TRAINING)
        table.validate(full=True)
    except (KeyError, TypeError, NotImplementedError) as error:
        raise ValueError(f"must be a training curve, got {' '.join(str(error).split())}") from None
    for name, most in (("iteration", 1 << 53), ("timestamp_ms", LATEST_MS)):
        values = table[name].to_numpy()
        if table[name].null_count or ((values < 0) | (values > most)).any():
            raise ValueError(f"`{name}` must be from 0 to {most}")
    return table


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    try:
        arrays: dict[str, np.ndarray] = load(content)
    except (SafetensorError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"must be a whole safetensors file, got {' '.join(str(error).split())}") from None
    return arrays


def _contiguous(arrays: Arrays) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}
