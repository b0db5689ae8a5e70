"""What a stranger may have written, as it comes to the terminal."""

from pathlib import Path

import pytest

from pgan_ray.cli.main import main
from pgan_ray.text import printable, typed


def test_nothing_that_a_terminal_obeys_is_left() -> None:
    said = printable("ü \x1b[2J\r\x07 \u202e\x85 \ud800\nnext")
    assert said == "ü \\x1b[2J\\r\\x07 \\u202e\\x85 \\ud800\nnext"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("results/one", "results/one"),
        ("a b", "'a b'"),
        ("x;rm -rf ~", "'x;rm -rf ~'"),
        ("a\n`b`\x1b", "'a\\n`b`\\x1b'"),
    ],
)
def test_what_may_be_pasted_is_one_word(name: str, word: str) -> None:
    assert typed(name) == word


@pytest.mark.parametrize(
    "arguments", [["report", "x\x1b[2J"], ["track", "x\x1b[2J"], ["\x1b[2J"], ["sweep", "\x1b[2J"]]
)
def test_errors_show_names_as_text(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["pgan-ray", *arguments])
    with pytest.raises(SystemExit, match="2"):
        main()
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\\x1b[2J" in said
