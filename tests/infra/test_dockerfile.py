"""The image: pinned, small, and not root. And the script in it that a restarted job runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .files import INFRA, ROOT, text

DOCKERFILE = text(INFRA / "Dockerfile")


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    lines = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(first, re.sub(r"\s+", " ", rest)) for first, rest in lines]


def stages() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name, rest in instructions():
        if name == "FROM":
            found[rest.rsplit(" AS ", 1)[1]] = []
        list(found.values())[-1].append((name, rest))
    return found


def test_what_it_builds_on_is_pinned_by_tag_and_digest() -> None:
    bases = [rest.rsplit(" AS ", 1)[0] for name, rest in instructions() if name == "FROM"]
    outside = [base for base in bases if base not in stages()]
    assert outside
    for base in outside:
        assert re.fullmatch(r"[\w./-]+:\d[\w.-]+@sha256:[0-9a-f]{64}", base)
    assert "latest" not in DOCKERFILE


@pytest.mark.parametrize("stage", ["mlflow", "ray"])
def test_it_does_not_run_as_root(stage: str) -> None:
    users = [rest for name, rest in stages()[stage] if name == "USER"]
    assert users == ["1000:1000"]
    after = [name for name, _ in stages()[stage]]
    assert "RUN" not in after[after.index("USER") :]


def test_the_last_stage_is_rays() -> None:
    assert list(stages())[-1] == "ray"
    environment = " ".join(rest for name, rest in stages()["ray"] if name == "ENV")
    assert "RAY_AUTH_MODE=token" in environment


def test_commands_are_lists() -> None:
    found = [rest for name, rest in instructions() if name in ("ENTRYPOINT", "CMD")]
    assert found
    assert all(rest.startswith("[") and rest.endswith("]") for rest in found)
    # The cluster launcher runs `bash` in it, KubeRay `/bin/bash`: nothing may stand in between but an init process.
    assert [rest for name, rest in instructions() if name == "ENTRYPOINT"] == ['["tini", "--"]']


def test_nothing_is_fetched_but_packages() -> None:
    assert "ADD" not in [name for name, _ in instructions()]
    assert not re.search(r"\bsudo\b|curl |wget http|git clone|--allow-unauthenticated|--trusted-host", DOCKERFILE)


def test_package_lists_do_not_stay() -> None:
    runs = [rest for name, rest in instructions() if name == "RUN" and "apt-get" in rest]
    assert runs
    for run in runs:
        assert "--no-install-recommends" in run
        assert run.endswith("rm -rf /var/lib/apt/lists/*")


def test_every_package_of_python_has_its_tested_version() -> None:
    base = stages()["base"]
    assert any(name == "ENV" and "PIP_CONSTRAINT=/opt/pgan-ray/constraints.txt" in rest for name, rest in base)
    assert any(name == "COPY" and rest.startswith("infra/constraints.txt ") for name, rest in base)


def test_what_it_copies_is_there_and_what_the_build_may_see() -> None:
    ignore = text(INFRA / "Dockerfile.dockerignore").splitlines()
    seen = {line[1:] for line in ignore if line.startswith("!")}
    assert "*" in ignore
    copied = {source for name, rest in instructions() if name == "COPY" for source in rest.split()[:-1]}
    copied = {source for source in copied if not source.startswith("--")}
    assert copied == seen
    assert all(list(ROOT.glob(source)) for source in copied)


@pytest.mark.parametrize(
    ("resumed", "status", "calls"),
    [
        (0, 0, ["resume OUT"]),
        (1, 1, ["resume OUT"]),
        (143, 143, ["resume OUT"]),
        (2, 7, ["resume OUT", "sweep a b.yaml --out OUT --profile paper"]),
        (3, 0, ["resume OUT"]),  # paused: until that ends, whoever starts jobs again would do so for ever
    ],
)
def test_a_sweep_is_resumed_or_started(tmp_path: Path, resumed: int, status: int, calls: list[str]) -> None:
    out = tmp_path / "out"
    assert sweep_or_resume(tmp_path, out, f"[ $1 = resume ] && exit {resumed}; exit 7").returncode == status
    assert (tmp_path / "calls").read_text().splitlines() == [call.replace("OUT", str(out)) for call in calls]


@pytest.mark.parametrize("options", [["--tracking-uri", "http://x y"], ["--tracking-uri=http://x y"]])
def test_a_sweep_is_resumed_where_it_is_tracked(tmp_path: Path, options: list[str]) -> None:
    note = f'echo "$MLFLOW_TRACKING_URI" >>{tmp_path}/uris'
    assert sweep_or_resume(tmp_path, tmp_path / "out", f"{note}; exit 0", *options).returncode == 0
    assert (tmp_path / "uris").read_text() == "http://x y\n"


@pytest.mark.parametrize(
    ("resumed", "outcome", "without_row", "status"),
    [
        (1, "partial", [], 0),  # diverged: another attempt would find nothing to do
        (2, "partial", [], 0),  # the same at the first attempt
        (1, "partial", ["alpha=0.1/r0/f20/0"], 1),  # lost with their node: another attempt trains them
        (1, "failed", [], 1),
    ],
)
def test_what_is_as_finished_as_it_can_be_is_not_started_again(
    tmp_path: Path, resumed: int, outcome: str, without_row: list[str], status: int
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text(json.dumps({"outcome": outcome, "cells_without_row": without_row}))
    ended = sweep_or_resume(tmp_path, out, f"[ $1 = resume ] && exit {resumed}; exit 1")
    assert ended.returncode == status
    assert ("nothing is left to run" in ended.stderr) == (status == 0)


def sweep_or_resume(folder: Path, out: Path, pgan_ray: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs the script with a `pgan-ray` that notes how it was called, and does what the shell code says."""
    fake = folder / "bin/pgan-ray"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$@" >>{folder}/calls\n{pgan_ray}\n')
    fake.chmod(0o755)
    (folder / "bin/python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "bin/python3").chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}/bin{os.pathsep}{os.environ['PATH']}"}
    command = [INFRA / "sweep-or-resume", "a b.yaml", out, "--profile", "paper", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
