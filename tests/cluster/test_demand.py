"""What an autoscaler is shown, on a real cluster."""

import time
from collections import Counter
from types import SimpleNamespace

import pytest
from ray.util import placement_group_table

from pgan_ray.cluster import Connection
from pgan_ray.cluster.demand import MOST, REST_S, Demand, worth

HUGE = {"CPU": 1000.0}  # never fits
SMALL = {"CPU": 1.0, "GPU": 0.5}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the demand sees."""
    now = [1000.0]
    monkeypatch.setattr("pgan_ray.cluster.demand.time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def demand(cluster: Connection, clock: list[float]) -> Demand:
    """Of a cluster that is known to have one node for a while."""
    demand = Demand()
    demand.show([], nodes=1)
    clock[0] += REST_S
    return demand


def waiting() -> Counter[float]:
    """CPUs of the groups in Ray's queue."""
    groups = (group for group in placement_group_table().values() if group["state"] == "PENDING")
    return Counter(bundle["CPU"] for group in groups for bundle in group["bundles"].values())


def placed() -> int:
    return sum(group["state"] == "CREATED" for group in placement_group_table().values())


def until_placed() -> None:
    deadline = time.monotonic() + 30
    while placed() == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_waits_is_shown_as_long_as_it_waits(demand: Demand) -> None:
    demand.show([(HUGE, 3), ({"CPU": 2000.0}, 1)], nodes=1)
    assert waiting() == {1000.0: 3, 2000.0: 1}
    demand.show([(HUGE, 1), ({"CPU": 2000.0}, -4)], nodes=1)
    assert waiting() == {1000.0: 1}
    demand.show([(HUGE, 1), (HUGE, 1)], nodes=1)  # both stages ask for the same
    assert waiting() == {1000.0: 2}
    demand.show([(HUGE, 10_000)], nodes=1)
    assert waiting() == {1000.0: MOST}
    demand.end()
    assert waiting() == {}


def test_room_that_was_there_all_the_time_is_given_back_at_once(demand: Demand, clock: list[float]) -> None:
    demand.show([(SMALL, 1), (HUGE, 1)], nodes=1)
    until_placed()
    demand.show([(SMALL, 1), (HUGE, 1)], nodes=1)
    assert (placed(), waiting()) == (0, {1000.0: 1})
    demand.show([(SMALL, 1), (HUGE, 1)], nodes=1)
    assert (placed(), waiting()) == (0, {1000.0: 1})  # not tried again for a while
    clock[0] += REST_S + 1
    demand.show([(SMALL, 1), (HUGE, 1)], nodes=1)
    until_placed()
    demand.end()
    assert placed() == 0


def test_a_new_node_is_left_to_those_who_waited(demand: Demand, clock: list[float]) -> None:
    demand.show([(HUGE, 2)], nodes=1)
    demand.show([(HUGE, 2)], nodes=2)
    assert waiting() == {}
    clock[0] += REST_S
    demand.show([(HUGE, 2)], nodes=2)
    assert waiting() == {1000.0: 2}
    demand.end()


def test_an_actor_with_little_to_do_is_not_worth_a_node() -> None:
    assert worth(40, 400, None) == 40  # nobody knows yet
    assert worth(40, 400, 0.3) == 4  # two minutes of work
    assert worth(40, 400, 60.0) == 40
    assert worth(0, 0, 1.0) == 0
