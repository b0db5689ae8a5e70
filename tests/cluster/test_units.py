"""The executor's small parts, without a cluster."""

from itertools import repeat

import pytest
import ray
from ray.tune.search import Searcher

from pgan_ray.cluster import Connection
from pgan_ray.cluster.search import PlannedTrials


def suggested(searcher: PlannedTrials, count: int) -> list[object]:
    return [searcher.suggest(f"t{index}") for index in range(count)]


class Cluster(Connection):
    """A connection to nodes that are only described."""

    def __init__(self, nodes: list[dict[str, float]], local_cores: int | None, patch: pytest.MonkeyPatch) -> None:
        super().__init__(local_cores)
        total: dict[str, float] = {}
        for node in nodes:
            for name, amount in node.items():
                total[name] = total.get(name, 0) + amount
        patch.setattr("ray.cluster_resources", lambda: total)
        patch.setattr("ray.nodes", lambda: [{"Alive": True, "Resources": node} for node in nodes])


@pytest.mark.parametrize(
    ("nodes", "local_cores", "trial", "evaluator", "slots", "limit"),
    [
        # A local cluster announces the room of one evaluator on top of its cores.
        ([{"CPU": 3}], 2, {"CPU": 1}, {"CPU": 1}, 2, 2),
        ([{"CPU": 2}], 1, {"CPU": 1}, {"CPU": 1}, 1, 1),
        ([{"CPU": 12}], 8, {"CPU": 1}, {"CPU": 4}, 8, 8),
        ([{"CPU": 5, "GPU": 1}], 4, {"CPU": 1, "GPU": 0.25}, {"CPU": 1, "GPU": 0.25}, 4, 3),
        # A share of a GPU is one of a single GPU.
        ([{"CPU": 9, "GPU": 2}], None, {"CPU": 1, "GPU": 0.4}, {"CPU": 1, "GPU": 0.4}, 4, 3),
        ([{"CPU": 9, "GPU": 2}], None, {"CPU": 1, "GPU": 0.4}, {"CPU": 1, "GPU": 0.2}, 4, 4),
        # A joined one gives up an eighth, and never all.
        ([{"CPU": 1}], None, {"CPU": 1}, {"CPU": 1}, 1, 1),
        ([{"CPU": 8}], None, {"CPU": 1}, {"CPU": 1}, 8, 7),
        ([{"CPU": 8}], None, {"CPU": 1}, {"CPU": 4}, 8, 4),
        ([{"CPU": 8}] * 4, None, {"CPU": 1}, {"CPU": 1}, 32, 28),
        # What only some nodes hold is shared out among those.
        ([{"CPU": 2, "GPU": 1}] * 8 + [{"CPU": 8}], None, {"CPU": 1, "GPU": 0.5}, {"CPU": 1, "GPU": 0.5}, 16, 14),
        # What no single node holds does not fit, however many nodes there are.
        ([{"CPU": 2}] * 4, None, {"CPU": 4}, {"CPU": 1}, 0, 1),
        ([], None, {"CPU": 1}, {"CPU": 1}, 0, 1),
    ],
)
def test_stage_1_leaves_room_for_stage_2(
    nodes: list[dict[str, float]],
    local_cores: int | None,
    trial: dict[str, float],
    evaluator: dict[str, float],
    slots: int,
    limit: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = Cluster(nodes, local_cores, monkeypatch)
    assert (cluster.slots(trial), cluster.trial_limit(trial, evaluator)) == (slots, limit)


@pytest.mark.parametrize(
    ("nodes", "share", "trials", "expected"),
    [
        # Ray would put four of five quarters on one GPU of eight.
        ([{"CPU": 16, "GPU": 8}], 0.25, 5, 0.5001),
        ([{"CPU": 8, "GPU": 4}] * 2, 0.25, 5, 0.5001),
        ([{"CPU": 16, "GPU": 8}], 0.25, 8, 0.5001),
        ([{"CPU": 16, "GPU": 8}], 0.25, 9, 0.3334),
        ([{"CPU": 64, "GPU": 8}], 0.25, 25, 0.25),
        ([{"CPU": 16, "GPU": 1}], 0.25, 1, 0.25),
        ([{"CPU": 16, "GPU": 8}], 0.6, 5, 0.6),
        ([{"CPU": 16, "GPU": 8}], 1.0, 5, 1.0),
        ([{"CPU": 16, "GPU": 8}], 2.0, 2, 2.0),
        ([{"CPU": 16, "GPU": 8}], 0.25, 0, 0.25),
        # Four GPUs without CPUs for four trials: apart, fewer would run at once.
        ([{"CPU": 16, "GPU": 1}, {"CPU": 1, "GPU": 4}], 0.25, 4, 0.25),
        ([{"CPU": 16}], 0.0, 5, 0.0),
        ([{"CPU": 16}], 0.25, 5, 0.25),  # an autoscaler will bring them
    ],
)
def test_trials_spread_over_the_gpus(
    nodes: list[dict[str, float]], share: float, trials: int, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster(nodes, None, monkeypatch)
    monkeypatch.setattr("ray.available_resources", ray.cluster_resources)
    asked = {"CPU": 1.0, "GPU": share} if share else {"CPU": 1.0}
    assert cluster.spread(asked, asked, trials).get("GPU", 0.0) == expected


@pytest.mark.parametrize(
    ("trial", "trials", "expected"),
    [
        (0.0, 0, 32),
        (0.25, 5, 27),  # Ray has put four on one GPU and the fifth on another
        (0.5001, 5, 17),  # what is left beside each has room for one, not for two
        (0.5001, 8, 8),
        (0.3334, 16, 8),
        (1.0, 5, 12),
        (0.25, 40, 1),
    ],
)
def test_evaluators_have_the_room_that_trials_leave_on_each_gpu(
    trial: float, trials: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster([{"CPU": 80, "GPU": 8}], None, monkeypatch)
    asked = {"CPU": 1.0, "GPU": trial} if trial else {"CPU": 1.0}
    monkeypatch.setattr(Cluster, "trial_limit", lambda *given: trials)
    assert cluster.evaluator_limit(asked, {"CPU": 1.0, "GPU": 0.25}, trials) == expected


@pytest.mark.parametrize(("wait_s", "expected"), [(60.0, 0.5001), (0.0, 0.25)])
def test_trials_spread_over_gpus_that_were_given_back_just_now_and_not_where_others_use_them(
    wait_s: float, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster([{"CPU": 16, "GPU": 8}], None, monkeypatch)
    free = iter([7.5, 7.75, 8.0]) if wait_s else repeat(7.5)
    monkeypatch.setattr("ray.available_resources", lambda: {"CPU": 16, "GPU": next(free)})
    monkeypatch.setattr("pgan_ray.cluster.connection.FREED_S", wait_s)
    asked = {"CPU": 1.0, "GPU": 0.25}
    assert cluster.spread(asked, asked, 5)["GPU"] == expected


def test_a_trial_that_ends_makes_room_and_the_last_one_ends_the_search() -> None:
    searcher = PlannedTrials(["a", "b"], lambda: 1)
    assert suggested(searcher, 2) == [{"trial": "a"}, None]
    searcher.on_trial_complete("t0")
    assert searcher.suggest("t2") == {"trial": "b"}
    searcher.on_trial_complete("t2", error=True)
    assert searcher.suggest("t3") == Searcher.FINISHED


def test_stage_1_grows_with_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 2
    monkeypatch.setattr("pgan_ray.cluster.search.FRESH_S", 0.0)
    searcher = PlannedTrials([f"trial{index}" for index in range(20)], lambda: limit)
    assert sum(s is not None for s in suggested(searcher, 5)) == 2
    limit = 7
    assert sum(searcher.suggest(f"later{index}") is not None for index in range(20)) == 5
