"""Training a stack of victims (Tables 4 and 5) whose training sets may differ in size.

Shapes: R victims (members of the stack), N points of the largest training set, F features, B batch, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pgan_ray.nn import Passes, StackedMLP, StackOptimizer, arithmetic, cross_entropy, soft_targets
from pgan_ray.spec.evaluation import VictimSpec
from pgan_ray.spec.seeds import torch_seed


@dataclass(frozen=True)
class VictimStack:
    """Trained victims. ``finite[r]`` tells whether member r's losses and weights were numbers: if not, it diverged."""

    network: StackedMLP
    finite: Tensor


class _Batches:
    """Each member's own shuffled passes over its own points.

    A member with n points makes ceil(n / B) steps an epoch, the last one shorter, as a plain loop would; members
    do not wait for each other's epochs to end.
    """

    def __init__(self, sizes: Tensor, batch_size: int, random: torch.Generator) -> None:
        self._sizes, self._batch_size, self._random = sizes, batch_size, random
        self._steps_per_epoch = (sizes + batch_size - 1) // batch_size
        self._offsets = torch.arange(batch_size, device=sizes.device)
        self._order = torch.zeros(len(sizes), int(sizes.max()), dtype=torch.int64, device=sizes.device)
        self._beyond = torch.arange(self._order.shape[1], device=sizes.device) >= sizes[:, None]
        # Counted here, so that the inner loop needs no answer from the device.
        self._host_sizes: list[int] = sizes.tolist()
        self.host_steps: list[int] = self._steps_per_epoch.tolist()

    def next(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Rows (R, width) of each member's points, which of them count (R, width), and how many (R,)."""
        if any(step % length == 0 for length in self.host_steps):
            keys = torch.rand(self._order.shape, generator=self._random, device=self._order.device)
            shuffled = keys.masked_fill_(self._beyond, 2.0).argsort(dim=1)
            starts = (step % self._steps_per_epoch == 0)[:, None]
            self._order = torch.where(starts, shuffled, self._order)
        first = (step % self._steps_per_epoch) * self._batch_size
        counts = (self._sizes - first).clamp(max=self._batch_size)
        offsets = self._offsets[: self._width(step)]
        # What does not count repeats the member's last point: padding is never read.
        columns = torch.minimum(first[:, None] + offsets, self._sizes[:, None] - 1)
        return self._order.gather(1, columns), offsets < counts[:, None], counts

    def _width(self, step: int) -> int:
        """The longest batch of this step: a stack of one then draws what a plain loop draws."""
        return max(
            min(self._batch_size, size - (step % length) * self._batch_size)
            for size, length in zip(self._host_sizes, self.host_steps, strict=True)
        )


def train_victims(
    spec: VictimSpec,
    x: Tensor,
    y: Tensor,
    sizes: Sequence[int],
    *,
    classes: int,
    initial_seeds: Sequence[int],
    stack_seed: int,
    device: torch.device,
    precision: str = "float32",
) -> VictimStack:
    """Train one victim on each of the R training sets.

    ``x`` (R, N, F) and ``y`` (R, N) are padded: of member r the first ``sizes[r]`` points count. ``initial_seeds``
    start each member's weights; ``stack_seed`` the stack's batches and dropout.
    """
    outputs = 1 if classes == 2 else classes
    network = StackedMLP(
        x.shape[2],
        spec.widths,
        outputs,
        initial=[torch.Generator().manual_seed(seed) for seed in initial_seeds],
        dropout=spec.dropout,
        negative_slope=spec.negative_slope,
    ).to(device)
    passes = Passes(network)
    optimizer = StackOptimizer(spec.optimizer, passes)
    random = torch.Generator(device).manual_seed(torch_seed(stack_seed, "victims"))
    # All members' points one after the other: rows of one table are gathered faster than pairs of indices.
    first_rows = torch.arange(len(sizes), device=device)[:, None] * x.shape[1]
    points = x.to(device).reshape(-1, x.shape[2])
    targets = soft_targets(y.to(device).flatten(), outputs)
    batches = _Batches(torch.tensor(sizes, device=device), spec.batch_size, random)
    last_steps = [spec.epochs * steps for steps in batches.host_steps]
    final = {key: value.detach().clone() for key, value in network.state_dict().items()}
    loss_sum = torch.zeros(len(sizes), device=device)  # no number as soon as one loss is none
    final_loss_sum = loss_sum.clone()
    with arithmetic(precision, device):
        for step in range(max(last_steps)):
            rows, counted, counts = batches.next(step)
            rows += first_rows
            batch = points.index_select(0, rows.flatten()).unflatten(0, rows.shape)
            logits = passes.forward(batch, random)
            losses, gradient = cross_entropy(logits, targets[rows])
            passes.backward(gradient * (counted / counts[:, None]).unsqueeze(2), optimizer.step)
            loss_sum += (losses * counted).sum(1) / counts
            if ended := [member for member, last in enumerate(last_steps) if last == step + 1]:
                final_loss_sum[ended] = loss_sum[ended]
                for key, value in network.state_dict().items():
                    final[key][ended] = value[ended]
    network.load_state_dict(final)
    numbers = [final_loss_sum.isfinite(), *(p.detach().flatten(1).isfinite().all(1) for p in network.parameters())]
    return VictimStack(network, torch.stack(numbers).all(0).cpu())
