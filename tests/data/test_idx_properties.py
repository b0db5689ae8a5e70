"""What must hold for every file that is read as IDX; the same cases each time."""

import gzip
import hashlib
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pgan_ray.data.idx import IdxFile, read_idx
from pgan_ray.errors import DataError

SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)
# (how, where, with what): the first bytes, which are the headers, are hit most often
DAMAGE = st.tuples(st.sampled_from(["set", "cut", "insert"]), st.integers(0, 40), st.binary(min_size=1, max_size=4))


def damaged(content: bytes, damage: tuple[str, int, bytes]) -> bytes:
    how, at, some = damage
    if how == "cut":
        return content[:at]
    return content[:at] + some + content[at + (len(some) if how == "set" else 0) :]


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(SHAPES, st.booleans(), st.lists(DAMAGE, max_size=2))
def test_a_file_is_the_known_one_or_is_refused(
    tmp_path_factory: Any, shape: tuple[int, ...], gzipped: bool, damages: list[tuple[str, int, bytes]]
) -> None:
    body = bytes(index % 251 for index in range(math.prod(shape)))
    raw = IdxFile("x", "x", shape, "").header + body
    known = IdxFile("x", "what it should be", shape, hashlib.sha256(raw).hexdigest())
    content = gzip.compress(raw, mtime=0) if gzipped else raw
    for damage in damages:
        content = damaged(content, damage)
    path = tmp_path_factory.getbasetemp() / "idx"
    path.write_bytes(content)
    if content == raw or not damages:
        values = read_idx(path, known)
        assert values.shape == shape
        assert values.tobytes() == body
        return
    # Damage in a gzip file's header may leave the content as it was; whatever is read is the known file.
    try:
        values = read_idx(path, known)
    except DataError as error:
        message = str(error)
    else:
        message = ""
        assert values.tobytes() == body
    assert message.isprintable()
