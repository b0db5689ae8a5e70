import io
import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pgan_ray.data import Dataset, TaskData, select_task
from pgan_ray.datasets.load import load_dataset
from pgan_ray.errors import DataError
from pgan_ray.spec.dataset import TaskSpec
from tests.tiny import dataset_config

LABELS = np.repeat([3, 5], 10)
FLOATS = np.linspace(-4, 4, 60, dtype=np.float64).reshape(20, 3)
BYTES = np.arange(20 * 6, dtype=np.uint8).reshape(20, 2, 3)


def load(path: Path, **settings: Any) -> Dataset:
    return load_dataset(dataset_config(path=str(path), **settings), seed=0)


def npz(tmp_path: Path, **arrays: Any) -> Path:
    np.savez(tmp_path / "my.npz", **arrays)
    return tmp_path / "my.npz"


def parquet(tmp_path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), tmp_path / "my.parquet", row_group_size=7)
    return tmp_path / "my.parquet"


def lists(values: Any, length: int = -1) -> pa.Array:
    return pa.array(values.tolist(), type=pa.list_(pa.from_numpy_dtype(values.dtype), length))


def sorted_rows(dataset: Dataset) -> list[list[float]]:
    return sorted(np.concatenate([dataset.train_features, dataset.test_features]).tolist())


def test_npz_of_floats_is_not_scaled_and_gets_a_test_split(tmp_path: Path) -> None:
    path = npz(tmp_path, features=FLOATS, labels=LABELS)
    dataset = load(path, test_fraction=0.3)
    assert dataset.name == str(path)
    assert dataset.source == f"file {path}"
    assert dataset.train_features.dtype == np.float32
    assert np.bincount(dataset.train_labels)[[3, 5]].tolist() == [7, 7]
    assert np.bincount(dataset.test_labels)[[3, 5]].tolist() == [3, 3]
    assert sorted_rows(dataset) == FLOATS.astype(np.float32).tolist()
    assert (dataset.image_shape, dataset.value_range) == (None, None)


def test_the_test_split_stays_when_the_file_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = npz(tmp_path, features=FLOATS, labels=LABELS)
    before = load(path)
    (tmp_path / "other").mkdir()
    moved = path.rename(tmp_path / "other" / path.name)
    monkeypatch.chdir(tmp_path / "other")
    assert load(moved).digest == load(Path(path.name)).digest == before.digest


def test_npz_of_byte_images(tmp_path: Path) -> None:
    dataset = load(npz(tmp_path, features=BYTES, labels=LABELS, test_features=BYTES[:4], test_labels=LABELS[:4]))
    assert dataset.train_features.dtype == np.uint8
    np.testing.assert_array_equal(dataset.train_features, BYTES.reshape(20, 6))
    np.testing.assert_array_equal(dataset.test_features, BYTES[:4].reshape(4, 6))
    assert (dataset.image_shape, dataset.value_range) == ((2, 3), (0.0, 255.0))


def test_value_range_is_kept_and_checked(tmp_path: Path) -> None:
    path = npz(tmp_path, features=FLOATS, labels=LABELS)
    assert load(path, value_range=[-4, 4]).value_range == (-4.0, 4.0)
    with pytest.raises(DataError, match=r"must lie in `value_range` \[-1.0, 1.0\], got -4 to 4"):
        load(path, value_range=[-1, 1])
    tenths = npz(tmp_path, features=np.full((20, 2), 0.1, dtype=np.float32), labels=LABELS)
    assert load(tenths, value_range=[0, 0.1]).value_range == (0.0, 0.1)
    with pytest.raises(DataError, match="got 0 to 119"):
        load(npz(tmp_path, features=BYTES, labels=LABELS), value_range=[0, 16])


