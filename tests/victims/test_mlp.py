from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pgan_ray.data import TaskData
from pgan_ray.nn import Passes
from pgan_ray.spec import TrainedNetworkSpec
from pgan_ray.victims.engines.scoring import confusion_matrices
from pgan_ray.victims.engines.stack import VictimStack, train_victims
from tests.science import CPU, blobs
from tests.victims.oracle import train_plainly

SGD = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}


def make_spec(**changes: Any) -> TrainedNetworkSpec:
    settings: dict[str, Any] = {"widths": [9, 7], "dropout": 0.5, "batch_size": 10, "epochs": 17, "optimizer": SGD}
    return TrainedNetworkSpec(**settings | changes)


def train(
    spec: TrainedNetworkSpec,
    task: TaskData,
    sizes: list[int],
    *,
    padding: float = 0.0,
    moved: float = 0.0,
    seed: int = 3,
    **options: Any,
) -> VictimStack:
    """Member r is trained on ``sizes[r]`` points from point r on; one point of member 1 is ``moved``."""
    x, y = zip(*(points(task, member, size) for member, size in enumerate(sizes)), strict=True)
    x = [part.clone() for part in x]
    if moved:
        x[1][5, 0] += moved
    return train_victims(
        spec,
        pad_sequence(x, batch_first=True, padding_value=padding),
        pad_sequence(y, batch_first=True),
        sizes,
        classes=len(task.classes),
        initial_seeds=[100 + member for member in range(len(sizes))],
        stack_seed=seed,
        device=CPU,
        **options,
    )


def points(task: TaskData, member: int, size: int) -> tuple[Tensor, Tensor]:
    return task.train_x[member : member + size], task.train_y[member : member + size]


def plainly(spec: TrainedNetworkSpec, task: TaskData, sizes: list[int], member: int) -> dict[str, Tensor]:
    x, y = points(task, member, sizes[member])
    return train_plainly(
        spec,
        x,
        y,
        classes=len(task.classes),
        initial_seed=100 + member,
        stack_seed=3,
        sizes=sizes,
        member=member,
    )


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("size", [30, 23, 21, 7])  # whole batches, ragged ones, of one point, fewer than a batch
@pytest.mark.parametrize("widths", [[9, 7], []])
def test_a_stack_of_one_is_a_plain_training(classes: int, size: int, widths: list[int]) -> None:
    spec, task = make_spec(widths=widths), blobs(classes=classes)
    victims = train(spec, task, [size])
    assert victims.finite.tolist() == [True]
    torch.testing.assert_close(victims.network.member_state(0), plainly(spec, task, [size], 0))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("sizes", [[20, 30], [23, 30, 9, 30], [1, 11], [25, 25]])
def test_each_member_of_a_stack_is_a_plain_training_of_its_own_length(classes: int, sizes: list[int]) -> None:
    spec, task = make_spec(dropout=0.0), blobs(classes=classes)
    victims = train(spec, task, sizes)
    for member in range(len(sizes)):
        torch.testing.assert_close(victims.network.member_state(member), plainly(spec, task, sizes, member))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("classes", [2, 4])
def test_a_member_that_has_learned_ends_early(classes: int) -> None:
    task, sizes = blobs(classes=classes), [23, 60, 9]
    to_the_end = make_spec(dropout=0.0, epochs=30)
    spec = to_the_end.model_copy(update={"stop_below": 0.1 if classes == 2 else 0.5})
    victims, longest = train(spec, task, sizes), train(to_the_end, task, sizes)
    for member in range(3):
        torch.testing.assert_close(victims.network.member_state(member), plainly(spec, task, sizes, member))
    differ = [
        bool((w != longest.network.layers[0].weight[m]).any()) for m, w in enumerate(victims.network.layers[0].weight)
    ]
    assert True in differ
    assert False in differ  # of these some learned it in time, and some did not


@pytest.mark.usefixtures("double")
def test_members_of_one_size_with_dropout() -> None:
    spec, task, sizes = make_spec(), blobs(), [23, 23, 23]
    victims = train(spec, task, sizes)
    for member in range(3):
        torch.testing.assert_close(victims.network.member_state(member), plainly(spec, task, sizes, member))


