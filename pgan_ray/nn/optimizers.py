"""SGD and Adam on stacks: both work element by element, so that they may take a stack part by part.

The kernels are those of `torch.optim` with ``fused=True``; what is left out is its bookkeeping, which costs more than
a small network's step.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pgan_ray.nn import operators
from pgan_ray.nn.passes import Passes
from pgan_ray.spec.network import OptimizerSpec


class StackOptimizer:
    """Steps of the optimiser that ``spec`` describes on the parts of ``passes``' network."""

    def __init__(self, spec: OptimizerSpec, passes: Passes) -> None:
        self._spec = spec
        names = ("momentum_buffer",) if spec.name == "sgd" else ("exp_avg", "exp_avg_sq")
        parameters = [parameter.detach() for parameter in passes.network.parameters()]
        self._stacked = {name: [torch.zeros_like(parameter) for parameter in parameters] for name in names}
        self._parameters = [part.parameters for part in passes.parts]
        self._of_parts = [
            {name: [part.view(value) for value in values] for name, values in self._stacked.items()}
            for part in passes.parts
        ]
        # Adam's count of steps, by part, where its kernel wants it.
        self._steps = [torch.zeros((), device=parameters[0].device, dtype=torch.float32) for _ in passes.parts]

    def step(self, part: int, gradients: Sequence[Tensor]) -> None:
        """Move the parameters of one part."""
        spec, state, parameters = self._spec, self._of_parts[part], self._parameters[part]
        if spec.name == "sgd":
            operators.sgd_(parameters, gradients, state["momentum_buffer"], spec.learning_rate, spec.momentum)
            return
        steps = self._steps[part].add_(1)
        averages = state["exp_avg"], state["exp_avg_sq"]
        operators.adam_(parameters, gradients, *averages, steps, spec.learning_rate, spec.betas)

    def tensors(self) -> dict[str, Tensor]:
        """The state as flat tensors, ``"<parameter index>.<name>"``, for a checkpoint; shapes are the parameters'."""
        state = {f"{i}.{name}": value for name, values in self._stacked.items() for i, value in enumerate(values)}
        return state | {"steps": self._steps[0]}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from `tensors`, which stay as they are."""
        for name, values in self._stacked.items():
            for index, value in enumerate(values):
                value.copy_(tensors[f"{index}.{name}"])
        for steps in self._steps:
            steps.copy_(tensors["steps"])