NAN = FLOATS.copy()
NAN[4, 1] = np.nan
HUGE = FLOATS.copy()
HUGE[0, 0] = 1e300


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": LABELS}, "must hold one array `features`, got labels"),
        ({"features": FLOATS}, "must hold one array `labels`, got features"),
        ({}, "must hold one array `features`, got none at all"),
        ({"features": FLOATS[:7], "labels": LABELS}, "must have the same length, got 7 and 20"),
        ({"features": FLOATS[:, 0], "labels": LABELS}, r"must have shape .* got \(20,\)"),
        ({"features": FLOATS[:, :0], "labels": LABELS}, r"must have shape .* got \(20, 0\)"),
        ({"features": FLOATS, "labels": LABELS[:, None]}, r"must have shape \(points,\), got \(20, 1\)"),
        (
            {"features": NAN, "labels": LABELS},
            r"must be finite in float32, got nan at point 4, feature 1 \(1 of 20 points hold such values, 1 in this fe",
        ),
        ({"features": HUGE, "labels": LABELS}, r"must be finite in float32, got 1e\+300 at point 0"),
        ({"features": FLOATS.astype(str), "labels": LABELS}, "must hold numbers, got dtype <U"),
        (
            {"features": FLOATS, "labels": LABELS / 2},
            "must be whole numbers of an integer type, got dtype float64",
        ),
        (
            {"features": FLOATS, "labels": LABELS.astype(np.uint64) + 2**63},
            "must fit in a signed 64-bit integer, got 92",
        ),
        ({"features": FLOATS + 0j, "labels": LABELS}, "`features` must hold numbers, got dtype complex128"),
        ({"features": FLOATS.astype("M8[s]"), "labels": LABELS}, "`features` must hold numbers, got dtype datetime64"),
        ({"features": FLOATS[:, None, None], "labels": LABELS}, r"must have shape .* got \(20, 1, 1, 3\)"),
        (
            {"features": FLOATS * np.inf, "labels": LABELS},
            r"`features` must be finite in float32",
        ),
        ({"features": FLOATS, "labels": LABELS * 0}, r"`labels` must hold at least 2 classes, got \[0\]"),
        ({"features": FLOATS[:0], "labels": LABELS[:0]}, r"must have shape .* got \(0, 3\)"),
        (
            {"features": FLOATS, "labels": LABELS.astype(object)},
            "`labels` must be whole numbers of an integer type, got dtype object",
        ),
        (
            {"features": FLOATS, "labels": LABELS, "test_features": FLOATS},
            "must be given together or not at all, got only `test_features`",
        ),
        (
            {"features": FLOATS, "labels": LABELS, "test_features": FLOATS[:, :2], "test_labels": LABELS},
            r"same shape and type, got \[3\] float32 and \[2\] float32",
        ),
        (
            {"features": BYTES, "labels": LABELS, "test_features": BYTES / 255, "test_labels": LABELS},
            r"same shape and type, got \[2, 3\] uint8 and \[2, 3\] float32",
        ),
        (
            {"features": FLOATS, "labels": LABELS, "test_features": NAN, "test_labels": LABELS},
            "`test_features` must be finite",
        ),
    ],
)
def test_npz_that_breaks_a_rule(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    path = npz(tmp_path, **arrays)
    with pytest.raises(DataError, match=rf"^{path}: .*{message}"):
        load(path)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was loaded",)


def test_files_that_are_no_npz(tmp_path: Path) -> None:
    path = tmp_path / "my.npz"
    whole = npz(tmp_path, features=FLOATS, labels=LABELS).read_bytes()
    for content in (b"", b"features,labels", whole[:-30], pickle.dumps(Bomb())):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"must be a NumPy .npz archive, got"):
            load(path)
    with path.open("wb") as out:
        np.save(out, FLOATS)
    with pytest.raises(DataError, match=r"must be an .npz archive of named arrays"):
        load(path)
    damaged = bytearray(whole)
    damaged[300] ^= 1  # in the values of `features`
    path.write_bytes(bytes(damaged))
    with pytest.raises(DataError, match="`features` must be a whole array of numbers, got Bad CRC-32"):
        load(path)


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.npz: must be a file that exists"):
        load(tmp_path / "none.npz")
    with pytest.raises(DataError, match=r"must end in .npz, .parquet, .csv, got .tsv"):
        load(tmp_path / "my.tsv")
    with pytest.raises(DataError, match="got no extension"):
        load(tmp_path / "my")


@pytest.mark.parametrize("length", [-1, 3])
def test_parquet_with_a_list_column(tmp_path: Path, length: int) -> None:
    features = lists(FLOATS.astype(np.float32), length)
    dataset = load(parquet(tmp_path, {"id": ["x"] * 20, "label": LABELS, "features": features}))
    assert sorted_rows(dataset) == FLOATS.astype(np.float32).tolist()
    assert dataset.value_range is None
    assert np.bincount(dataset.train_labels)[[3, 5]].tolist() == [8, 8]


