"""The tables of infra/SCALING.md."""

from pathlib import Path

import pytest

from infra.docs.scaling import BEGIN, END, PROGRAMS, tables, update

FILE = Path(__file__).parents[2] / "infra" / "SCALING.md"


def test_the_file_holds_them_as_they_are() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert text == update(text), "run: make docs"


def test_intensity_does_not_depend_on_the_stack() -> None:
    for program in PROGRAMS:
        assert program.work.times(90, launched_once=True).intensity == pytest.approx(program.work.intensity)


def test_the_prose_says_what_the_tables_say() -> None:
    prose = FILE.read_text(encoding="utf-8").partition(BEGIN)[0]
    low, high = (round(of(program.work.intensity for program in PROGRAMS)) for of in (min, max))
    assert f"At {low} to {high} FLOP/byte" in prose
    victims = next(line for line in tables().splitlines() if line.startswith("| victims (Table 4) |"))
    assert "| 3.33 |" in victims
    assert "A stack of 90 takes 3.3 GB" in " ".join(prose.split())


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}{BEGIN}"])
def test_a_text_without_the_block_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must hold <!-- scaling:begin -->"):
        update(text)
