"""The training of an attack's replicates: on a GPU as one stack, or in parts; on a CPU one after the other."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from pgan_ray.attacks.interface import Member, TrainedAttack, Training, TrainingPoint, make_attack
from pgan_ray.spec import AttackConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from pgan_ray.data import TaskData


def train_stack(
    config: AttackConfig,
    members: Sequence[Member],
    task: "TaskData",
    *,
    device: "torch.device",
    precision: str,
    parts: int = 1,
) -> Training:
    """The ``members`` of the attack that ``config`` describes, about to be trained on ``task``.

    ``parts``: stacks, one after the other, where memory holds no stack of all; on a CPU one for each member.
    """
    attack = make_attack(config)
    assert isinstance(attack, TrainedAttack)
    if device.type == "cpu":
        parts = len(members)
    if parts > 1:
        ends = [len(members) * index // parts for index in range(parts + 1)]
        stacks = [members[start:end] for start, end in pairwise(ends) if end > start]
        return OneByOne([attack.train(stack, task, device=device, precision=precision) for stack in stacks])
    return attack.train(members, task, device=device, precision=precision)


class OneByOne:
    """Stacks as one stack: a `Training` that treats them one after the other.

    On a CPU each is a stack of one, so that a member's bits depend neither on the others nor on their number; an
    operator on a stack would treat its members one after the other anyway, and nothing is lost by it.
    """

    def __init__(self, stacks: Sequence[Training]) -> None:
        self._stacks = stacks
        self.members = tuple(member for stack in stacks for member in stack.members)
        self._places = [(stack, index) for stack in stacks for index in range(len(stack.members))]
        self.iteration, self.diverged_at = 0, dict[int, int]()

    def train(self, iterations: int) -> None:
        """Go on for so many ``iterations``, member by member."""
        for stack in self._stacks:
            stack.train(iterations)
        self._look()

    def report(self) -> list[TrainingPoint]:
        """The members' metrics since the last report."""
        points = [point for stack in self._stacks for point in stack.report()]
        self._look()
        return points

    def sample(self, points: int, *purpose: str | int) -> "Tensor":
        """(R, ``points``, F) poisoning points."""
        import torch

        return torch.cat([stack.sample(points, *purpose) for stack in self._stacks])

    def weights(self, index: int) -> "dict[str, Tensor]":
        """What is stored of the member at ``index``."""
        stack, place = self._places[index]
        return stack.weights(place)

    def architecture(self) -> dict[str, object]:
        """That of all members."""
        return self._stacks[0].architecture()

    def state(self) -> "dict[str, Tensor]":
        """The stacks' states side by side."""
        return {f"{i}/{key}": value for i, stack in enumerate(self._stacks) for key, value in stack.state().items()}

    def load_state(self, tensors: "Mapping[str, Tensor]") -> None:
        """Continue from `state`."""
        for index, stack in enumerate(self._stacks):
            prefix = f"{index}/"
            stack.load_state({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        self._look()

    def _look(self) -> None:
        self.iteration = self._stacks[0].iteration
        self.diverged_at = {replicate: at for stack in self._stacks for replicate, at in stack.diverged_at.items()}
