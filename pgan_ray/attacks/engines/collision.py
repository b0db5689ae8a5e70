"""Points that move by forward-backward splitting. Shapes: P poisoning points, F features, H hidden units."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import grad

from pgan_ray.attacks.engines.points import SurrogatePoints
from pgan_ray.attacks.feature_collision import FeatureCollision
from pgan_ray.attacks.interface import Member
from pgan_ray.data import TaskData
from pgan_ray.spec.seeds import numpy_generator

CLEAN_FITS = 3  # of `fit_steps` each


class CollidingPoints(SurrogatePoints):
    """One replicate's points, the points that they began as, and what their features are to be."""

    def __init__(self, attack: FeatureCollision, member: Member, task: TaskData, device: torch.device) -> None:
        super().__init__(attack, member, task, device)
        self._similarity = attack.config.similarity
        self.fit_to_genuine(CLEAN_FITS, attack.config.fit_steps)
        self.bases = self.x.clone()
        sources = (self.genuine_y == task.source_label).nonzero().squeeze(1).cpu()
        random = numpy_generator(member.seed, attack.name, member.replicate, "targets")
        chosen = random.choice(len(sources), len(self.x))
        self.wanted = self.surrogate.hidden(self.theta, self.genuine_x[sources[torch.from_numpy(chosen)]])

    def distance(self, x: Tensor) -> Tensor:
        """(P,) squared distances of the features of ``x`` from those wanted."""
        return (self.surrogate.hidden(self.theta, x) - self.wanted).square().sum(1)

    def move(self) -> Sequence[float]:
        """A step down the features' distance, and one back to where the points began (Algorithm 1, lines 3 and 4)."""
        step = self.config.step_size * self.left
        forward = self.x - step * grad(lambda x: self.distance(x).sum())(self.x)
        pull = step * self._similarity
        self.x = self.held((forward + pull * self.bases) / (1 + pull))
        moved = (self.x - self.bases).norm(dim=1).mean()
        return float(self.distance(self.x).sqrt().mean()), float(moved)
