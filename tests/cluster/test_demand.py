"""What an autoscaler is shown, on a real cluster."""

import time
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from ray.util import placement_group_table

from pgan_ray.cluster import Connection
from pgan_ray.cluster.demand import ASK_S, FIRST, MOST, REST_S, Demand, worth

HUGE = {"CPU": 1000.0}  # never fits
SMALL = {"CPU": 1.0, "GPU": 0.5}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the demand sees."""
    now = [1000.0]
    monkeypatch.setattr("pgan_ray.cluster.demand.time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def demand(cluster: Connection, clock: list[float]) -> Iterator[Demand]:
    """Of a cluster that is known to have one node for a while."""
    demand = Demand()
    demand.show([], nodes=1)
    clock[0] += REST_S
    yield demand
    demand.withdraw()


def groups(state: str) -> Counter[float]:
    """CPUs of the cluster's groups that are in this state."""
    found = (group for group in placement_group_table().values() if group["state"] == state)
    return Counter(bundle["CPU"] for group in found for bundle in group["bundles"].values())


def waiting() -> Counter[float]:
    return groups("PENDING")


def placed() -> int:
    return groups("CREATED").total()


def until_placed() -> None:
    deadline = time.monotonic() + 30
    while placed() == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_waits_is_shown_as_long_as_it_waits(demand: Demand, clock: list[float]) -> None:
    def show(*wanted: tuple[dict[str, float], int]) -> Counter[float]:
        clock[0] += ASK_S
        demand.show(wanted, nodes=1)
        return waiting()

    assert show((HUGE, 3), ({"CPU": 2000.0}, 1)) == {1000.0: 3, 2000.0: 1}
    assert show((HUGE, 1), ({"CPU": 2000.0}, -4)) == {1000.0: 1}
    assert show((HUGE, 1), (HUGE, 1)) == {1000.0: 2}  # both stages ask for the same
    assert show((HUGE, 10_000)) == {1000.0: MOST}
    demand.withdraw()
    assert waiting() == {}


def test_room_that_was_there_all_the_time_is_given_back_and_tried_ever_more_rarely(
    demand: Demand, clock: list[float]
) -> None:
    def show(after_s: float = ASK_S) -> None:
        clock[0] += after_s
        demand.show([(SMALL, 1), (HUGE, 1)], nodes=1)

    for rest_s in (REST_S, 2 * REST_S, 4 * REST_S):
        show()
        until_placed()
        show()
        assert (placed(), waiting()) == (0, {1000.0: 1})
        show(rest_s - ASK_S)
        assert (placed(), waiting()) == (0, {1000.0: 1})
        clock[0] += ASK_S


def test_groups_that_wait_do_not_take_one_after_the_other_what_one_gave_back(
    demand: Demand, clock: list[float]
) -> None:
    demand.show([(SMALL, 5)], nodes=1)  # two of them fit
    until_placed()
    clock[0] += ASK_S
    demand.show([(SMALL, 5)], nodes=1)
    assert (placed(), waiting()) == (0, {})


def test_a_new_node_is_left_to_those_who_waited(demand: Demand, clock: list[float]) -> None:
    clock[0] += 4 * REST_S  # since the cluster was seen first
    demand.show([(HUGE, 2)], nodes=1)
    clock[0] += ASK_S
    demand.show([(HUGE, 2)], nodes=2)
    assert waiting() == {}
    clock[0] += REST_S
    demand.show([(HUGE, 2)], nodes=2)
    assert waiting() == {1000.0: 2}
    clock[0] += ASK_S
    demand.show([(HUGE, 2)], nodes=3)
    assert waiting() == {1000.0: 2}  # where nodes keep coming, the demand shows in between


def test_an_actor_with_little_to_do_is_not_worth_a_node() -> None:
    assert worth(40, 400, None, 0) == FIRST  # nobody knows yet
    assert worth(1, 10, 0.1, 1) == 0
    assert worth(40, 400, 0.3, 0) == 4  # two minutes of work
    assert worth(40, 400, 0.3, 3) == 1
    assert worth(40, 400, 0.3, 80) == 0
    assert worth(40, 400, 60.0, 2) == 40