def test_parquet_with_a_column_for_each_feature_and_a_split(tmp_path: Path) -> None:
    split = pa.array(["train", "train", "test", "train"] * 5).dictionary_encode()
    columns = {"b": BYTES[:, 0, 0], "label": LABELS.astype(np.int8), "a": BYTES[:, 0, 1], "split": split}
    dataset = load(parquet(tmp_path, columns))
    rows = np.arange(20) % 4 == 2
    np.testing.assert_array_equal(dataset.test_features, BYTES[rows, 0, :2])
    np.testing.assert_array_equal(dataset.train_features, BYTES[~rows, 0, :2])
    assert dataset.train_labels.tolist() == LABELS[~rows].tolist()
    assert dataset.value_range == (0.0, 255.0)


def test_parquet_with_mixed_columns_is_float(tmp_path: Path) -> None:
    columns = {"label": LABELS, "a": BYTES[:, 0, 0], "b": FLOATS[:, 0], "c": LABELS == 3}
    dataset = load(parquet(tmp_path, columns))
    assert dataset.train_features.dtype == np.float32
    assert dataset.train_features.shape == (16, 3)
    assert set(dataset.train_features[dataset.train_labels == 3, 2].tolist()) == {1.0}


def test_parquet_below_a_folder_that_looks_like_a_partition(tmp_path: Path) -> None:
    folder = tmp_path / "label=9"
    folder.mkdir()
    assert set(load(parquet(folder, {"label": LABELS, "a": FLOATS[:, 0]})).train_labels.tolist()) == {3, 5}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": FLOATS[:, 0]}, "must have a column `label`, got a"),
        ({"label": LABELS}, "must have numeric columns, or a list column `features`, beside `label`, got neither"),
        ({"label": LABELS, "a": ["x"] * 20}, "column `a` must be numeric, got string"),
        ({"label": LABELS, "a": pa.array([None, *range(19)])}, "column `a` must have no nulls, got 1"),
        ({"label": pa.array([None, *range(19)]), "a": LABELS}, "column `label` must have no nulls, got 1"),
        ({"label": LABELS / 2, "a": LABELS}, "`label` must be whole numbers"),
        (
            {"label": LABELS, "features": pa.array([[1.0], [1.0, 2.0]] * 10)},
            "must all have the same length, got 1 to 2",
        ),
        (
            {"label": LABELS, "features": pa.array([[1.0], [None]] * 10)},
            "column `features` must have no nulls",
        ),
        ({"label": LABELS, "features": pa.array([[1.0], None] * 10)}, "column `features` must have no nulls"),
        (
            {"label": LABELS, "features": pa.array([[[1.0]]] * 20)},
            "column `features` must be numeric, got list",
        ),
        ({"label": LABELS, "features": pa.array([[np.inf]] * 20)}, "`features` must be finite"),
        (
            {"label": LABELS, "a": LABELS, "split": ["train", "valid"] * 10},
            r"`split` must hold .*train, valid",
        ),
        ({"label": LABELS, "a": LABELS, "split": ["train"] * 20}, r"and nothing else, got train$"),
        ({"label": LABELS, "a": LABELS, "split": LABELS}, "`split` must hold both `train` and `test`.* got int64"),
        ({"label": LABELS, "a": LABELS, "split": ["train", "test", None, "test"] * 5}, "got None, test, train$"),
        ({"label": LABELS, "a": LABELS, "split": [f"s{i}" for i in range(20)]}, "s16, s17, and 10 more$"),
        (
            {"label": ["x" * 10**6] * 20, "a": LABELS},
            "`label` must be whole numbers of an integer type, got string; number the classes",
        ),
        ({"label": LABELS, "a": pa.array(["x", "y"] * 10).dictionary_encode()}, "`a` must be numeric, got dictionary"),
        (
            {"label": LABELS, "features": pa.array(FLOATS.tolist()), "features.x": ["x"] * 20},
            "must not begin with another column's name and a dot, got features.x",
        ),
        ({"label": LABELS[:0], "a": LABELS[:0]}, r"must have shape .* got \(0, 1\)"),
        ({"label": LABELS[:0], "features": lists(FLOATS[:0], 3)}, r"must have shape .* got \(0, 0\)"),
    ],
)
def test_parquet_that_breaks_a_rule(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    path = parquet(tmp_path, columns)
    with pytest.raises(DataError, match=rf"^{path}: .*{message}"):
        load(path)


def test_file_that_is_no_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"label": LABELS, "a": LABELS})
    whole = path.read_bytes()
    for length in range(0, len(whole), 50):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=rf"^{path}: must be a whole Parquet file, got: [ -~]+$"):
            load(path)


