"""The benchmark compares like with like: its plain loops compute what the stacks compute."""

from pathlib import Path

import pytest
import torch

from pgan_ray.attacks import Member
from pgan_ray.attacks.engines.pgan import PGan
from pgan_ray.attacks.engines.pgan_work import iteration_work
from pgan_ray.bench import run_benchmark
from pgan_ray.bench.plain import PlainPGan, PlainVictim
from pgan_ray.cost.networks import step_work
from pgan_ray.data import TaskData, select_task
from pgan_ray.datasets.load import load_dataset
from pgan_ray.nn import StackedMLP
from pgan_ray.spec import Settings, load_sweep
from pgan_ray.victims.engines.stack import train_victims
from tests.tiny import tiny_sweep

MNIST_ALPHA = Path(__file__).parents[2] / "sweeps" / "mnist_alpha.yaml"
NO_DROPOUT = [f"attack.{network}.dropout=0" for network in ("generator", "discriminator", "classifier")]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny_sweep(tmp_path, *NO_DROPOUT, "evaluation.victim.dropout=0").configurations[0].settings


@pytest.fixture
def task(settings: Settings) -> TaskData:
    return select_task(load_dataset(settings.dataset, seed=0), settings.task)


def copy_weights(stack: StackedMLP, plain: torch.nn.Sequential) -> None:
    """Member 0 of ``stack`` into ``plain``."""
    linear = [layer for layer in plain if isinstance(layer, torch.nn.Linear)]
    with torch.no_grad():
        for index, layer in enumerate(linear):
            layer.weight.copy_(stack.layers[index].weight[0].T)
            layer.bias.copy_(stack.layers[index].bias[0, 0])


def assert_same_weights(stack: StackedMLP, plain: torch.nn.Sequential) -> None:
    linear = [layer for layer in plain if isinstance(layer, torch.nn.Linear)]
    for index, layer in enumerate(linear):
        torch.testing.assert_close(stack.layers[index].weight[0].T, layer.weight, rtol=1e-4, atol=1e-6)


def test_plain_pgan_is_the_stack_of_one(settings: Settings, task: TaskData) -> None:
    attack = settings.attack
    stack = PGan(attack, [Member(0, 0, attack)], task, device=torch.device("cpu"))
    plain = PlainPGan(attack, task, seed=0)
    plain.random.set_state(stack.state()["random"])
    for name in ("generator", "discriminator", "classifier"):
        copy_weights(getattr(stack, name), getattr(plain, name))
    start = plain.generator[0].weight.detach().clone()
    stack.train(20)
    plain.train(20)
    assert not torch.equal(plain.generator[0].weight, start)
    for name in ("generator", "discriminator", "classifier"):
        assert_same_weights(getattr(stack, name), getattr(plain, name))


def test_plain_victim_learns_what_a_stacked_one_learns(settings: Settings, task: TaskData) -> None:
    spec = settings.evaluation.victim.model_copy(update={"epochs": 5})
    x, y = task.train_x, task.train_y
    stack = train_victims(
        spec, x[None], y[None], [len(x)], classes=2, initial_seeds=[1], stack_seed=2, device=torch.device("cpu")
    )
    plain = PlainVictim(spec, task.features, seed=0)
    before = train_victims(
        spec.model_copy(update={"optimizer": spec.optimizer.model_copy(update={"learning_rate": 1e-30})}),
        x[None],
        y[None],
        [len(x)],
        classes=2,
        initial_seeds=[1],
        stack_seed=2,
        device=torch.device("cpu"),
    )
    copy_weights(before.network, plain.network)
    plain.random.manual_seed(stack_seed_of(2))
    plain.train(x, y, 5)
    assert_same_weights(stack.network, plain.network)


def stack_seed_of(seed: int) -> int:
    from pgan_ray.spec.seeds import torch_seed

    return torch_seed(seed, "victims")


def test_the_papers_iteration_takes_30_gflop() -> None:
    settings = load_sweep(MNIST_ALPHA).configurations[0].settings
    assert iteration_work(settings.attack, 784).flop == pytest.approx(30e9, rel=0.05)
    # 1.33 million weights, forward and twice backward, less the input's gradient.
    assert step_work(settings.evaluation.victim, 784, 2).flop == pytest.approx(200 * 6.3e6, rel=0.05)


def test_every_contender_is_measured_and_compared_per_member(settings: Settings) -> None:
    rows = run_benchmark(
        {"tiny": settings}, rounds=1, threads=torch.get_num_threads(), stacks=(1, 2), victims=3, turn_flop=1e7
    )
    assert [row.members for row in rows] == [1, 1, 1, 2, 1, 3]
    assert rows[0].name == "torch.mm 2048^3, float32"
    names = {row.name for row in rows}
    assert all(row.plain in names for row in rows if row.members > 1)
    assert all(row.seconds > 0 and row.rate > 0 for row in rows)


def test_products_are_measured_in_the_engines_precision_too(settings: Settings) -> None:
    rows = run_benchmark(
        {"tiny": settings},
        rounds=1,
        threads=torch.get_num_threads(),
        stacks=(),
        victims=1,
        turn_flop=1e6,
        precision="bf16",
    )
    assert [row.name for row in rows[:3]] == [
        "torch.mm 2048^3, float32",
        "torch.mm 2048^3, bf16",
        "tiny: pGAN iteration, plain",
    ]
