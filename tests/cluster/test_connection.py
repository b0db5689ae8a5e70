"""Joining a cluster, and what a joined one must offer."""

import socket
from pathlib import Path

import pytest
import ray

from pgan_ray.cluster import Connection, check_cluster, connect
from pgan_ray.cluster.connection import missing_here
from pgan_ray.errors import ClusterError, SpecError
from pgan_ray.results import Store
from pgan_ray.runner.machine import available_cores
from pgan_ray.spec import ResourcesSpec, StageResources, Sweep
from tests.listeners import listener
from tests.tiny import tiny_sweep


def test_a_cluster_that_does_not_answer_is_one_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(ClusterError, match=f"the Ray cluster at {address} must answer, got"):
        check_cluster(ResourcesSpec(), address)


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return tiny_sweep(tmp_path)


def test_without_an_address_the_cluster_is_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where somebody else's `ray start` runs on this machine, which Ray would join unasked."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    given: list[dict[str, object]] = []
    monkeypatch.setattr("ray.init", lambda **options: given.append(options))
    monkeypatch.setattr("ray.shutdown", lambda: None)
    with connect(None, evaluator_cpu=0.5):
        pass
    (options,) = given
    assert (options["address"], options["num_cpus"]) == ("local", available_cores() + 1)


def test_every_node_must_see_the_directory(cluster: Connection, tmp_path: Path, sweep: Sweep) -> None:
    Connection(None).check_nodes(Store(tmp_path), sweep)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".yaml"] == []
    assert "must see" in missing_here(Store(tmp_path), "missing", [])[0]


