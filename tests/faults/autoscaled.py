"""A real Ray cluster whose autoscaler starts and ends nodes, all of them processes of this machine."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID

IDLE_MINUTES = 0.2
# Other clusters on this machine may hold the usual ones.
PORTS = (
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "runtime-env-agent-port",
    "metrics-export-port",
    "ray-client-server-port",
)


@dataclass(frozen=True)
class Cluster:
    """``client``: the environment of whoever joins it at ``address``; it asks for a token."""

    address: str
    client: dict[str, str]
    head: psutil.Process


def worker_nodes(cluster: Cluster) -> list[psutil.Process]:
    """The raylets of the nodes that the autoscaler started and that live."""
    found = []
    for process in cluster.head.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            instance = process.environ().get("RAY_CLOUD_INSTANCE_ID", FAKE_HEAD_NODE_ID)
            alive = process.status() != psutil.STATUS_ZOMBIE
            if alive and process.name() == "raylet" and instance != FAKE_HEAD_NODE_ID:
                found.append(process)
    return found


@contextmanager
def autoscaled_cluster(folder: Path, worker: dict[str, float], most: int, *, version: int) -> Iterator[Cluster]:
    """A head without cores, and up to ``most`` workers with these resources when they are needed.

    ``version`` of the autoscaler: the cluster launcher's is 1, KubeRay's 2."""
    port = _free_port()
    config = {
        "cluster_name": "test",
        "max_workers": most,
        "idle_timeout_minutes": IDLE_MINUTES,
        "upscaling_speed": 100,
        "provider": {
            "type": "external",
            "module": "tests.faults.local_nodes.LocalNodes",
            "gcs_address": f"127.0.0.1:{port}",
            "head_node_id": FAKE_HEAD_NODE_ID,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "worker": {"resources": worker, "node_config": {}, "min_workers": 0, "max_workers": most},
        },
        "head_node_type": "ray.head.default",
        "file_mounts": {},
        "cluster_synced_files": [],
        "file_mounts_sync_continuously": False,
        "rsync_exclude": [],
        "rsync_filter": [],
        "initialization_commands": [],
        "setup_commands": [],
        "head_setup_commands": [],
        "worker_setup_commands": [],
        "head_start_ray_commands": [],
        "worker_start_ray_commands": [],
        "auth": {},
    }
    file = folder / "cluster.yaml"
    file.write_text(yaml.safe_dump(config))
    client = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(20)}
    environment = (
        os.environ
        | client
        | {
            "RAY_FAKE_CLUSTER": "1",
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        }
    )
    if version == 2:
        environment |= {
            "RAY_enable_autoscaler_v2": "1",
            "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
            "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
        }
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={port}"]
    command += [
        "--node-ip-address=127.0.0.1",
        f"--autoscaling-config={file}",
        "--num-cpus=0",
        "--include-dashboard=false",
    ]
    command += [f"--{name}={_free_port()}" for name in PORTS]
    with (folder / "head.log").open("w") as log:
        head = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        _wait_for(port, head, folder)
        yield Cluster(f"127.0.0.1:{port}", client, psutil.Process(head.pid))
    finally:
        _end(head)


def _wait_for(port: int, head: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and head.poll() is None:
        if "Ray runtime started" in (folder / "head.log").read_text():
            return
        time.sleep(0.2)
    raise AssertionError((folder / "head.log").read_text())


def _end(head: subprocess.Popen[bytes]) -> None:
    """The head, and the nodes that its autoscaler started."""
    if head.poll() is not None:
        return
    nodes = psutil.Process(head.pid).children(recursive=True)
    head.terminate()
    head.wait(30)
    for process in nodes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
