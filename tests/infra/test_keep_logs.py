"""Logs of Ray outlive its pods: what is copied and when, and the overlay that adds it to each pod."""

import os
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import keep_logs
from infra.keep_logs import Logs
from pgan_ray.results import Store

from .files import INFRA

SESSION = "session_2026-01-01_00-00-00_000000_1"


@pytest.fixture
def ray(tmp_path: Path) -> Path:
    """Ray's temporary files, as they lie on a node."""
    folder = tmp_path / "ray"
    (folder / SESSION / "logs/events").mkdir(parents=True)
    (folder / SESSION / "sockets").mkdir()
    (folder / SESSION / "sockets/raylet").write_text("")
    (folder / SESSION / "logs/raylet.out").write_text("one\n")
    (folder / SESSION / "logs/events/event.log").write_text("two\n")
    (folder / "session_latest").symlink_to(folder / SESSION)
    (folder / "ray_current_cluster").write_text("127.0.0.1:6379")
    return folder


def below(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_logs_are_copied_once_and_again_when_they_have_grown(ray: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    logs = Logs(ray, Store(kept))
    logs.copy()
    raylet, event = f"{SESSION}/logs/raylet.out", f"{SESSION}/logs/events/event.log"
    assert below(kept) == {raylet: "one\n", event: "two\n"}
    (kept / raylet).unlink()
    (kept / event).unlink()
    (ray / event).write_text("two\nthree\n")
    logs.copy()
    assert below(kept) == {event: "two\nthree\n"}


def test_what_cannot_be_copied_is_told_and_tried_again(
    ray: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    (kept / SESSION).mkdir(parents=True)
    (kept / SESSION / "logs").write_text("in the way")
    logs = Logs(ray, Store(kept))
    logs.copy()
    assert "raylet.out: " in capsys.readouterr().err
    (kept / SESSION / "logs").unlink()
    logs.copy()
    assert len(below(kept)) == 2


def test_when_it_is_told_to_end_it_copies_what_was_written_since(
    ray: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Told(threading.Event):
        """Whoever waits is told to end meanwhile."""

        def wait(self, timeout: float | None = None) -> bool:
            (ray / SESSION / "logs/raylet.out").write_text("the end\n")
            signal.raise_signal(signal.SIGTERM)
            return self.is_set()

    monkeypatch.setattr(keep_logs, "RAY", ray)
    monkeypatch.setattr(keep_logs.threading, "Event", Told)
    before = signal.getsignal(signal.SIGTERM)
    try:
        keep_logs.main(str(tmp_path / "kept"))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (tmp_path / "kept" / socket.gethostname() / SESSION / "logs/raylet.out").read_text() == "the end\n"


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
@pytest.mark.parametrize("file", ["raycluster.yaml", "rayjob.yaml"])
def test_every_pod_of_ray_has_its_logs_kept(tmp_path: Path, file: str) -> None:
    shutil.copytree(INFRA / "kuberay", tmp_path / "kuberay")
    kustomization = tmp_path / "kuberay/kustomization.yaml"
    kustomization.write_text(
        kustomization.read_text().replace("raycluster.yaml", file).replace("# components:", "components:")
    )
    made = subprocess.run(
        ["kubectl", "kustomize", tmp_path / "kuberay"],
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    (manifest,) = [one for one in yaml.safe_load_all(made.stdout) if one["kind"].startswith("Ray")]
    cluster: dict[str, Any] = manifest["spec"].get("rayClusterSpec", manifest["spec"])
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert len(groups) == 3
    for group in groups:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        (keeper,) = pod["initContainers"]
        assert keeper["image"] == container["image"]
        assert keeper["restartPolicy"] == "Always"  # else Ray would wait for its end
        assert keeper["envFrom"] == container["envFrom"]
        assert keeper["securityContext"] == container["securityContext"]
        assert keeper["volumeMounts"] == container["volumeMounts"] == [{"name": "ray-logs", "mountPath": "/tmp/ray"}]
        assert pod["volumes"] == [{"name": "ray-logs", "emptyDir": {}}]
        assert keeper["command"][:4] == ["tini", "--", "python", "/opt/pgan-ray/keep_logs.py"]
