"""A wheel that is really built, installed into a folder of its own, and run from a directory that holds nothing."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(file.name for file in ROOT.glob("sweeps/*.yaml"))

pytestmark = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("pip", "hatchling")), reason="building needs pip and hatchling"
)


def python(*arguments: str | Path, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=240, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir")
    built = python("-m", "pip", "wheel", *options, folder, ROOT)
    assert built.returncode == 0, built.stderr
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    done = python("-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", folder, wheel)
    assert done.returncode == 0, done.stderr
    return folder


def test_it_holds_the_package_the_sweeps_and_no_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"pgan_ray"}
    assert sorted(Path(name).name for name in names if name.startswith("pgan_ray/sweeps_shipped/")) == SHIPPED
    package = {file.relative_to(ROOT).as_posix() for file in ROOT.glob("pgan_ray/**/*.py")}
    assert {name for name in names if name.endswith(".py")} == package
    assert "pgan_ray/report/page.html.jinja" in names
    assert "pgan_ray/py.typed" in names


def test_an_installed_command_knows_the_sweeps_in_any_directory(installed: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("PGAN_RAY_DATA", "RAY_ADDRESS")}
    elsewhere = {"cwd": tmp_path, "env": {**environment, "PYTHONPATH": str(installed), "HOME": str(tmp_path)}}
    listed = python("-m", "pgan_ray", "sweeps", "--json", **elsewhere)
    assert listed.returncode == 0, listed.stderr
    files = [Path(one["file"]) for one in json.loads(listed.stdout)]
    assert files == [installed / "pgan_ray/sweeps_shipped" / name for name in SHIPPED]
    tried = python("-m", "pgan_ray", "sweep", "mnist_alpha", "--profile", "quick", "--dry-run", **elsewhere)
    assert tried.returncode == 0, tried.stderr
    assert "# profile quick, configurations 4, generators 15, cells 300" in tried.stdout
    assert list(tmp_path.iterdir()) == []
