"""One call for every kind of victim: trained on each of several training sets, judged on clean test points.

Shapes: R victims, N points of a training set (which may differ), T test points, F features, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pgan_ray.spec.evaluation import VictimSpec
from pgan_ray.victims.mlp import VictimStack, train_victims
from pgan_ray.victims.scoring import confusion_matrices, confusion_matrix
from pgan_ray.victims.transfer import predict_with

Boundary = tuple[float, float, float]


@dataclass(frozen=True)
class Judged:
    """What one victim makes of the test points.

    ``confusion`` (K, K) counts: true label by row, predicted label by column; None where the victim diverged.
    ``boundary``: of logistic regression in the plane, (a, b, c) of the line a x + b y + c = 0 between two classes.
    """

    confusion: Tensor | None
    boundary: Boundary | None = None


def judge_victims(
    spec: VictimSpec,
    training: Sequence[tuple[Tensor, Tensor]],
    test_x: Tensor,
    test_y: Tensor,
    *,
    classes: int,
    seeds: Sequence[int],
    stack_seed: int,
    device: torch.device,
    precision: str = "float32",
) -> list[Judged]:
    """Train one victim on each of the R ``training`` sets, (N, F) and (N,), and judge it.

    ``seeds``: of each victim's own draws; ``stack_seed``: of those that the victims of one stack share.
    """
    if spec.name not in ("mlp", "logistic"):
        return [
            Judged(confusion_matrix(test_y, predict_with(spec.name, x, y, test_x, seed), classes))
            for (x, y), seed in zip(training, seeds, strict=True)
        ]
    if spec.name == "logistic":
        spec = spec.model_copy(update={"widths": [], "dropout": 0.0})
    victims = train_victims(
        spec,
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


def _boundary(victims: VictimStack, member: int) -> Boundary | None:
    if len(victims.network.layers) != 1:
        return None
    state = victims.network.member_state(member)
    if state["layers.0.weight"].shape != (2, 1):
        return None
    (a,), (b,) = state["layers.0.weight"].tolist()
    return a, b, float(state["layers.0.bias"])
