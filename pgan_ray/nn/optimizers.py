"""`torch.optim` on stacks: SGD and Adam work element by element, so one optimiser serves all members."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from pgan_ray.spec.network import OptimizerSpec


def make_optimizer(spec: OptimizerSpec, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser that ``spec`` describes, in PyTorch's fused form."""
    if spec.name == "sgd":
        return torch.optim.SGD(parameters, lr=spec.learning_rate, momentum=spec.momentum, fused=True)
    return torch.optim.Adam(parameters, lr=spec.learning_rate, betas=spec.betas, fused=True)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as flat tensors, ``"<parameter index>.<name>"``, for a checkpoint without pickle."""
    return {
        f"{index}.{name}": value
        for index, entries in optimizer.state_dict()["state"].items()
        for name, value in entries.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put the state from `optimizer_tensors` back."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        # A copy: torch would go on in the caller's tensor.
        state.setdefault(int(index), {})[name] = value.clone()
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
