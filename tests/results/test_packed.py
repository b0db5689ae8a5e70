"""Tables that are packed until they are looked at."""

import pyarrow as pa
import pytest

from pgan_ray.results import VICTIMS, PackedTables


def test_what_comes_out_is_what_went_in() -> None:
    packed, rows = PackedTables(), pa.table({"variant": ["a", "b"], "confusion": [[[1, 2], [3, 4]], None]})
    packed["alpha=0.1"], packed["alpha=0.2"] = rows, VICTIMS.empty_table()
    assert packed["alpha=0.1"].equals(rows)
    assert packed["alpha=0.2"].equals(VICTIMS.empty_table())
    assert list(packed) == ["alpha=0.1", "alpha=0.2"]
    assert "alpha=0.3" not in packed
    with pytest.raises(KeyError, match=r"alpha=0.3"):
        packed["alpha=0.3"]


def test_rows_alike_take_less_room_packed() -> None:
    rows = pa.table({"test_error": [0.1] * 1000})
    packed = PackedTables()
    packed["base"] = rows
    assert len(packed._packed["base"]) < rows.nbytes / 5
