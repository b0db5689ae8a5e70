"""The batch script, with `srun` stood in for: how it starts Ray on a job's nodes."""

import os
import subprocess
from pathlib import Path

from .files import INFRA


def test_each_node_has_all_cores_of_the_job(tmp_path: Path) -> None:
    """Slurm since 22.05 gives a task of `srun` one core, whatever the job has, unless `srun` itself is told."""
    for name, text in {"srun": 'printf "%s\\n" "$@"', "scontrol": "echo node1"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "node1", "SLURM_JOB_NUM_NODES": "1", "SLURM_SUBMIT_DIR": "/here"}
    job |= {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path), "SLURM_CPUS_PER_TASK": "16"}
    script = ["bash", str(INFRA / "slurm/sweep.sbatch"), "file.yaml", "out"]
    said = subprocess.run(script, env=job, capture_output=True, text=True, check=True).stdout.splitlines()
    assert said.index("--cpus-per-task=16") < said.index("ray")
    assert said[-4:] == ["sh", "/here/infra/sweep-or-resume", "file.yaml", "out"]
