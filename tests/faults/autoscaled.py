"""A real Ray cluster whose autoscaler starts and ends nodes, all of them processes of this machine."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import yaml
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID

from tests.faults.head import Head, free_ports
from tests.faults.nodes import TRIAL, at_work

IDLE_MINUTES = 0.2


class Autoscaled:
    """A head without cores, and worker nodes as the autoscaler sees fit."""

    def __init__(self, head: Head) -> None:
        self.address = head.address
        self._head = head

    def nodes(self) -> list[psutil.Process]:
        """The raylets of the worker nodes that live."""
        found = []
        for process in self._head.processes():
            with suppress(psutil.NoSuchProcess):
                instance = process.environ().get("RAY_CLOUD_INSTANCE_ID", FAKE_HEAD_NODE_ID)
                alive = process.status() != psutil.STATUS_ZOMBIE
                if alive and process.name() == "raylet" and instance != FAKE_HEAD_NODE_ID:
                    found.append(process)
        return found

    def lose(self, node: psutil.Process) -> None:
        """End a node with all that runs on it, as a spot instance goes."""
        for process in [*node.children(recursive=True), node]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def that_trains(self) -> psutil.Process | None:
        """A node on which a trial trains, where there is another one beside it."""
        nodes = self.nodes()
        return next((node for node in nodes if at_work(node.pid, TRIAL)), None) if len(nodes) > 1 else None


@contextmanager
def autoscaled_cluster(folder: Path, worker: Mapping[str, float], most: int, *, version: int) -> Iterator[Autoscaled]:
    """Within: a cluster of up to ``most`` workers with these resources, and the environment that joining it takes.

    ``version`` of the autoscaler: the cluster launcher's is 1, KubeRay's 2.
    """
    (port,) = free_ports(1)
    file = folder / "cluster.yaml"
    file.write_text(yaml.safe_dump(_config(f"127.0.0.1:{port}", worker, most)))
    environment = {
        "RAY_FAKE_CLUSTER": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),  # the provider's module
    }
    if version == 2:
        environment |= {
            "RAY_enable_autoscaler_v2": "1",
            "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
            "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
        }
    head = Head(folder, f"--autoscaling-config={file}", cpus=0, port=port, environment=environment)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in head.credentials.items():
            patch.setenv(name, value)
        try:
            yield Autoscaled(head)
        finally:
            workers = head.processes()
            head.stop()
            for process in workers:
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def _config(gcs_address: str, worker: Mapping[str, float], most: int) -> dict[str, object]:
    """As the cluster launcher would hand it to the head."""
    return {
        "cluster_name": "test",
        "max_workers": most,
        "idle_timeout_minutes": IDLE_MINUTES,
        "upscaling_speed": 100,
        "provider": {
            "type": "external",
            "module": "tests.faults.local_nodes.LocalNodes",
            "gcs_address": gcs_address,
            "head_node_id": FAKE_HEAD_NODE_ID,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "worker": {"resources": dict(worker), "node_config": {}, "min_workers": 0, "max_workers": most},
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
