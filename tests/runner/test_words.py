"""How failures are told in few words."""

import traceback

import pytest

from pgan_ray.runner.words import gist, last_line


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
