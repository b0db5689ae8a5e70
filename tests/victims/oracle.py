"""Training of one victim as a plain loop over a plain network.

It shares nothing with `pgan_ray.victims` but the order of the random draws: where any member of the stack begins an
epoch, a key for each point of each member, whose order is the epoch's; then the dropout.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from pgan_ray.spec import TrainedNetworkSpec
from pgan_ray.spec.seeds import torch_seed
from tests.science import Draws, PlainNetwork


def start(spec: TrainedNetworkSpec, features: int, classes: int, initial_seed: int) -> dict[str, Tensor]:
    """The weights that a victim starts from: layer by layer, weights before biases."""
    random = torch.Generator().manual_seed(initial_seed)
    sizes = [features, *spec.widths, 1 if classes == 2 else classes]
    state = {}
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        bound = 1 / inputs**0.5
        state[f"layers.{i}.weight"] = torch.empty(inputs, outputs).uniform_(-bound, bound, generator=random)
        state[f"layers.{i}.bias"] = torch.empty(1, outputs).uniform_(-bound, bound, generator=random)
    return state


def train_plainly(
    spec: TrainedNetworkSpec,
    x: Tensor,
    y: Tensor,
    *,
    classes: int,
    initial_seed: int,
    stack_seed: int,
    sizes: Sequence[int] = (),
    member: int = 0,
) -> dict[str, Tensor]:
    """The weights of one victim, trained on ``x`` (n, F) and ``y`` (n,): ``member`` of a stack of ``sizes``."""
    sizes = sizes or [len(x)]
    random = torch.Generator().manual_seed(torch_seed(stack_seed, "victims"))
    draws = Draws(random, len(sizes), member)
    network = PlainNetwork(
        start(spec, x.shape[1], classes, initial_seed),
        negative_slope=spec.negative_slope,
        dropout=spec.dropout,
        draws=draws,
    )
    optimizer = torch.optim.SGD(
        network.parameters(), lr=spec.optimizer.learning_rate, momentum=spec.optimizer.momentum, foreach=False
    )
    loss = nn.BCEWithLogitsLoss() if classes == 2 else nn.CrossEntropyLoss()
    epoch_starts = [-(-size // spec.batch_size) for size in sizes]
    step = 0
    for _ in range(spec.epochs):
        summed = 0.0
        for first in range(0, len(x), spec.batch_size):
            if any(step % length == 0 for length in epoch_starts):
                keys = torch.rand(len(sizes), max(sizes), generator=random)
            if first == 0:
                order = keys[member, : len(x)].argsort()
            rows = order[first : first + spec.batch_size]
            logits = network(x[rows])
            optimizer.zero_grad()
            mean = loss(logits.squeeze(1), y[rows].to(x.dtype)) if classes == 2 else loss(logits, y[rows])
            mean.backward()
            optimizer.step()
            step += 1
            summed += float(mean.detach()) * len(rows)
        if spec.stop_below is not None and summed / len(x) < spec.stop_below:
            break
    return network.state()
