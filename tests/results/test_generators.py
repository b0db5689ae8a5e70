"""Finished generators: what is stored of them."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from safetensors import safe_open

from pgan_ray.results import (
    TRAINING,
    GeneratorFiles,
    GeneratorRecord,
    Store,
    read_poison,
    read_record,
    read_samples,
    read_training,
    write_generator,
)
from pgan_ray.results.generators import holds_perceptron, read_weights

RECORD = GeneratorRecord(
    configuration="alpha=0.1",
    replicate=3,
    outcome="complete",
    iterations=600,
    seconds=1.25,
    device="cpu",
    image_shape=(2, 3),
)


def files(seed: int = 0) -> GeneratorFiles:
    random = np.random.default_rng(seed)
    samples = {iteration: random.random((2, 6), np.float32) for iteration in (600, 0, 12, 9)}
    point = {"timestamp_ms": 1_700_000_000_000, "metrics": {"loss": 0.5}}
    return GeneratorFiles(
        weights={
            "layers.0.weight": random.random((4, 5), np.float32).T,  # not contiguous
            "layers.0.bias": random.random(4, np.float32),
        },
        architecture={"noise_features": 5, "batch_norm": False, "image_shape": (2, 3)},
        poison=random.random((7, 6), np.float32),
        samples=samples,
        training=pa.Table.from_pylist([point | {"iteration": i} for i in (12, 24)], schema=TRAINING),
    )


def test_what_is_written_is_read(store: Store) -> None:
    assert read_record(store, "alpha=0.1", 3) is None
    made = files()
    write_generator(store, RECORD, made)
    assert read_record(store, "alpha=0.1", 3) == RECORD
    poison = read_poison(store, "alpha=0.1", 3)
    np.testing.assert_array_equal(poison, made.poison)
    assert poison.flags.writeable  # torch warns of arrays that are not
    assert read_training(store, "alpha=0.1", 3).equals(made.training)
    samples = read_samples(store, "alpha=0.1", 3)
    assert list(samples) == [0, 9, 12, 600]
    for iteration, points in samples.items():
        np.testing.assert_array_equal(points, made.samples[iteration])
    assert read_record(store, "alpha=0.1", 0) is None
    assert read_record(store, "alpha=0.15", 3) is None


def test_samples_come_in_the_order_of_iterations_however_many(store: Store) -> None:
    points = np.zeros((1, 2), np.float32)
    made = replace(files(), samples=dict.fromkeys((10**10, 10**9, 999_999_999, 5), points))
    write_generator(store, RECORD, made)
    assert list(read_samples(store, "alpha=0.1", 3)) == [5, 999_999_999, 10**9, 10**10]


def test_the_weights_file_is_enough_to_run_the_generator(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = Store(tmp_path_factory.mktemp("sweep"))
    made = files()
    write_generator(store, RECORD, made)
    path = f"{store.location}/generators/alpha=0.1/r3/generator.safetensors"
    with safe_open(path, framework="numpy") as file:
        assert json.loads(file.metadata()["architecture"]) == {**made.architecture, "image_shape": [2, 3]}
        assert set(file.keys()) == set(made.weights)
        for name, weight in made.weights.items():
            np.testing.assert_array_equal(file.get_tensor(name), weight)


def test_a_diverged_generator_has_no_poison(store: Store) -> None:
    record = replace(RECORD, outcome="diverged", message="a loss was not finite by iteration 12", image_shape=None)
    made = replace(files(), poison=np.empty((0, 6), np.float32), samples={}, training=TRAINING.empty_table())
    write_generator(store, record, made)
    assert read_record(store, "alpha=0.1", 3) == record
    assert read_poison(store, "alpha=0.1", 3).shape == (0, 6)
    assert read_samples(store, "alpha=0.1", 3) == {}
    assert read_training(store, "alpha=0.1", 3).num_rows == 0


def test_the_record_is_the_last_to_come(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the writing stops, there is no record, and so the replicate is unfinished."""
    write = Store.write
    for stop in range(5):
        written: list[str] = []

        def stopping(
            self: Store, name: str, content: bytes, *, most: int = stop, done: list[str] = written, **how: bool
        ) -> None:
            if len(done) == most:
                raise OSError("the machine is gone")
            done.append(name)
            write(self, name, content, **how)

        with monkeypatch.context() as patched:
            patched.setattr(Store, "write", stopping)
            with pytest.raises(OSError, match="the machine is gone"):
                write_generator(store, RECORD, files())
        assert read_record(store, "alpha=0.1", 3) is None
    write_generator(store, RECORD, files())
    assert read_record(store, "alpha=0.1", 3) == RECORD


def test_writing_again_replaces_it(store: Store) -> None:
    write_generator(store, RECORD, files(0))
    write_generator(store, replace(RECORD, seconds=9.0), files(1))
    np.testing.assert_array_equal(read_poison(store, "alpha=0.1", 3), files(1).poison)
    assert read_record(store, "alpha=0.1", 3) == replace(RECORD, seconds=9.0)
    assert len(store.names("")) == 5


@pytest.mark.parametrize("architecture", [{}, {"kind": "field", "noise_features": 3}, {"noise_features": "many"}])
def test_the_weights_of_another_attack_are_what_it_says(store: Store, architecture: dict[str, object]) -> None:
    weights = {"field": np.ones((2, 3, 4)), "steps": np.arange(3)}
    write_generator(store, RECORD, replace(files(), weights=weights, architecture=architecture))
    content = read_weights(store, RECORD.configuration, RECORD.replicate)
    assert not holds_perceptron(content), "it is no model that we can run"
    spoiled = replace(files(), weights=weights | {"field": np.full(2, np.nan)}, architecture=architecture)
    write_generator(store, RECORD, spoiled)
    with pytest.raises(ValueError, match="must hold a generator's weights, got what is not a finite number"):
        read_weights(store, RECORD.configuration, RECORD.replicate)


def test_the_weights_of_a_perceptron_must_run(store: Store) -> None:
    architecture = {"kind": "mlp", "noise_features": 5, "batch_norm": False, "negative_slope": 0.1, "output": "tanh"}
    write_generator(store, RECORD, replace(files(), architecture=architecture))
    assert holds_perceptron(read_weights(store, RECORD.configuration, RECORD.replicate))
    write_generator(store, RECORD, replace(files(), architecture=architecture | {"noise_features": 4}))
    with pytest.raises(ValueError, match="an invalid shape of layer 0"):
        read_weights(store, RECORD.configuration, RECORD.replicate)
