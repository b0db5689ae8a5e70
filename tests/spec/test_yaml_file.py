"""Files that cannot be read, and what YAML makes of values."""

import time
from pathlib import Path

import pytest

from pgan_ray.errors import SpecError
from pgan_ray.spec import load_sweep
from pgan_ray.spec.yaml_file import MAX_BYTES, MAX_NODES, dump_yaml, parse_mapping, parse_override

from .helpers import Loader


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no\.yaml: must be a sweep file, got no such file$"):
        load_sweep(tmp_path / "no.yaml")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"must be a readable UTF-8 text file, got .*Is a directory"):
        load_sweep(tmp_path)


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(SpecError, match=r"^/dev/zero: a sweep file must have at most 262,144 bytes, got more$"):
        load_sweep(Path("/dev/zero"))


@pytest.mark.parametrize("content", [b"name: \xff\xfe", "name: a".encode("utf-16")])
def test_text_that_is_not_utf8(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "s.yaml"
    file.write_bytes(content)
    with pytest.raises(SpecError, match=r"s\.yaml: must be a readable UTF-8 text file, got 'utf-8' codec"):
        load_sweep(file)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", " must hold a mapping of keys to values, got nothing"),
        ("- a", " must hold a mapping of keys to values, got a list"),
        ("just text", " must hold a mapping of keys to values, got text"),
        ("a: [1, 2", "1:9: must be valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\nb: 2: 3", "2:5: must be valid YAML: mapping values are not allowed here"),
        ("a: 1\n\tb: 2", "2:1: must be valid YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2", "2:1: must be valid YAML: but found another document"),
        ("a: 1\nb: {c: 1, c: 2}", "2:11: must give each key once, got 'c' again"),
        ("a: &x [1]\nb: *x", "2:4: must not hold aliases (*name)"),
        ("a: !!python/object:os.system 1", "1:4: must not hold tags (!name)"),
        ('a: !!int ""', "1:4: must not hold tags (!name)"),
        ("1: a", "1:1: keys must be text"),
        ("<<: {a: 1}", "1:1: keys must be text"),
        ("? [a]\n: b", "1:3: keys must be text"),
        ('"\\ud800": 1', "1:1: must not hold half a character (an escape such as \\ud83d alone)"),
        ("seed: 0x" + "f" * 5000, "1:7: whole numbers must be smaller than 2^63 in size"),
        ("seed: " + "9" * 5000, "1:7: whole numbers must be smaller than 2^63 in size"),
        ("seed: 9223372036854775808", "1:7: whole numbers must be smaller than 2^63 in size"),
        (
            "seed: 010",
            "1:7: must not hold whole numbers that begin with 0, which YAML reads in base 8: quote it if it is text",
        ),
        (
            "seed: -0_7",
            "1:7: must not hold whole numbers that begin with 0, which YAML reads in base 8: quote it if it is text",
        ),
        ("seed: 1:30", "1:7: must not hold numbers with colons, which YAML reads in base 60: quote it if it is text"),
        ("a: [1:30.5]", "1:5: must not hold numbers with colons, which YAML reads in base 60: quote it if it is text"),
        (
            "a: 1" + ":1" * 100_000,
            "1:4: must not hold numbers with colons, which YAML reads in base 60: quote it if it is text",
        ),
        ("a: " + "[" * 100_000, "1:27: must be nested at most 24 deep"),
        ("{a: " * 5000, "1:94: must be nested at most 24 deep"),
        ("# " + "x" * MAX_BYTES, " a sweep file must have at most 262,144 bytes, got more"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_yaml_that_is_refused(load: Loader, text: str, line: str) -> None:
    start = time.monotonic()
    assert load.faults(text) == [line]
    assert time.monotonic() - start < 5


def test_a_mapping_is_bounded_as_a_file_is(load: Loader) -> None:
    deep: dict[str, object] = {}
    for _ in range(10_000):
        deep = {"a": deep}
    for body, rule in (
        (deep, "must hold only numbers, text, booleans, null, lists and mappings, got another"),
        ({"seed": 10**100}, r"whole numbers must be smaller than 2\^63 in size"),
        ({"task": [*range(10**5)]}, "must have at most 262,144 bytes, got more"),
    ):
        with pytest.raises(SpecError, match=rf"^sweep:.*{rule}"):
            load_sweep(body)


def test_nodes_are_counted(load: Loader) -> None:
    assert load.faults("a: [" + "1," * MAX_NODES) == ["1:99999: must hold at most 50,000 keys and values"]


def test_a_fault_is_told_once_and_shows_no_control_characters(load: Loader) -> None:
    assert load.faults({"seed": ["\x9b2J"]}, overrides=["\x1b[2J", "\x1b[2J"]) == [
        'seed: must be a whole number, got ["\\x9b2J"] (a grid is written {grid: [a, b]})',
        "--set \\x1b[2J: must be of the form a.b=value",
    ]


def test_control_characters_are_refused(load: Loader) -> None:
    (line,) = load.faults("name: \x01")
    assert line.startswith(" must be valid YAML: unacceptable character #x0001")


def test_a_byte_order_mark_is_no_fault(load: Loader) -> None:
    assert parse_mapping("\ufeffa: 1", "x") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("-2E+3", -2000.0),
        (".5e1", 5.0),
        ("1.e2", 100.0),
        ("1.0e-4", 1e-4),
        ("'1e-4'", "1e-4"),
        ("1e", "1e"),
        ("e4", "e4"),
        ("2026-01-02", "2026-01-02"),
        ("2026-99-99", "2026-99-99"),
        ("1_000", 1000),
        ("0x10", 16),
        ("0", 0),
        ("-0", 0),
        ("0.10", 0.1),
        ("0o10", "0o10"),
        ("null", None),
        ("", None),
        ("true", True),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_what_a_value_is_read_as(text: str, value: object) -> None:
    for read in (parse_mapping(f"a: {text}", "x")["a"], parse_override(f"a={text}")[1]):
        assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    "value",
    ["1e-4", "1e5", "2026-01-02", "null", "", "é\n", "0x1", "1:30", "a\x85b", "\u2028", 1e-5, 1e300, -0.5, None, [1]],
)
def test_what_is_written_is_read_back(value: object) -> None:
    read = parse_mapping(dump_yaml({"a": value, "b": {"c": value}}), "x")
    assert read == {"a": value, "b": {"c": value}}
    assert type(read["a"]) is type(value)


def test_a_learning_rate_may_have_an_exponent(load: Loader) -> None:
    sweep = load(overrides=["attack.generator.optimizer.learning_rate=5e-5"])
    assert sweep.configurations[0].settings.attack.generator.optimizer.learning_rate == 5e-5