@pytest.mark.usefixtures("double")
def test_a_stack_treated_as_a_whole_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    by_member = train(make_spec(), blobs(), [20, 33])
    monkeypatch.setattr("pgan_ray.victims.engines.stack.Passes", partial(Passes, by_member=False))
    whole = train(make_spec(), blobs(), [20, 33])
    torch.testing.assert_close(whole.network.state_dict(), by_member.network.state_dict())


def test_in_single_precision_as_in_use() -> None:
    spec, task, sizes = make_spec(dropout=0.0), blobs(), [23, 30]
    victims = train(spec, task, sizes)
    for member in range(2):
        torch.testing.assert_close(
            victims.network.member_state(member), plainly(spec, task, sizes, member), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("padding", [float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_the_padding_is_never_read(padding: float, dropout: float) -> None:
    spec, sizes = make_spec(dropout=dropout), [20, 33, 9, 28]
    expected, padded = train(spec, blobs(), sizes), train(spec, blobs(), sizes, padding=padding)
    assert padded.finite.all()
    for name, value in padded.network.state_dict().items():
        assert torch.equal(value, expected.network.state_dict()[name])


def test_the_same_training_gives_the_same_bits() -> None:
    first, second, other = (train(make_spec(), blobs(), [20, 33], seed=seed) for seed in (3, 3, 4))
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name])
        assert not torch.equal(value, other.network.state_dict()[name])


def test_one_members_points_do_not_influence_the_others() -> None:
    calm, moved = train(make_spec(), blobs(), [20, 33, 28]), train(make_spec(), blobs(), [20, 33, 28], moved=1.0)
    for name, value in calm.network.state_dict().items():
        pairs = zip(value, moved.network.state_dict()[name], strict=True)
        assert [torch.equal(one, other) for one, other in pairs] == [True, False, True]


@pytest.mark.parametrize("moved", [float("nan"), 1e25])
def test_divergence_of_one_member_is_its_own(moved: float) -> None:
    spec, sizes = make_spec(dropout=0.0), [20, 33, 28]
    calm, diverged = train(spec, blobs(), sizes), train(spec, blobs(), sizes, moved=moved)
    assert calm.finite.tolist() == [True, True, True]
    assert diverged.finite.tolist() == [True, False, True]
    for member in (0, 2):
        expected = calm.network.member_state(member)
        for name, value in diverged.network.member_state(member).items():
            assert torch.equal(value, expected[name])


def test_a_loss_that_is_no_number_is_divergence_until_the_member_has_ended() -> None:
    """The first step makes weights so huge that the second's logits overflow, yet they stay numbers all along."""
    victims = train_victims(
        make_spec(widths=[], epochs=1),
        torch.full((2, 20, 3), 1e20),
        torch.arange(2).repeat(2, 10),
        [10, 20],
        classes=2,
        initial_seeds=[1, 2],
        stack_seed=3,
        device=CPU,
    )
    assert all(weights.isfinite().all() for weights in victims.network.state_dict().values())
    assert victims.finite.tolist() == [True, False]


@pytest.mark.parametrize("classes", [2, 4])
def test_victims_learn(classes: int) -> None:
    task = blobs(classes=classes)
    victims = train(make_spec(dropout=0.1), task, [100, 80])
    matrices, _ = confusion_matrices(victims.network, task.test_x, task.test_y, classes)
    for matrix in matrices:
        assert matrix.diagonal().sum() / matrix.sum() > 0.95


def test_adam() -> None:
    optimizer = {"name": "adam", "learning_rate": 0.01}
    task = blobs()
    victims = train(make_spec(optimizer=optimizer), task, [60, 50])
    matrices, _ = confusion_matrices(victims.network, task.test_x, task.test_y, 2)
    assert (matrices.diagonal(dim1=1, dim2=2).sum(1) > 0.95 * len(task.test_y)).all()


def test_brain_floats() -> None:
    task = blobs()  # without dropout, whose masks differ between the two
    full, brief = (
        train(make_spec(dropout=0.0), task, [60, 50], precision=precision) for precision in ("float32", "bf16")
    )
    assert brief.finite.all()
    for name, value in brief.network.state_dict().items():
        assert not torch.equal(value, full.network.state_dict()[name])
        assert (value - full.network.state_dict()[name]).abs().mean() < 0.05
