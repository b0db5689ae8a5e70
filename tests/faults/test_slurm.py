"""A Slurm job of two nodes: its script as it is, on nodes that are networks and sets of processes of their own.

Slurm itself is not here: `srun` starts the command on each node, `scontrol` names them.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgan_ray.results import Store, read_rows
from tests.tiny import CELLS, write_tiny

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
HEAD, OTHER = "10.77.0.1", "10.77.0.2"
PATIENCE_S = 400.0
SRUN = """#!/bin/bash
# Other processes of Ray on this machine are none of a node's: `ray stop` ends all that it sees.
shift # the option of its own that the script gives it
started=()
for node in {nodes}; do
    ip netns exec "$node" unshare --pid --fork --mount-proc --kill-child "$@" > "{folder}/$node.log" 2>&1 &
    started+=($!)
done
status=0
for one in "${{started[@]}}"; do wait "$one" || status=$?; done
exit "$status"
"""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def nodes() -> Iterator[tuple[str, str]]:
    """Two networks, joined by a cable."""
    names = f"pgan-{os.getpid()}-a", f"pgan-{os.getpid()}-b"
    ends = f"pg{os.getpid()}a", f"pg{os.getpid()}b"
    made: list[str] = []
    try:
        try:
            for name in names:
                ip("netns", "add", name)
                made.append(name)
            ip("link", "add", ends[0], "netns", names[0], "type", "veth", "peer", "name", ends[1], "netns", names[1])
            for name, end, address in zip(names, ends, (HEAD, OTHER), strict=True):
                ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
                ip("-n", name, "link", "set", end, "up")
                ip("-n", name, "link", "set", "lo", "up")
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"networks of one's own ask for Linux, iproute2 and root: {error}")
        yield names
    finally:
        for name in made:
            ip("netns", "delete", name)


@pytest.fixture
def environment(tmp_path: Path, nodes: tuple[str, str]) -> Iterator[dict[str, str]]:
    """That of a job, with the two commands of Slurm's that its script calls."""
    commands = {
        "srun": SRUN.format(nodes=" ".join(nodes), folder=tmp_path),
        "scontrol": f"#!/bin/sh\nprintf '{HEAD}\\n{OTHER}\\n'\n",
    }
    for name, text in commands.items():
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    job = f"{os.getpid()}"
    left = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    yield left | {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "SLURM_JOB_ID": job,
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "1",
        "SLURM_SUBMIT_DIR": str(ROOT),
    }
    shutil.rmtree(f"/tmp/ray-{job}", ignore_errors=True)


def submit(environment: dict[str, str], *arguments: str) -> int:
    script = ["bash", str(ROOT / "infra/slurm/sweep.sbatch"), *arguments]
    return subprocess.run(script, env=environment, timeout=PATIENCE_S, check=False).returncode


def test_a_job_runs_a_sweep_on_all_of_its_nodes_and_the_same_job_again_finds_it_finished(
    tmp_path: Path, nodes: tuple[str, str], environment: dict[str, str]
) -> None:
    job = str(write_tiny(tmp_path)), str(tmp_path / "sweep"), "--offline-tracking"
    assert submit(environment, *job) == 0
    said = (tmp_path / f"{nodes[0]}.log").read_text()
    assert "24 victims on 2 node(s), 2 CPU(s)" in said
    assert "complete after" in said
    assert read_rows(Store(tmp_path / "sweep")).num_rows == CELLS
    token = tmp_path / ".ray" / "auth_token"
    assert token.stat().st_mode & 0o777 == 0o600
    before = token.read_text()
    assert submit(environment, *job) == 0
    assert token.read_text() == before
    assert "complete after 0:0" in (tmp_path / f"{nodes[0]}.log").read_text()
