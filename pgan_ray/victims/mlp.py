"""Multilayer perceptrons (Tables 4 and 5), trained as one stack."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pgan_ray.registry import VICTIMS
from pgan_ray.spec import TrainedNetworkSpec, VictimConfig
from pgan_ray.victims.interface import Boundary, Judged, Reading, TrainingSets, Victim

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from pgan_ray.cost import Work
    from pgan_ray.victims.engines.stack import VictimStack


class MlpConfig(TrainedNetworkSpec, VictimConfig):
    """The paper's networks (Tables 4 and 5)."""


class StackedVictim(Victim):
    """A victim that is a perceptron: all of a batch are trained as one stack."""

    @property
    def network(self) -> TrainedNetworkSpec:
        """What is trained."""
        raise NotImplementedError

    def judge(
        self,
        training: TrainingSets,
        test_x: "Tensor",
        test_y: "Tensor",
        *,
        classes: int,
        image_shape: tuple[int, int] | None,
        seeds: Sequence[int],
        stack_seed: int,
        device: "torch.device",
        precision: str = "float32",
    ) -> list[Judged]:
        """All at once."""
        from torch.nn.utils.rnn import pad_sequence

        from pgan_ray.victims.engines.scoring import confusion_matrices
        from pgan_ray.victims.engines.stack import train_victims

        victims = train_victims(
            self.network,
            pad_sequence([x for x, _ in training], batch_first=True),
            pad_sequence([y for _, y in training], batch_first=True),
            [len(x) for x, _ in training],
            classes=classes,
            initial_seeds=seeds,
            stack_seed=stack_seed,
            device=device,
            precision=precision,
        )
        matrices, judged = confusion_matrices(victims.network, test_x, test_y, classes)
        finite = (victims.finite & judged).tolist()
        return [
            Judged(matrix, _boundary(victims, member)) if is_finite else Judged(None)
            for member, (matrix, is_finite) in enumerate(zip(matrices, finite, strict=True))
        ]

    def read(
        self,
        x: "Tensor",
        y: "Tensor",
        points: "Tensor",
        *,
        classes: int,
        image_shape: tuple[int, int] | None,
        seed: int,
        device: "torch.device",
        precision: str = "float32",
    ) -> Reading:
        """Its logits, and its last hidden layer."""
        import torch

        from pgan_ray.victims.engines.reading import log_probabilities
        from pgan_ray.victims.engines.stack import train_victims

        victims = train_victims(
            self.network,
            x[None],
            y[None],
            [len(x)],
            classes=classes,
            initial_seeds=[seed],
            stack_seed=seed,
            device=device,
            precision=precision,
        )
        with torch.no_grad():
            hidden = victims.network.hidden(points.to(device)[None])
            return Reading(log_probabilities(victims.network.layers[-1](hidden)[0]), hidden[0].cpu().clone())

    def work(self, features: int, classes: int, points: int, tested: int) -> "Work":
        """By counting."""
        from pgan_ray.cost.networks import victim_work

        return victim_work(self.network, features, classes, points, tested)

    def stack_bytes(self, features: int, classes: int, members: int, points: int) -> int:
        """By counting."""
        from pgan_ray.cost.networks import victim_bytes

        return victim_bytes(self.network, features, classes, members, points)


@VICTIMS.register
class Mlp(StackedVictim):
    """The paper's networks (Tables 4 and 5)."""

    name = "mlp"
    label = "MLP"
    Config: ClassVar[type[MlpConfig]] = MlpConfig
    config: MlpConfig

    @property
    def network(self) -> TrainedNetworkSpec:
        """As configured."""
        return self.config


def _boundary(victims: "VictimStack", member: int) -> Boundary | None:
    if len(victims.network.layers) != 1:
        return None
    state = victims.network.member_state(member)
    if state["layers.0.weight"].shape != (2, 1):
        return None
    (a,), (b,) = state["layers.0.weight"].tolist()
    return a, b, float(state["layers.0.bias"])
