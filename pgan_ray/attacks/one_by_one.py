"""The training of an attack's replicates: on a GPU as one stack, on a CPU one after the other."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pgan_ray.attacks.interface import Member, TrainedAttack, Training, TrainingPoint, make_attack
from pgan_ray.spec import AttackConfig

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from pgan_ray.data import TaskData


def train_stack(
    config: AttackConfig, members: Sequence[Member], task: "TaskData", *, device: "torch.device", precision: str
) -> Training:
    """The ``members`` of the attack that ``config`` describes, about to be trained on ``task``."""
    attack = make_attack(config)
    assert isinstance(attack, TrainedAttack)
    if device.type == "cpu" and len(members) > 1:
        return OneByOne([attack.train([member], task, device=device, precision=precision) for member in members])
    return attack.train(members, task, device=device, precision=precision)


class OneByOne:
    """Stacks of one as a stack: a `Training` whose members' bits depend neither on the others nor on their number.

    On a CPU, where an operator on a stack treats its members one after the other anyway, nothing is lost by it.
    """

    def __init__(self, stacks: Sequence[Training]) -> None:
        self._stacks = stacks
        self.members = tuple(member for stack in stacks for member in stack.members)
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
        return self._stacks[index].weights(0)

    def architecture(self) -> dict[str, object]:
        """That of all members."""
        return self._stacks[0].architecture()

    def state(self) -> "dict[str, Tensor]":
        """The members' states side by side."""
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
