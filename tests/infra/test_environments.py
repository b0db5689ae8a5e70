"""The lowest and the highest versions that pyproject.toml admits, each in a virtual environment of its own."""

import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from packaging.utils import canonicalize_name

from pgan_ray.results import Store
from tests.faults.services import Command, scores
from tests.tiny import CELLS, CONFIGURATIONS, GENERATORS, write_tiny

from .files import ROOT, requirements

ROOMS = ("nn", "attacks", "defences", "victims")  # where we call PyTorch's and scikit-learn's less common parts
TOOLS = ("pytest>=8,<9.2", "pytest-xdist>=3.5")
PATIENCE_S = 3600
RUNS = 1 + CONFIGURATIONS + GENERATORS
# Read by the MLflow that wrote them: another version's would first have to upgrade the database.
STATUSES = """
import mlflow
client = mlflow.MlflowClient("sqlite:///mlflow.db")
experiment = client.get_experiment_by_name("pgan-ray")
print(*(run.info.status for run in client.search_runs([experiment.experiment_id])))
"""


class Environment:
    """A virtual environment in ``folder`` with this Python."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=True)
        self.python = folder / "bin/python"

    def run(self, *arguments: str | Path, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
        """Python with ``arguments``."""
        command = [self.python, *arguments]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def output(self, *arguments: str | Path, cwd: Path = ROOT) -> str:
        """What Python with ``arguments`` prints, which must succeed."""
        done = self.run(*arguments, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def versions(self) -> dict[str, str]:
        """What is installed in it, by name."""
        lines = self.output("-m", "pip", "freeze", "--exclude-editable").splitlines()
        found = dict(line.split("==") for line in lines if "==" in line)
        return {canonicalize_name(name): found[name] for name in found}


def lowest(environment: Environment) -> list[str]:
    """Every package's version, of those that pyproject.toml names the lowest that has a wheel for this Python."""
    asked = ("--resolution", "lowest-direct", "--only-binary", ":all:", "--extra", "search", "--python", sys.executable)
    command = ("-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", *asked, "pyproject.toml")
    pins = environment.output(*command).split()
    if torch.version.cuda is None and any(pin.startswith("nvidia-") for pin in pins):
        # On Linux x86-64 PyPI's torch brings gigabytes of CUDA, and whoever runs this has no use for it.
        pins = [pin for pin in pins if not pin.startswith(("nvidia-", "triton==", "torch=="))]
        pins.append(f"torch=={version('torch').partition('+')[0]}")
    return pins


@pytest.mark.cluster
@pytest.mark.parametrize("which", ["lowest", "highest"])
def test_the_science_and_a_sweep_run_on_what_pyproject_admits(
    which: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = Environment(tmp_path / "venv")
    if environment.run("-m", "pip", "install", "--quiet", "uv").returncode:
        pytest.skip("pip reaches no package index")
    pins = lowest(environment) if which == "lowest" else []
    environment.output("-m", "pip", "install", "--quiet", *pins, *TOOLS, "--editable", f"{ROOT}[search]")
    versions = environment.versions()
    told = ", ".join(f"{asked.name} {versions[asked.name]}" for asked in requirements())
    with capsys.disabled():
        sys.stdout.write(f"\n{which}: {told}\n")
    environment.output("-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{room}" for room in ROOMS))
    write_tiny(tmp_path)
    for executor in ("local", "ray"):
        arguments = ("sweep", "tiny.yaml", "--out", executor, "--executor", executor)
        program = (str(environment.python), "-m", "pgan_ray")
        with Command(*arguments, home=tmp_path, program=program) as command:
            ended = command.end()
        assert ended.code == 0, ended.err
    rows = scores(Store(tmp_path / "local"))
    assert len(rows) == CELLS
    assert scores(Store(tmp_path / "ray")) == rows
    assert environment.output("-c", STATUSES, cwd=tmp_path).split() == ["FINISHED"] * 2 * RUNS
