"""Each sweep that we ship fits on the nodes that each file can add."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pgan_ray.spec import ResourcesSpec, load_sweep, profile_names

from .files import INFRA, LAUNCHERS, ROOT, document

SWEEPS = sorted(ROOT.glob("sweeps/*.yaml"))


def launched(file: Path) -> dict[str, dict[str, float]]:
    """What each kind of worker offers."""
    config = document(file)
    kinds = {kind: spec["resources"] for kind, spec in config["available_node_types"].items()}
    return {kind: resources for kind, resources in kinds.items() if kind != config["head_node_type"]}


def grouped(spec: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The same of a RayCluster: Ray takes a worker's resources from its limits."""
    found = {}
    for group in spec["workerGroupSpecs"]:
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        found[group["groupName"]] = {"CPU": float(limits["cpu"]), "GPU": float(limits["nvidia.com/gpu"])}
    return found


@cache
def asked(file: Path) -> dict[str, ResourcesSpec]:
    """What a sweep takes, by its profiles; ``body``: the file without one."""
    return {profile: load_sweep(file, profile=profile).resources for profile in ("body", *profile_names(file))}


OFFERS = {file.stem: launched(file) for file in LAUNCHERS}
OFFERS["kuberay"] = grouped(document(INFRA / "kuberay/raycluster.yaml")["spec"])


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_a_worker_of_any_kind_holds_both_stages_at_once(file: Path, offer: dict[str, dict[str, float]]) -> None:
    assert len(offer) == 2
    for resources in asked(file).values():
        for has in offer.values():
            assert resources.trial.cpu + resources.evaluator.cpu <= has["CPU"]
            assert resources.trial.gpu + resources.evaluator.gpu <= has["GPU"]


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
def test_cpus_do_not_run_out_before_the_gpu_does(offer: dict[str, dict[str, float]]) -> None:
    """Else a part of a GPU is paid for and cannot be used."""
    for file in SWEEPS:
        resources = asked(file)["body"]
        for stage in (resources.trial, resources.evaluator):
            for has in offer.values():
                assert has["CPU"] / stage.cpu >= has["GPU"] / stage.gpu
