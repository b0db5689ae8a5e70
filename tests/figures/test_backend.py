"""A report is drawn whatever backend the environment names for matplotlib, and leaves a user's choice alone."""

import os
import subprocess
import sys

import pytest

DRAW = """
import os, sys
from pgan_ray.figures.canvas import new_figure, to_png
assert to_png(new_figure(1, 1)).startswith(b"\\x89PNG")
import matplotlib
print(os.environ["MPLBACKEND"], dict.__getitem__(matplotlib.rcParams, "backend") == os.environ["MPLBACKEND"])
"""


@pytest.mark.parametrize(
    ("backend", "is_kept"),
    [("module://matplotlib_inline.backend_inline", None), ("module://no_such.backend", None), ("svg", True)],
)
def test_the_environment_names_a_backend(backend: str, is_kept: bool | None) -> None:
    command = [sys.executable, "-c", DRAW]
    environment = {**os.environ, "MPLBACKEND": backend}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    named, kept = ended.stdout.split()
    assert named == backend
    assert is_kept is None or kept == str(is_kept)
