"""What `torch.compile` would save: a step of pGAN's classifier by the engine, and the same step compiled.

    python infra/benchmarks/compiled.py

takes the shapes of `mnist_alpha`'s profiles, on one thread of the CPU, by turns: the engine's own step (masks, forward
and backward passes by hand, SGD or Adam), one function of plain tensors that does the same, and that function compiled
by inductor, which needs a C++ compiler. Prints the milliseconds of each, the seconds that compiling took, and the
products alone: the step's matrices multiplied, and nothing else. A test holds the function to the engine's step.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pgan_ray.attacks.pgan import PGanConfig
from pgan_ray.nn import Passes, StackedMLP, StackOptimizer, arithmetic, cross_entropy_gradient, operators
from pgan_ray.spec import NetworkSpec, load_sweep

SWEEP = Path(__file__).parents[2] / "sweeps/mnist_alpha.yaml"
CPU = torch.device("cpu")
FEATURES = 784
ROUNDS, TURN_S = 7, 0.4


@dataclass
class State:
    """A network's weights (O, I) and biases (O,), layer by layer, and what its optimiser keeps of each."""

    parameters: list[Tensor]
    averages: list[list[Tensor]]
    steps: Tensor


class Step:
    """The classifier's step on one batch of points, in three ways. ``spec``: the classifier's; B: points."""

    def __init__(self, spec: NetworkSpec, points: int, features: int = FEATURES) -> None:
        random = torch.Generator().manual_seed(0)
        network = StackedMLP(
            features, spec.widths, 1, initial=[random], dropout=spec.dropout, negative_slope=spec.negative_slope
        )
        self.spec, self._network = spec, network
        self._random = torch.Generator().manual_seed(1)
        self._x = torch.randn(1, points, features, generator=random)
        self._targets = torch.rand(1, points, 1, generator=random).round()
        self._passes = Passes(network)
        self._optimizer = StackOptimizer(spec.optimizer, self._passes)
        kinds = 1 if spec.optimizer.name == "sgd" else 2
        # Copies: the engine's step and the function's have the same start, and nothing else in common.
        parameters = [part.detach().clone().squeeze(-1) for part in self._passes.parts[0].parameters]
        averages = [[torch.zeros_like(value) for value in parameters] for _ in range(kinds)]
        self.state = State(parameters, averages, torch.zeros(()))

    def engine(self) -> Tensor:
        """By the engine; the weights after it."""
        logits = self._passes.forward(self._x, self._random)
        self._passes.backward(cross_entropy_gradient(logits, self._targets) / len(self._x[0]), self._optimizer.step)
        return self._passes.parts[0].parameters[0]

    def function(self, step: Callable[..., None]) -> Tensor:
        """By ``step``, which is `by_hand` or made of it."""
        masks = [mask if mask is None else mask[0] for mask in self._network.masks(*self._drawn)]
        state, optimizer = self.state, self.spec.optimizer
        rest = (self.spec.negative_slope, optimizer.name, optimizer.learning_rate, _momenta(optimizer))
        step(state.parameters, state.averages, state.steps, self._x[0], self._targets[0], masks, *rest)
        return state.parameters[0]

    def products(self) -> None:
        """The step's products alone, on operands that lie ready."""
        x, weights = self._x[0], self.state.parameters[::2]
        inputs = [x]
        for weight in weights[:-1]:
            inputs.append(torch.mm(inputs[-1], weight.t()))
        grad = torch.mm(inputs[-1], weights[-1].t())
        for index in range(len(weights) - 1, -1, -1):
            torch.mm(grad.t(), inputs[index])
            if index:
                grad = torch.mm(grad, weights[index])

    @property
    def _drawn(self) -> tuple[int, torch.Generator, torch.dtype]:
        return self._x.shape[1], self._random, self._x.dtype


def _momenta(optimizer: Any) -> tuple[float, ...]:
    return (optimizer.momentum,) if optimizer.name == "sgd" else tuple(optimizer.betas)


def by_hand(
    parameters: list[Tensor],
    averages: list[list[Tensor]],
    steps: Tensor,
    x: Tensor,
    targets: Tensor,
    masks: Sequence[Tensor | None],
    slope: float,
    optimizer: str,
    learning_rate: float,
    momenta: tuple[float, ...],
) -> None:
    """Forward, backward and the optimiser's step, written as one function of public operators for the compiler."""
    weights, biases = parameters[::2], parameters[1::2]
    inputs = [x]
    for weight, bias, mask in zip(weights[:-1], biases[:-1], masks, strict=True):
        x = torch.nn.functional.leaky_relu(torch.addmm(bias, x, weight.t()), slope)
        x = x if mask is None else x * mask
        inputs.append(x)
    grad = (torch.addmm(biases[-1], x, weights[-1].t()).sigmoid() - targets) / len(targets)
    gradients: list[Tensor] = []
    for index in range(len(weights) - 1, -1, -1):
        gradients = [torch.mm(grad.t(), inputs[index]), grad.sum(0), *gradients]
        if index:
            mask = masks[index - 1]
            grad = torch.mm(grad, weights[index])
            grad = operators.public_leaky_relu_backward(grad if mask is None else grad * mask, inputs[index], slope)
    if optimizer == "sgd":
        operators.public_sgd_(parameters, gradients, averages[0], learning_rate, momenta[0])
    else:
        steps.add_(1)
        operators.public_adam_(parameters, gradients, *averages, steps, learning_rate, (momenta[0], momenta[1]))


def compare(step: Step) -> dict[str, float]:
    """Milliseconds of a step in every way, medians of turns; and what compiling took."""
    torch.compiler.reset()
    compiled = torch.compile(by_hand, dynamic=False)
    began = time.perf_counter()
    with torch.no_grad():
        step.function(compiled)
    found = {"compiling_s": time.perf_counter() - began}
    ways: dict[str, Callable[[], object]] = {
        "engine_ms": step.engine,
        "function_ms": lambda: step.function(by_hand),
        "compiled_ms": lambda: step.function(compiled),
        "products_ms": step.products,
    }
    turns: dict[str, list[float]] = {way: [] for way in ways}
    with torch.no_grad(), arithmetic("float32", CPU):
        for _ in range(ROUNDS):
            for way, run in ways.items():
                turns[way].append(_turn(run))
    return found | {way: 1e3 * statistics.median(took) for way, took in turns.items()}


def _turn(run: Callable[[], object]) -> float:
    began, times = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < TURN_S:
        run()
        times += 1
    return passed / times


def main() -> int:
    """Print a line for each profile's classifier."""
    torch.set_num_threads(1)
    for profile in ("quick-full", "paper"):
        attack = load_sweep(SWEEP, profile=profile).configurations[0].settings.attack
        assert isinstance(attack, PGanConfig)
        found = compare(Step(attack.classifier, 2 * attack.batch_size))
        print(json.dumps({"profile": profile} | {key: round(value, 3) for key, value in found.items()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
