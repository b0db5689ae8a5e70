"""The schedule, against ones worked out by hand; and devices."""

from pathlib import Path

import pytest

from pgan_ray.cost import DEVICES, Work, known_points
from pgan_ray.cost.networks import passes
from pgan_ray.cost.work import tiles
from pgan_ray.errors import SpecError
from pgan_ray.forecast.pace import BATCH_S, Pace, Stack
from pgan_ray.forecast.schedule import Forecast, Job, schedule
from pgan_ray.registry import VICTIMS
from pgan_ray.runner import Offer, StageOffer
from pgan_ray.spec import NetworkSpec, load_sweep

SWEEPS = Path(__file__).parents[2] / "sweeps"


def offer(
    cpus: float, trials: int, evaluators: int, cores: int | None = None, *, gpu: float = 0.0, asks: float = 1.0
) -> Offer:
    """A cluster whose actors ask for ``asks`` cores and a part of its ``gpu``."""
    part = {"CPU": asks, "GPU": gpu} if gpu else {"CPU": asks}
    total = {"CPU": cpus, "GPU": 1.0} if gpu else {"CPU": cpus}
    stages = (StageOffer(part, number, 2**30) for number in (trials, evaluators))
    return Offer("test", total, *stages, trials, cores)


def cores(number: int) -> Offer:
    return offer(number, number, number)


def test_work_on_one_slot_adds_up() -> None:
    assert schedule([Job(3, (1, 1)), Job(2, (4,))], [5], cores(1)) == Forecast(16, 5, 1.0)


def test_the_longest_batches_start_first() -> None:
    assert schedule([], [1, 1, 1, 1, 4], cores(2)).seconds == 4
    assert schedule([], [4, 1, 1, 1, 1], cores(2)).busy == 1.0


def test_stage_2_starts_when_its_generator_is_there() -> None:
    # Slot 1: 0-2 and 2-7; slot 2: 0-4 and 4-5.
    found = schedule([Job(2, (5,)), Job(4, (1,))], [], cores(2))
    assert (found.seconds, found.stage1_s, found.busy) == (7, 4, pytest.approx(5 / 7))


def test_room_is_left_to_stage_2() -> None:
    # One trial at a time: three of 2 s each, and the batches beside the next trial.
    found = schedule([Job(2, (2,))] * 3, [], offer(2, 1, 2))
    assert (found.seconds, found.stage1_s) == (8, 6)


def test_more_actors_than_cores_share_them() -> None:
    # 0-2 the first trial; then the second's 2 s and the batch's 2 s share one core until 6.
    assert schedule([Job(2, (2,)), Job(2)], [], offer(2, 1, 1, cores=1)).seconds == 6


def test_starts_are_paid_by_new_actors_alone() -> None:
    # The trial's actor serves the second trial; the evaluator goes on as long as a batch waits.
    found = schedule([Job(2), Job(2)], [1, 1], cores(1), start_s=10)
    assert found.seconds == 10 + 4 + 10 + 2


def test_a_gpu_is_shared_by_parts() -> None:
    assert schedule([Job(1)] * 6, [], offer(64, 3, 4, gpu=0.25)).seconds == 2


def test_no_room_is_said() -> None:
    with pytest.raises(SpecError, match="must have room for one actor of each stage"):
        schedule([], [1], offer(1, 1, 1, asks=2))


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_a_device_is_bound_by_the_slowest_of_three(name: str) -> None:
    device = DEVICES[name]
    second = device.peak["float32"] * device.share
    second_of_products = Work(flop=second, by_tiles={device.slots: second})
    assert device.seconds(second_of_products) == pytest.approx(1)
    assert device.seconds(Work(moved=device.memory_rate * device.share)) == pytest.approx(1)
    assert device.seconds(Work(launches=1 / device.launch_s)) == pytest.approx(1)
    assert device.seconds(Work(host_flop=device.host_rate)) == pytest.approx(1)
    assert device.seconds(second_of_products, part=0.25) == pytest.approx(4)


def test_a_gpu_needs_as_many_tiles_as_it_has_processors() -> None:
    device = DEVICES["h100"]
    work = Work(flop=device.peak["float32"] * device.share)
    assert device.seconds(work) == pytest.approx(device.slots)  # nothing is said of its products: one tile
    for members in (device.slots // 4, device.slots, 9 * device.slots):
        stack = work.times(members, launched_once=True)
        assert device.seconds(stack) == pytest.approx(max(members, device.slots))
    assert DEVICES["cpu"].occupied(1) == 1


def test_each_product_is_charged_its_own_tiles() -> None:
    """A narrow layer leaves most of a GPU idle, the wide ones beside it none of it; a stack has more tiles."""
    device = DEVICES["h100"]
    second = device.peak["float32"] * device.share
    work = Work(flop=1.5 * second, by_tiles={device.slots: second, 4: second / 2})
    assert device.seconds(work) == pytest.approx(1 + device.slots / 4 / 2)
    whole_slots = -(-device.slots // 4)
    stack = work.times(whole_slots, launched_once=True)
    assert device.seconds(stack) == pytest.approx(1.5 * whole_slots)
    added = work + Work(flop=second, by_tiles={4: second}) + Work(flop=second)
    assert added.by_tiles == {device.slots: second, 4: 1.5 * second, 1: second}
    through = passes(200, 784, NetworkSpec(widths=[512, 64]), 1, back_to="weights")
    assert sum(through.by_tiles.values()) == pytest.approx(through.flop)


def test_a_product_is_cut_into_tiles() -> None:
    logistic = VICTIMS.config("logistic")(batch_size=256).make()
    assert set(logistic.work(784, 2, 256, 256).by_tiles) == {tiles(256, 1), tiles(1, 784)}
    assert (tiles(128, 128), tiles(129, 1), tiles(200, 512)) == (1, 2, 8)


def test_a_larger_stack_takes_less_for_each_member_until_the_processors_have_work() -> None:
    configuration = load_sweep(SWEEPS / "mnist_alpha.yaml").configurations[0]
    settings, evaluation = configuration.settings, configuration.variants[0].evaluation
    points = known_points(settings.dataset)
    assert points is not None
    pace = Pace(DEVICES["h100"])
    each = [(pace.seconds(Stack(settings, points, n, evaluation, 0.4)) - BATCH_S) / n for n in (1, 10, 17, 90)]
    assert each[0] > 5 * each[1] > 5 * each[2]
    assert each[2] == pytest.approx(each[3], rel=0.01)