@pytest.mark.parametrize("kind", [b"\x15\x01", b"\x18\x00", b"\x1f\x00"], ids=["negative", "a text", "no type"])
def test_parquet_with_a_damaged_page_header(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "my.parquet"
    pq.write_table(pa.table({"label": LABELS, "a": LABELS}), path, use_dictionary=False)
    content = bytearray(path.read_bytes())
    assert content[4:6] == b"\x15\x00"  # the page's kind, as a 32-bit integer: data
    content[4:6] = kind
    path.write_bytes(content)
    with pytest.raises(DataError, match="must be a whole Parquet file, got: a page with a damaged header"):
        load(path)


def test_parquet_with_texts_that_are_no_utf8(tmp_path: Path) -> None:
    split = pa.array([b"train", b"t\xff\xfft"] * 10).cast(pa.string(), safe=False)
    with pytest.raises(DataError, match=r"must be a whole Parquet file, got: .* UTF"):
        load(parquet(tmp_path, {"label": LABELS, "a": LABELS, "split": split}))


WHOLE = io.BytesIO()
np.savez_compressed(WHOLE, features=FLOATS, labels=LABELS)


@given(at=st.integers(0, len(WHOLE.getvalue()) - 1), value=st.integers(0, 255), cut=st.integers(0, 8))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_damaged_npz_is_read_or_refused_in_one_line(at: int, value: int, cut: int) -> None:
    content = bytearray(WHOLE.getvalue())
    content[at : at + cut] = bytes([value])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "my.npz")
        path.write_bytes(content)
        message = refusal(path)
        assert message is None or (message.startswith(str(path)) and message.isprintable())


def refusal(path: Path) -> str | None:
    """Why ``path`` is refused, if it is."""
    try:
        load(path)
    except DataError as error:
        return str(error)
    return None


def test_unscaled_values_have_a_limit(tmp_path: Path) -> None:
    path = npz(tmp_path, features=FLOATS * 1e30, labels=LABELS)
    with pytest.raises(DataError, match=r"not scaled must lie between -1e\+15 and 1e\+15, got .*; give `scaling`"):
        load_dataset(dataset_config(path=str(path), scaling="none"), seed=0)
    assert load_dataset(dataset_config(path=str(path)), seed=0).scale is not None


def own(tmp_path: Path, features: np.ndarray, **settings: Any) -> TaskData:
    labels = np.arange(len(features)) % 2
    path = npz(tmp_path, features=features, labels=labels)
    dataset = load_dataset(dataset_config(path=str(path), **settings), seed=0)
    return select_task(dataset, TaskSpec(classes=[0, 1], poison_class=1, source_class=0))


def test_each_feature_is_scaled_by_its_training_points(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    raw = random.normal([0, 1000, 5, 7], [1, 300, 1e-6, 0], (400, 4)).astype(np.float32)
    train = own(tmp_path, raw).train_x
    assert train.min(0).values.tolist() == pytest.approx([-1, -1, -1, 0], abs=1e-5)
    assert train.max(0).values.tolist() == pytest.approx([1, 1, 1, 0], abs=1e-5)  # the last is constant
    standard = own(tmp_path, raw, scaling="standard").train_x
    assert standard.mean(0).tolist() == pytest.approx([0] * 4, abs=1e-4)
    assert standard.std(0, correction=0).tolist() == pytest.approx([1, 1, 1, 0], abs=1e-4)
    unscaled = own(tmp_path, raw, scaling="none").train_x.numpy()
    assert {tuple(point) for point in unscaled} <= {tuple(point) for point in raw}


def test_pixels_share_one_range(tmp_path: Path) -> None:
    images = np.random.default_rng(0).uniform(0, 0.5, (40, 3, 3)).astype(np.float32)
    images[:, 0, 0] = 0.0
    images[0, 2, 2] = 1.0
    train = own(tmp_path, images).train_x
    assert (train[:, 0] == -1).all()
    assert train.max() <= 1
    assert train[:, 4].max() < 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "digits", "scaling": "min_max"}, "scaling\n  Extra inputs are not permitted"),
        ({"path": "x.npz", "scaling": "min_max", "value_range": [0, 1]}, "must not both be given"),
    ],
)
def test_scaling_that_does_not_go_with_the_rest(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        dataset_config(**settings)


@pytest.mark.parametrize("name", ["__index_level_0__", "Unnamed: 0"])
def test_the_row_numbers_that_pandas_keeps_are_no_feature(tmp_path: Path, name: str) -> None:
    path = parquet(tmp_path, {"a": [1.0, 2.0], "label": [3, 5], name: [7, 8]})
    with pytest.raises(DataError, match=f"have a name, got `{name}`: if it holds a table's row numbers, save"):
        load(path)
