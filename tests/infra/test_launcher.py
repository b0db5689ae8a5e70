"""Ray's cluster launcher: its own validation, and where workers come from."""

import importlib.util
import sys
import time
from copy import deepcopy
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ray.autoscaler._private.node_provider_availability_tracker import NodeProviderAvailabilityTracker
from ray.autoscaler._private.resource_demand_scheduler import get_nodes_for
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.autoscaler.node_launch_exception import NodeLaunchException

from .files import INFRA, LAUNCHERS, document

TRIALS = [{"CPU": 1.0, "GPU": 0.25}] * 20  # five nodes' worth

launchers = pytest.mark.parametrize("file", LAUNCHERS, ids=lambda file: file.stem)


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, INFRA / f"launcher/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@launchers
def test_ray_accepts_it(file: Path) -> None:
    validate_config(prepare_config(deepcopy(document(file))))


@launchers
def test_the_head_has_no_room_for_trials_and_workers_come_and_go(file: Path) -> None:
    config = document(file)
    types = config["available_node_types"]
    head = types.pop(config["head_node_type"])
    assert head["resources"] == {"CPU": 0}
    assert [kind["min_workers"] for kind in types.values()] == [0, 0]
    assert sum(kind["max_workers"] for kind in types.values()) >= config["max_workers"]
    assert config["idle_timeout_minutes"] <= 10
    assert config["provider"]["cache_stopped_nodes"] is False
    spot, on_demand = (deepcopy(kind["node_config"]) for kind in types.values())
    assert spot.pop("InstanceMarketOptions", spot.pop("scheduling", None)) not in (None, on_demand.get("scheduling"))
    on_demand.pop("scheduling", None)
    assert spot == on_demand, "two ways to pay for one machine"


@launchers
def test_it_carries_the_token(file: Path) -> None:
    config = document(file)
    assert config["file_mounts"] == {"/home/ray/.ray/auth_token": "~/.ray/auth_token"}
    assert "--env RAY_AUTH_MODE=token" in config["docker"]["run_options"]
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        (start,) = (command for command in config[key] if "ray start" in command)
        assert start.startswith("export RAY_AUTH_MODE=token")
    assert "--dashboard-host=127.0.0.1" in config["head_start_ray_commands"][-1]
    assert "RAY_AUTOSCALER_UTILIZATION_SCORER=spot_first.score;" in config["head_start_ray_commands"][-1]


@launchers
@pytest.mark.parametrize(("refused", "expected"), [(False, {"spot": 5}), (True, {"on_demand": 4, "spot": 1})])
def test_spot_first_and_on_demand_where_there_is_none(file: Path, refused: bool, expected: dict[str, int]) -> None:
    config = document(file)
    spot, on_demand = (kind for kind in config["available_node_types"] if kind != config["head_node_type"])
    tracker = NodeProviderAvailabilityTracker()
    if refused:
        tracker.update_node_availability(spot, int(time.time()), NodeLaunchException("NoCapacity", "none left", None))
    score = partial(module("spot_first").score, node_availability_summary=tracker.summary())
    added, unmet = get_nodes_for(
        config["available_node_types"], {"head": 1}, "head", config["max_workers"], list(TRIALS), score
    )
    assert unmet == []
    assert dict(added) == {{"spot": spot, "on_demand": on_demand}[kind]: count for kind, count in expected.items()}


def test_google_cloud_says_what_could_not_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def create_node(self, *_: Any) -> None:
            raise Exception({"errors": [{"code": "ZONE_RESOURCE_POOL_EXHAUSTED"}]})

    # Google's libraries are in the image, not here.
    library: Any = ModuleType("node_provider")
    library.GCPNodeProvider = Refusing
    monkeypatch.setitem(sys.modules, "ray.autoscaler._private.gcp.node_provider", library)
    provider = module("gcp_spot_first").Provider()
    with pytest.raises(NodeLaunchException, match="ZONE_RESOURCE_POOL_EXHAUSTED"):
        provider.create_node({}, {}, 1)
    (gcp,) = (file for file in LAUNCHERS if file.stem == "gcp")
    assert document(gcp)["provider"]["module"] == "gcp_spot_first.Provider"
