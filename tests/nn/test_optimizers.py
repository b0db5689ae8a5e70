import pytest
import torch

from pgan_ray.nn import Passes, StackedMLP, StackOptimizer
from pgan_ray.spec import AdamSpec, OptimizerSpec, SgdSpec

SPECS = [
    SgdSpec(learning_rate=0.1, momentum=0.9),
    SgdSpec(learning_rate=0.1, momentum=0.0),
    AdamSpec(learning_rate=0.01, betas=(0.5, 0.99)),
]
ALL = pytest.mark.parametrize("spec", SPECS, ids=["sgd", "sgd-no-momentum", "adam"])


BY_MEMBER = pytest.mark.parametrize("by_member", [True, False], ids=["by member", "whole stack"])


class Training:
    """A network, its optimiser, and a few steps on some loss."""

    def __init__(self, spec: OptimizerSpec, by_member: bool = True) -> None:
        initial = [torch.Generator().manual_seed(member) for member in range(2)]
        self.network = StackedMLP(3, [4], 2, initial=initial, dropout=0.0, negative_slope=0.1)
        self.passes = Passes(self.network, by_member=by_member)
        self.optimizer = StackOptimizer(spec, self.passes)

    def run(self, first: int, last: int) -> None:
        for step in range(first, last):
            self.passes.backward(2 * self.passes.forward(points(step)), self.optimizer.step)

    def weights(self) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in self.network.parameters()])


def points(step: int) -> torch.Tensor:
    return torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(step))


@ALL
@BY_MEMBER
def test_the_steps_are_those_of_torch(spec: OptimizerSpec, by_member: bool) -> None:
    ours, theirs = Training(spec, by_member), Training(spec)
    parameters = theirs.network.parameters()
    if spec.name == "sgd":
        optimizer = torch.optim.SGD(parameters, lr=spec.learning_rate, momentum=spec.momentum, foreach=False)
    else:
        optimizer = torch.optim.Adam(parameters, lr=spec.learning_rate, betas=spec.betas, foreach=False)
    for step in range(6):
        optimizer.zero_grad()
        theirs.network(points(step)).square().sum().backward()
        optimizer.step()
    ours.run(0, 6)
    torch.testing.assert_close(ours.weights(), theirs.weights())


@ALL
@BY_MEMBER
@pytest.mark.parametrize("interrupted_at", [0, 4])
def test_a_restored_optimizer_takes_the_same_steps(spec: OptimizerSpec, by_member: bool, interrupted_at: int) -> None:
    whole, resumed = Training(spec, by_member), Training(spec, by_member)
    whole.run(0, interrupted_at)
    weights = {k: v.clone() for k, v in whole.network.state_dict().items()}
    tensors = {k: v.clone() for k, v in whole.optimizer.tensors().items()}
    whole.run(interrupted_at, 10)

    resumed.run(20, 23)  # whatever it did before
    resumed.network.load_state_dict(weights)
    resumed.optimizer.restore(tensors)
    resumed.run(interrupted_at, 10)
    assert torch.equal(resumed.weights(), whole.weights())


@ALL
def test_what_was_restored_from_stays_as_it_was(spec: OptimizerSpec) -> None:
    training = Training(spec)
    training.run(0, 3)
    tensors = {k: v.clone() for k, v in training.optimizer.tensors().items()}
    before = {k: v.clone() for k, v in tensors.items()}
    training.optimizer.restore(tensors)
    training.run(3, 6)
    for name, value in before.items():
        assert torch.equal(tensors[name], value)


@ALL
def test_a_checkpoint_does_not_depend_on_the_parts(spec: OptimizerSpec) -> None:
    by_member, whole = Training(spec, True), Training(spec, False)
    by_member.run(0, 3)
    whole.run(0, 3)
    torch.testing.assert_close(by_member.optimizer.tensors(), whole.optimizer.tensors())
