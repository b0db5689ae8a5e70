"""KubeRay's manifests. Which keys there are was read from the CRDs of KubeRay 1.7, which are not kept here."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ray.autoscaler.v2.instance_manager.config import NodeTypeConfig
from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
from ray.autoscaler.v2.utils import ResourceRequestUtil
from ray.core.generated.autoscaler_pb2 import ResourceRequestByCount

from .files import INFRA, document, text

CLUSTER = document(INFRA / "kuberay/raycluster.yaml")
JOB = document(INFRA / "kuberay/rayjob.yaml")
SPECS = pytest.mark.parametrize("spec", [CLUSTER["spec"], JOB["spec"]["rayClusterSpec"]], ids=["cluster", "job"])
TOKEN = {"name": "RAY_AUTH_MODE", "value": "token"}
NO_GPU = {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}
STAYS = ("cluster-autoscaler.kubernetes.io/safe-to-evict", "false")

# Of each mapping that is not Kubernetes' own: every key that we use.
KEYS = {
    "cluster": "rayVersion authOptions enableInTreeAutoscaling autoscalerOptions headGroupSpec workerGroupSpecs",
    "authOptions": "mode secretName",
    "autoscalerOptions": "version idleTimeoutSeconds env resources securityContext",
    "head": "serviceType rayStartParams template",
    "worker": "groupName priority replicas minReplicas maxReplicas rayStartParams template",
    "pod": "automountServiceAccountToken enableServiceLinks securityContext nodeSelector tolerations containers "
    "restartPolicy",
    "container": "name image command args ports env envFrom resources securityContext",
    "job": "entrypoint backoffLimit activeDeadlineSeconds shutdownAfterJobFinishes ttlSecondsAfterFinished "
    "submissionMode submitterPodTemplate rayClusterSpec",
}


def closed(kind: str, *found: dict[str, Any]) -> None:
    for one in found:
        assert set(one) <= set(KEYS[kind].split()), kind


def test_a_job_runs_on_the_cluster_that_stands_in_the_other_file() -> None:
    assert JOB["spec"]["rayClusterSpec"] == CLUSTER["spec"]


def test_every_key_is_one_that_kuberay_knows() -> None:
    for manifest, kind in ((CLUSTER, "RayCluster"), (JOB, "RayJob")):
        assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", kind)
        assert set(manifest) == {"apiVersion", "kind", "metadata", "spec"}
    spec = CLUSTER["spec"]
    closed("cluster", spec)
    closed("authOptions", spec["authOptions"])
    closed("autoscalerOptions", spec["autoscalerOptions"])
    closed("head", spec["headGroupSpec"])
    closed("worker", *spec["workerGroupSpecs"])
    closed("job", JOB["spec"])
    submitter = JOB["spec"]["submitterPodTemplate"]
    for template in (submitter, *(group["template"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]))):
        assert set(template) <= {"metadata", "spec"}
        closed("pod", template["spec"])
        closed("container", *template["spec"]["containers"])


@SPECS
def test_the_token_is_asked_for_twice(spec: dict[str, Any]) -> None:
    """By KubeRay's own option, and so that Ray does not start where KubeRay does not know the option."""
    assert spec["authOptions"] == {"mode": "token", "secretName": "pgan-ray-token"}
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    containers = [container for group in groups for container in group["template"]["spec"]["containers"]]
    assert len(containers) == 3
    assert all(TOKEN in container["env"] for container in containers)
    assert "dashboard-host" not in spec["headGroupSpec"]["rayStartParams"]


def test_workers_come_and_go_spot_first() -> None:
    spec = CLUSTER["spec"]
    assert spec["enableInTreeAutoscaling"] is True
    assert spec["autoscalerOptions"]["version"] == "v2"
    assert spec["autoscalerOptions"]["idleTimeoutSeconds"] <= 600
    spot, on_demand = spec["workerGroupSpecs"]
    assert spot["priority"] > on_demand["priority"]
    for group, capacity in ((spot, "spot"), (on_demand, "on-demand")):
        assert group["minReplicas"] == group["replicas"] == 0 < group["maxReplicas"]
        pod = group["template"]["spec"]
        assert pod["nodeSelector"] == {"pgan-ray/capacity": capacity}
        (container,) = pod["containers"]
        assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    tolerated = [toleration["key"] for toleration in on_demand["template"]["spec"]["tolerations"]]
    assert tolerated == ["nvidia.com/gpu"]


@pytest.mark.parametrize(
    ("availability", "expected"), [({}, {"gpu-spot": 5}), ({"gpu-spot": 0.5}, {"gpu-on-demand": 4, "gpu-spot": 1})]
)
def test_the_autoscaler_takes_on_demand_where_spot_could_not_be_had(
    availability: dict[str, float], expected: dict[str, int]
) -> None:
    """``availability``: what it keeps of a node type that timed out, and lets rise to 1."""
    types = {"head": NodeTypeConfig("head", 0, 0, resources={"CPU": 0})}
    for group in CLUSTER["spec"]["workerGroupSpecs"]:
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        resources = {"CPU": float(limits["cpu"]), "GPU": float(limits["nvidia.com/gpu"])}
        kind = NodeTypeConfig(group["groupName"], 0, group["maxReplicas"], None, group["priority"], resources)
        types[kind.name] = kind
    trials = ResourceRequestByCount(request=ResourceRequestUtil.make({"CPU": 1, "GPU": 0.25}), count=20)
    request = SchedulingRequest(
        disable_launch_config_check=True,
        node_type_configs=types,
        max_num_nodes=13,
        resource_requests=[trials],
        recoverable_resource_availabilities=availability,
    )
    launched = ResourceDemandScheduler(None).schedule(request).to_launch
    assert {launch.instance_type: launch.count for launch in launched} == expected


