"""A user's `.csv`: as good as the same columns in a `.parquet`, and a clear word on what is not."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pgan_ray.data import comma_separated
from pgan_ray.datasets.load import load_dataset
from pgan_ray.errors import DataError
from tests.tiny import dataset_config

LABELS = np.repeat([3, 5], 10)
FLOATS = np.round(np.random.default_rng(0).normal(size=(20, 3)), 3)
ROWS = [f"{a},{b},{label},{c}" for (a, b, c), label in zip(FLOATS.tolist(), LABELS.tolist(), strict=True)]


def load(path: Path):  # type: ignore[no-untyped-def]
    return load_dataset(dataset_config(path=str(path)), seed=0)


def write(tmp_path: Path, *lines: str) -> Path:
    (tmp_path / "my.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "my.csv"


def test_it_gives_what_the_same_columns_give_in_a_parquet(tmp_path: Path) -> None:
    a, b, c = FLOATS.T
    split = ["train", "test", "train", "train", "train"] * 4
    pq.write_table(pa.table({"a": a, "b": b, "label": LABELS, "c": c, "split": split}), tmp_path / "my.parquet")
    rows = [f"{row},{part}" for row, part in zip(ROWS, split, strict=True)]
    own, other = load(write(tmp_path, "a,b,label,c,split", *rows)), load(tmp_path / "my.parquet")
    for part in ("train_features", "train_labels", "test_features", "test_labels"):
        np.testing.assert_array_equal(getattr(own, part), getattr(other, part))
    assert len(own.test_labels) == 4


def test_whole_numbers_that_become_fractions_further_down_are_one_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comma_separated, "_LONGEST_LINE", 40)  # several blocks
    first = [f"{number},7,{3 + number % 2}" for number in range(30)]
    found = load(write(tmp_path, "\ufeffa,b,label", *first, "0.5,7,3", "0.25,7,5"))
    values = np.concatenate([found.train_features, found.test_features])
    assert len(values) == 32
    assert values[:, 1].tolist() == [7] * 32


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "must have a column `label`, got no columns"),
        (["a;b;label", "1;2;3"], "must have a column `label`, got a;b;label"),
        (["1,2,3", "4,5,6"], "must have a column `label`, got 1, 2, 3"),
        ([",a,label", *ROWS], "each column must be a feature and have a name, got one without a name: if it holds"),
        (["a,a,label", *ROWS], "column names must be unique, got more than one a"),
        (["label", "3", "5"], "must have numeric columns, or a list column `features`, beside `label`, got neither"),
        (
            ["a,b,label,c", *ROWS, "1,2,3"],
            "must be numbers separated by commas, under a line of column names, got: CSV ",
        ),
        (["a,b,label,c", *ROWS, "1,male,3,4"], "line 22: column `b` must hold numbers, got 'male'"),
        (["a,b,label,c", *ROWS, "1,2,3.5,4"], "line 22: column `label` must hold whole numbers, got '3.5'"),
        (["a,b,label", "1,2,benign"], "got 'benign'; number the classes, as `pandas.factorize` does"),
        (["a,b,label", "1,2,'a\"b'"], "line 2: column `label` must hold whole numbers, got ''a\"b''; number"),
        (["a,b,label,c", *ROWS, "1,,3,4"], "column `b` must have no nulls, got 1"),
        (["a,b,label,c", *ROWS, "1,nan,3,4"], "column `b` must have no nulls, got 1"),
        (["a,b,label,c", *ROWS, "1,inf,3,4"], "must be finite in float32, got inf"),
        (["a,b,label,split", "1,2,3,train", "1,2,5,Test"], "must hold both `train` and `test`, and nothing else"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_file(tmp_path: Path, lines: list[str], message: str) -> None:
    path = write(tmp_path, *lines)
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_the_line_is_that_of_the_file_in_a_later_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comma_separated, "_LONGEST_LINE", 40)
    with pytest.raises(DataError, match=r"line 32: column `a` must hold numbers, got 'x'"):
        load(write(tmp_path, "a,b,label", *(f"{number},7,3" for number in range(30)), "x,7,3"))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_bytes(b"a,\xff,label\n1,2,3\n")
    with pytest.raises(DataError, match="must be numbers separated by commas"):
        load(tmp_path / "my.csv")


def test_more_than_memory_should_hold_is_refused_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pgan_ray.data.table.LIMIT_BYTES", 400)
    with pytest.raises(DataError, match="features must take at most"):
        load(write(tmp_path, "a,b,label,c", *ROWS))
