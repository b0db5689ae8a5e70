"""Training a stack of victims (Tables 4 and 5) whose training sets may differ in size.

Shapes: R victims (members of the stack), N points of the largest training set, F features, B batch, K classes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pgan_ray.nn import (
    Passes,
    Repeated,
    StackedMLP,
    StackOptimizer,
    arithmetic,
    cross_entropy,
    cross_entropy_gradient,
    soft_targets,
)
from pgan_ray.spec.network import TrainedNetworkSpec
from pgan_ray.spec.seeds import torch_seed

LONGEST_PERIOD = 60  # steps: of epochs of 3, 4 and 5


@dataclass(frozen=True)
class VictimStack:
    """Trained victims. ``finite[r]`` tells whether member r's losses and weights were numbers: if not, it diverged."""

    network: StackedMLP
    finite: Tensor


class Batches:
    """Each member's own shuffled passes over its own points.

    A member with n points makes ceil(n / B) steps an epoch, the last one shorter, as a plain loop would; members
    do not wait for each other's epochs to end.
    """

    def __init__(self, sizes: Tensor, batch_size: int, random: torch.Generator) -> None:
        self.sizes, self._batch_size, self._random = sizes, batch_size, random
        self._steps_per_epoch = (sizes + batch_size - 1) // batch_size
        self._offsets = torch.arange(batch_size, device=sizes.device)
        self._order = torch.zeros(len(sizes), int(sizes.max()), dtype=torch.int64, device=sizes.device)
        self._beyond = torch.arange(self._order.shape[1], device=sizes.device) >= sizes[:, None]
        # Counted here, so that the inner loop needs no answer from the device, and looks at no member: those of a
        # stack have few lengths of an epoch between them. Of each, the widest last batch.
        self.steps: list[int] = self._steps_per_epoch.tolist()
        self._last_widths: dict[int, int] = {}
        for size, length in zip(sizes.tolist(), self.steps, strict=True):
            rest = size - (length - 1) * batch_size
            self._last_widths[length] = max(rest, self._last_widths.get(length, 0))

        self.period = math.lcm(*self.steps)
        self._all = torch.ones(1, batch_size, dtype=torch.bool, device=sizes.device)

    def next(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Rows (R, width) of each member's points, which of them count (R, width), and how many (R,)."""
        if len(self.steps) == 1:
            return self._next_of_one(step)
        if any(step % length == 0 for length in self._last_widths):
            keys = torch.rand(self._order.shape, generator=self._random, device=self._order.device)
            shuffled = keys.masked_fill_(self._beyond, 2.0).argsort(dim=1)
            starts = (step % self._steps_per_epoch == 0)[:, None]
            self._order.copy_(torch.where(starts, shuffled, self._order))
        first = (step % self._steps_per_epoch) * self._batch_size
        counts = (self.sizes - first).clamp(max=self._batch_size)
        offsets = self._offsets[: self._width(step)]
        # What does not count repeats the member's last point: padding is never read.
        columns = torch.minimum(first[:, None] + offsets, self.sizes[:, None] - 1)
        return self._order.gather(1, columns), offsets < counts[:, None], counts

    def _next_of_one(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """The same of a member alone, whose points all count, by fewer operators."""
        step %= self.steps[0]
        if step == 0:
            keys = torch.rand(self._order.shape, generator=self._random, device=self._order.device)
            self._order.copy_(keys.argsort(1))
        rows = self._order[:, step * self._batch_size : (step + 1) * self._batch_size]
        return rows, self._all[:, : rows.shape[1]], self._all.new_full((1,), rows.shape[1], dtype=torch.int64)

    def _width(self, step: int) -> int:
        """The longest batch of this step: a stack of one then draws what a plain loop draws."""
        return max(last if (step + 1) % length == 0 else self._batch_size for length, last in self._last_widths.items())


class Endings:
    """When each member's training ends: after ``epochs``, or an epoch whose mean loss is below ``stop_below``."""

    def __init__(self, batches: Batches, epochs: int, stop_below: float | None, device: torch.device) -> None:
        self._epochs, self._stop_below, self._sizes = epochs, stop_below, batches.sizes
        self._left: dict[int, list[int]] = {}  # steps of an epoch -> members that are trained
        for member, steps in enumerate(batches.steps):
            self._left.setdefault(steps, []).append(member)
        self.latest = epochs * max(batches.steps)
        self._of_epoch = torch.zeros(len(batches.steps), device=device)

    @property
    def all_over(self) -> bool:
        """Whether no member is trained any more."""
        return not self._left

    def count(self, losses: Tensor) -> None:
        """Add each member's loss (R,), summed over the points of a step."""
        if self._stop_below is not None:
            self._of_epoch += losses

    def after(self, step: int) -> list[int]:
        """The members whose training ends with the step of that number, from 1."""
        ended: list[int] = []
        for steps in [steps for steps in self._left if step % steps == 0]:
            members = self._left.pop(steps)
            over = members if step == self._epochs * steps else self._learned(members)
            ended += over
            if left := sorted(set(members).difference(over)):
                self._left[steps] = left
        return ended

    def _learned(self, members: list[int]) -> list[int]:
        """Those whose epoch's mean loss is below what is asked; another epoch begins."""
        if self._stop_below is None:
            return []
        below = (self._of_epoch[members] < self._stop_below * self._sizes[members]).tolist()
        self._of_epoch[members] = 0.0
        return [member for member, is_below in zip(members, below, strict=True) if is_below]


class VictimTraining:
    """The training of a stack of victims, step by step; for the arguments see `train_victims`."""

    def __init__(
        self,
        spec: TrainedNetworkSpec,
        x: Tensor,
        y: Tensor,
        sizes: Sequence[int],
        *,
        classes: int,
        initial_seeds: Sequence[int],
        stack_seed: int,
        device: torch.device,
        precision: str = "float32",
    ) -> None:
        outputs = 1 if classes == 2 else classes
        self.network = StackedMLP(
            x.shape[2],
            spec.widths,
            outputs,
            initial=[torch.Generator().manual_seed(seed) for seed in initial_seeds],
            dropout=spec.dropout,
            negative_slope=spec.negative_slope,
        ).to(device)
        self._passes = Passes(self.network, precision)
        self._optimizer = StackOptimizer(spec.optimizer, self._passes)
        self._random = torch.Generator(device).manual_seed(torch_seed(stack_seed, "victims"))
        # All members' points one after the other: rows of one table are gathered faster than pairs of indices.
        self._first_rows = torch.arange(len(sizes), device=device)[:, None] * x.shape[1]
        self._points = x.to(device).reshape(-1, x.shape[2])
        self._targets = soft_targets(y.to(device).flatten(), outputs)
        self._batches = Batches(torch.tensor(sizes, device=device), spec.batch_size, self._random)
        self._endings = Endings(self._batches, spec.epochs, spec.stop_below, device)
        self._final = {key: value.detach().clone() for key, value in self.network.state_dict().items()}
        self._loss_sum = torch.zeros(len(sizes), device=device)  # no number as soon as one loss is none
        self._final_loss_sum = self._loss_sum.clone()
        self._step, self._device, self._precision = 0, device, precision
        self._repeated = Repeated(self._random)

    @property
    def steps(self) -> int:
        """Steps of the longest training, if none ends early."""
        return self._endings.latest

    @property
    def period(self) -> int:
        """Steps after which all members begin an epoch at once: two steps so far apart do the same."""
        return self._batches.period

    def run(self, steps: int) -> None:
        """Take so many steps, or as many as any member needs."""
        with torch.inference_mode(), arithmetic(self._precision, self._device):
            for _ in range(steps):
                if self._endings.all_over:
                    break
                self._take_step()

    def _take_step(self) -> None:
        # A few lengths of an epoch have a short period. Else hardly a step would ever come again.
        if self._batches.period <= LONGEST_PERIOD:
            self._repeated(self._descend, self._step % self._batches.period)
        else:
            self._descend()
        self._step += 1
        if ended := self._endings.after(self._step):
            self._final_loss_sum[ended] = self._loss_sum[ended]
            for key, value in self.network.state_dict().items():
                self._final[key][ended] = value[ended]

    def _descend(self) -> tuple[()]:
        """The step's kernels, and nothing else."""
        rows, counted, counts = self._batches.next(self._step)
        rows = rows + self._first_rows
        points = self._points.index_select(0, rows.flatten()).unflatten(0, rows.shape)
        targets = self._targets[rows]
        logits = self._passes.forward(points, self._random).to(targets.dtype)
        gradient = cross_entropy_gradient(logits, targets)
        self._passes.backward(gradient * (counted / counts[:, None]).unsqueeze(2), self._optimizer.step)
        losses = (cross_entropy(logits, targets) * counted).sum(1)
        self._endings.count(losses)
        self._loss_sum += losses / counts
        return ()

    def finish(self) -> VictimStack:
        """Every victim as it was when its own training ended."""
        self.network.load_state_dict(self._final)
        weights = (p.detach().flatten(1).isfinite().all(1) for p in self.network.parameters())
        finite = torch.stack([self._final_loss_sum.isfinite(), *weights]).all(0)
        return VictimStack(self.network, finite.cpu())


def train_victims(
    spec: TrainedNetworkSpec,
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
    training = VictimTraining(
        spec,
        x,
        y,
        sizes,
        classes=classes,
        initial_seeds=initial_seeds,
        stack_seed=stack_seed,
        device=device,
        precision=precision,
    )
    training.run(training.steps)
    return training.finish()
