import pytest
import torch

from pgan_ray.nn import StackedMLP, make_optimizer, optimizer_tensors, restore_optimizer
from pgan_ray.spec.network import OptimizerSpec

SPECS = [
    OptimizerSpec(name="sgd", learning_rate=0.1, momentum=0.9),
    OptimizerSpec(name="sgd", learning_rate=0.1, momentum=0.0),
    OptimizerSpec(name="adam", learning_rate=0.01, betas=(0.5, 0.99)),
]
ALL = pytest.mark.parametrize("spec", SPECS, ids=["sgd", "sgd-no-momentum", "adam"])


class Training:
    """A network, its optimiser, and a few steps on some loss."""

    def __init__(self, spec: OptimizerSpec) -> None:
        initial = [torch.Generator().manual_seed(member) for member in range(2)]
        self.network = StackedMLP(3, [4], 2, initial=initial, dropout=0.0, negative_slope=0.1)
        self.optimizer = make_optimizer(spec, self.network.parameters())

    def run(self, first: int, last: int) -> None:
        for step in range(first, last):
            x = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(step))
            self.optimizer.zero_grad(set_to_none=True)
            self.network(x).square().sum().backward()
            self.optimizer.step()

    def weights(self) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in self.network.parameters()])


@ALL
@pytest.mark.parametrize("interrupted_at", [0, 4])
def test_a_restored_optimizer_takes_the_same_steps(spec: OptimizerSpec, interrupted_at: int) -> None:
    whole, resumed = Training(spec), Training(spec)
    whole.run(0, interrupted_at)
    weights = {k: v.clone() for k, v in whole.network.state_dict().items()}
    tensors = {k: v.clone() for k, v in optimizer_tensors(whole.optimizer).items()}
    whole.run(interrupted_at, 10)

    resumed.run(20, 23)  # whatever it did before
    resumed.network.load_state_dict(weights)
    restore_optimizer(resumed.optimizer, tensors)
    resumed.run(interrupted_at, 10)
    assert torch.equal(resumed.weights(), whole.weights())


@ALL
def test_what_was_restored_from_stays_as_it_was(spec: OptimizerSpec) -> None:
    training = Training(spec)
    training.run(0, 3)
    tensors = {k: v.clone() for k, v in optimizer_tensors(training.optimizer).items()}
    before = {k: v.clone() for k, v in tensors.items()}
    restore_optimizer(training.optimizer, tensors)
    training.run(3, 6)
    for name, value in before.items():
        assert torch.equal(tensors[name], value)


@ALL
def test_the_settings_are_those_of_the_spec(spec: OptimizerSpec) -> None:
    training = Training(spec)
    training.run(0, 2)
    restore_optimizer(training.optimizer, optimizer_tensors(training.optimizer))
    (group,) = training.optimizer.param_groups
    assert group["lr"] == spec.learning_rate
    assert group["weight_decay"] == 0
    if spec.name == "sgd":
        assert (group["momentum"], group["nesterov"], group["dampening"]) == (spec.momentum, False, 0)
    else:
        assert tuple(group["betas"]) == spec.betas
