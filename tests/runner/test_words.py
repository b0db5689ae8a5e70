"""How failures are told in few words."""

import traceback

import pytest

from pgan_ray.runner.words import VictimFailures, gist, last_line


def _traceback(error: Exception) -> str:
    try:
        raise error
    except Exception as raised:
        return "".join(traceback.format_exception(raised))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("boom", "ValueError: boom"),
        ("Input X contains NaN.\nKNeighborsClassifier does not accept them.", "ValueError: Input X contains NaN."),
        ("boom\n  deeper\n\nand more", "ValueError: boom"),
        ("\nAll the 5 fits failed.\nIt is very likely that", "ValueError: All the 5 fits failed."),
        ("", "ValueError"),
    ],
)
def test_an_error_is_named_however_many_lines_it_has(message: str, said: str) -> None:
    shown = _traceback(ValueError(message))
    assert last_line(shown) == said
    assert gist(f"the victim `my_lab:Wide` failed:\n{shown}") == f"the victim `my_lab:Wide` failed: {last_line(shown)}"


def test_the_last_error_of_a_chain_counts() -> None:
    error = RuntimeError("second\nof two lines")
    error.__cause__ = KeyError("first")
    assert last_line(_traceback(error)) == "RuntimeError: second"


def test_without_a_traceback_the_last_line_is_told() -> None:
    assert last_line("The actor died.\nIts node is gone.\n") == "Its node is gone."
    assert last_line(" \n") == "no message"


LOST = "loss 1.5e-3 of [1 2  3] at <a 0x7f0a>"


def _failed(cause: str, who: str = "my_lab:Net1") -> str:
    return f"the victim `{who}` failed: ValueError: {cause}"


def test_failures_that_differ_in_numbers_alone_are_told_once() -> None:
    failures = VictimFailures()
    first = failures.add({"r0": _failed(LOST), "r1": _failed("other")})
    assert [*first] == [f"1 victim has no score: {_failed(c)}" for c in (LOST, "other")]
    assert [*failures.add({"r2": _failed("loss -2 of [4 5] at <a 0x12>"), "r3": _failed("other")})] == []
    assert [*failures.told()] == [
        f"2 victims have no score:\nr0 and 1 more, with other numbers: {_failed(LOST)}",
        f"2 victims have no score:\nr1 and 1 more: {_failed('other')}",
    ]


def test_components_whose_names_differ_in_a_number_are_told_each() -> None:
    failures = VictimFailures()
    assert len([*failures.add({"r0": _failed("boom"), "r1": _failed("boom", "my_lab:Net2")})]) == 2