def test_a_node_that_has_gone_need_not_see_it(
    cluster: Connection, tmp_path: Path, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = ray.nodes()
    gone = there[0] | {"NodeID": "ab" * 28}  # as Ray lists a node until it notices
    monkeypatch.setattr("ray.nodes", lambda: [gone, *there])
    Connection(None).check_nodes(Store(tmp_path), sweep)


OF_ONES_OWN = (("data set", "Logs"), ("victim", "Tree"))


def test_every_node_must_have_the_classes_of_ones_own(
    cluster: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Found by this process alone, as where a package is installed on the head and not on its nodes.
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/only_here.py").write_text(
        "from pgan_ray.datasets import DatasetLoader\n"
        "from sklearn.tree import DecisionTreeClassifier as Tree\n"
        "class Logs(DatasetLoader): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "mine")
    victim = "evaluation.victim={name: 'only_here:Tree', max_depth: 3}"
    sweep = tiny_sweep(tmp_path, victim, "dataset={name: 'only_here:Logs'}")
    assert sweep.foreign_components == [(kind, f"only_here:{name}") for kind, name in OF_ONES_OWN]
    rules = [f"must be able to import the {kind} 'only_here:{name}', " for kind, name in OF_ONES_OWN]
    with pytest.raises(ClusterError, match=rf"(?s){rules[0]}.*--package DIR.*{rules[1]}.*--package DIR"):
        Connection(None).check_nodes(Store(tmp_path), sweep)
    assert missing_here(Store(tmp_path), "tiny.yaml", sweep.foreign_components) == []


def test_a_directory_that_a_node_does_not_see_is_one_error(
    cluster: Connection, tmp_path: Path, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The driver's file goes elsewhere: as if the node's directory were another one.
    monkeypatch.setattr(Store, "write", lambda self, name, content: None)
    monkeypatch.setattr(Store, "delete", lambda self, name: None)
    with pytest.raises(ClusterError, match=r"must see .* name one that all nodes share"):
        Connection(None).check_nodes(Store(tmp_path), sweep)


def test_resources_that_this_machine_never_grants_are_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    resources = ResourcesSpec(trial=StageResources(cpu=1000), evaluator=StageResources(cpu=2000))
    with pytest.raises(SpecError) as caught:
        check_cluster(resources, None)
    cores = available_cores()
    assert caught.value.faults == [
        f"resources.trial.cpu: must be at most {cores} on this machine, got 1000",
        f"resources.evaluator.cpu: must be at most {cores} on this machine, got 2000",
    ]
    with listener(b"\0\0\0\x04\0\0\0\0\0") as port:
        check_cluster(resources, f"127.0.0.1:{port}")  # may grow
    check_cluster(ResourcesSpec(), None)


def test_gpus_that_are_expected_are_asked_for_though_none_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 2.0})
    trial = ResourcesSpec().trial
    assert Connection(None).request(trial) == {"CPU": trial.cpu}
    assert Connection(None, expects_gpus=True).request(trial) == {"CPU": trial.cpu, "GPU": trial.gpu}


def test_this_machine_alone_grows_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(SpecError, match="--expect-gpus"):
        check_cluster(ResourcesSpec(), None, expects_gpus=True)


@pytest.mark.usefixtures("cluster")
def test_a_driver_whose_own_node_is_lost_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    Connection(None).check_own_node()
    lost = [{**node, "Alive": False} for node in ray.nodes()]
    monkeypatch.setattr("ray.nodes", lambda: [*lost, {"NodeID": "f" * 56, "Alive": True, "Resources": {"CPU": 2}}])
    with pytest.raises(ClusterError, match="the node that the driver was attached to"):
        Connection(None).check_own_node()


def test_the_nodes_are_asked_for_every_two_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, answers = [100.0], [1]

    def nodes() -> list[dict[str, object]]:
        return [{"Alive": True, "Resources": {"CPU": 2}}] * answers[0]

    monkeypatch.setattr("pgan_ray.cluster.connection.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("ray.nodes", nodes)
    joined = Connection(None)
    assert joined.slots({"CPU": 1}) == 2
    answers[0] = 5
    clock[0] += 1.9
    assert joined.slots({"CPU": 1}) == 2
    clock[0] += 0.2
    assert joined.slots({"CPU": 1}) == 10


@pytest.mark.parametrize(
    ("local_cores", "cpus", "trials_left", "evaluators"),
    [
        (2, 3, 5, 1),  # a local cluster announces one evaluator's CPU more than it has
        (2, 3, 1, 2),
        (2, 3, 0, 2),
        (1, 2, 3, 1),
        (None, 16, 100, 2),  # an eighth is left to stage 2
        (None, 16, 3, 13),
        (None, 16, 0, 16),
        (None, 1, 2, 1),
        (None, 0, 2, 1),  # an autoscaler is to see the demand
    ],
)
def test_evaluators_leave_room_for_the_trials_that_are_left(
    monkeypatch: pytest.MonkeyPatch, local_cores: int | None, cpus: int, trials_left: int, evaluators: int
) -> None:
    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": float(cpus)})
    monkeypatch.setattr("ray.nodes", lambda: [{"Alive": True, "Resources": {"CPU": float(cpus)}}])
    one = {"CPU": 1.0}
    assert Connection(local_cores).evaluator_limit(one, one, trials_left) == evaluators


def test_a_gpu_that_pytorch_cannot_use_is_told_before_the_start(
    cluster: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its work would be done on a core of a CPU, and nobody would know why it takes so long."""
    sweep = tiny_sweep(tmp_path)
    for connection in (cluster, Connection(None)):  # this machine's own, and one that is joined
        connection.check_nodes(Store(tmp_path), sweep)  # a rehearsal, here
    monkeypatch.delenv("PGAN_RAY_DEVICE")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(
        ClusterError, match=r"1 GPU\(s\) that Ray has here, got 0: .+\n\(to use no GPUs, set resources.trial.gpu=0 and"
    ):
        cluster.check_nodes(Store(tmp_path), sweep)
    # Of the nodes each is asked for itself: those here compute on CPUs, and the driver does not know.
    with pytest.raises(
        ClusterError, match=r"PyTorch must be able to use the GPU of node .*, got: PGAN_RAY_DEVICE=cpu\n"
    ):
        Connection(None).check_nodes(Store(tmp_path), sweep)
    none = tiny_sweep(tmp_path, "resources.trial.gpu=0", "resources.evaluator.gpu=0")
    cluster.check_nodes(Store(tmp_path), none)