def test_the_autoscaler_gives_spot_up_in_time_and_not_for_ever() -> None:
    options = CLUSTER["spec"]["autoscalerOptions"]["env"]
    environment = {one["name"]: int(one["value"]) for one in options if one["name"].startswith("RAY_")}
    # Ray's own: an hour for the first. A new node and the image's 3 GiB take some minutes.
    assert 300 < environment["RAY_AUTOSCALER_RECONCILE_ALLOCATE_STATUS_TIMEOUT_S"] <= 1200
    assert environment["RAY_AUTOSCALER_AVAILABILITY_RECOVERY_S"] <= 3600


def test_the_head_has_no_room_for_trials() -> None:
    assert CLUSTER["spec"]["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}


def test_a_lost_job_is_resumed_and_a_finished_one_costs_nothing() -> None:
    spec = JOB["spec"]
    *start, command, file, out, option, profile = spec["entrypoint"].split()
    # The first try and those that resume it start where no GPU is yet.
    assert start == ["env", "PGAN_RAY_EXPECT_GPUS=1"]
    assert command == "sweep-or-resume"
    assert (INFRA.parent / file.removeprefix("/home/ray/")).is_file()
    assert out.startswith("s3://")
    assert [option, profile] == ["--profile", "paper"]
    assert spec["backoffLimit"] > 0
    assert spec["shutdownAfterJobFinishes"] is True
    (submitter,) = spec["submitterPodTemplate"]["spec"]["containers"]
    assert TOKEN in submitter["env"]
    assert submitter["image"] == spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["image"]
    policy = document(INFRA / "kuberay/networkpolicy.yaml")
    assert {"podSelector": {"matchLabels": spec["submitterPodTemplate"]["metadata"]["labels"]}} in [
        peer for rule in policy["spec"]["ingress"] for peer in rule["from"]
    ]


@SPECS
def test_the_driver_is_not_evicted(spec: dict[str, Any]) -> None:
    assert STAYS in spec["headGroupSpec"]["template"]["metadata"]["annotations"].items()


def test_a_job_is_not_lost_with_the_pod_that_submits_it() -> None:
    assert STAYS in JOB["spec"]["submitterPodTemplate"]["metadata"]["annotations"].items()


@SPECS
def test_whoever_asks_for_no_gpu_sees_none(spec: dict[str, Any]) -> None:
    containers = [
        *spec["headGroupSpec"]["template"]["spec"]["containers"],
        *(one for group in spec["workerGroupSpecs"] for one in group["template"]["spec"]["containers"]),
        *JOB["spec"]["submitterPodTemplate"]["spec"]["containers"],
        spec["autoscalerOptions"],  # it has the head's image
    ]
    assert len(containers) == 5
    for container in containers:
        assert ("nvidia.com/gpu" in container["resources"]["limits"]) != (NO_GPU in container["env"])


@SPECS
def test_tini_stays_the_first_process_and_ray_is_told_of_the_end(spec: dict[str, Any], tmp_path: Path) -> None:
    """KubeRay's own command would take the place of the image's entry point, and nobody would reap orphans."""
    ray = tmp_path / "ray"
    ray.write_text('echo $$ "$@"\n')
    (entry_point,) = re.findall(r"^ENTRYPOINT (.*)$", text(INFRA / "Dockerfile"), re.MULTILINE)
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert group["template"]["metadata"]["annotations"]["ray.io/overwrite-container-cmd"] == "true"
        (container,) = group["template"]["spec"]["containers"]
        first, shell = container["command"][:2], container["command"][2:]
        assert first == json.loads(entry_point)
        # A signal reaches what tini has started: that must be the command that KubeRay makes, not a shell around it.
        with subprocess.Popen(
            [*shell, *container["args"]],
            env=os.environ | {"KUBERAY_GEN_RAY_START_CMD": f"sh {ray} --block --num-cpus=0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # here the limit may be out of reach
            text=True,
        ) as started:
            assert started.communicate()[0] == f"{started.pid} --block --num-cpus=0\n"


@SPECS
def test_a_sweep_without_mlflow_needs_no_login_of_its(spec: dict[str, Any]) -> None:
    (container,) = spec["headGroupSpec"]["template"]["spec"]["containers"]
    secrets = [one["valueFrom"]["secretKeyRef"] for one in container["env"] if "valueFrom" in one]
    assert len(secrets) == 2
    assert all(secret["optional"] for secret in secrets)


def test_prometheus_may_ask_for_metrics_and_for_nothing_else() -> None:
    rules = document(INFRA / "kuberay/networkpolicy.yaml")["spec"]["ingress"]
    (ports,) = [rule["ports"] for rule in rules if "monitoring" in str(rule["from"])]
    assert ports == [{"port": 8080, "protocol": "TCP"}]  # KubeRay's `metrics-export-port`
