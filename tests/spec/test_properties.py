"""What must hold for every sweep file; the same cases each time."""

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pgan_ray.errors import SpecError
from pgan_ray.spec import load_record
from pgan_ray.spec.yaml_file import dump_yaml, parse_mapping, parse_override

from .helpers import Loader

bounded = settings(max_examples=80, derandomize=True, deadline=None, database=None)

# Line ends, half characters and what looks like another type are where readers and writers of YAML part.
TEXTS = st.text(max_size=8) | st.sampled_from(
    ["1e-4", "1:30", "=", "<<", "0x_", "~", "a\x85b", "\u2029", "- x", "\ufeff"]
)
WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
SCALARS = st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False) | TEXTS
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=4)
PIECES = st.sampled_from(
    [*"{}[]:,?-#&*!|>'\"%@`\\\t\0\x85é", ": ", "- ", "\n", "\n  ", "---\n", "<<: ", "a", "1", "1e", "0x"]
)
MARKUP = st.lists(PIECES, max_size=30).map("".join)


@bounded
@given(st.dictionaries(TEXTS, TREES, max_size=4))
def test_what_is_written_is_read_back(tree: dict[str, Any]) -> None:
    assert parse_mapping(dump_yaml(tree), "x") == tree


@bounded
@given(MARKUP | st.text(max_size=60))
def test_text_is_read_or_refused(text: str) -> None:
    for read in (parse_override, lambda text: parse_mapping(text, "x"), lambda text: load_record(text, "x")):
        with contextlib.suppress(SpecError):
            read(text)


@bounded
@given(st.dictionaries(TEXTS, TREES, min_size=1, max_size=3), st.lists(MARKUP, max_size=2))
def test_a_fault_is_one_line_that_a_terminal_may_show(
    tmp_path_factory: Any, tree: dict[str, Any], overrides: list[str]
) -> None:
    load = Loader(tmp_path_factory.getbasetemp())
    faults = load.faults(dump_yaml(tree), overrides=overrides)
    assert all(fault.isprintable() for fault in faults)
