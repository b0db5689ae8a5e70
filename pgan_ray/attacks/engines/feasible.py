"""Points that stay within a sphere and a slab. Shapes: P points, F features."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pgan_ray.attacks.constrained import Constrained
from pgan_ray.attacks.engines.influence import InfluencePoints
from pgan_ray.attacks.interface import Member
from pgan_ray.data import TaskData


@dataclass(frozen=True)
class SphereAndSlab:
    """Points within ``radius`` of ``centre`` (F,), and within ``width`` of it along the unit vector ``axis`` (F,)."""

    centre: Tensor
    axis: Tensor
    radius: float
    width: float

    def nearest(self, x: Tensor) -> Tensor:
        """Of each of the points ``x`` (P, F), the nearest point that is allowed."""
        offsets = x - self.centre
        along = offsets @ self.axis
        across = offsets - along[:, None] * self.axis
        # The slab's nearest point is in the sphere; or the sphere's is in the slab; or it is at the edge of both.
        on_slab = along.clamp(-self.width, self.width)
        scale = (self.radius / offsets.norm(dim=1).clamp(min=1e-30)).clamp(max=1)
        in_sphere = on_slab.square() + across.square().sum(1) <= self.radius**2
        in_slab = (along * scale).abs() <= self.width
        rest = (self.radius**2 - on_slab.square()).clamp(min=0).sqrt() / across.norm(dim=1).clamp(min=1e-30)
        kept_along = torch.where(in_sphere, on_slab, torch.where(in_slab, along * scale, on_slab))
        kept_across = torch.where(in_sphere, 1.0, torch.where(in_slab, scale, rest))
        return self.centre + kept_along[:, None] * self.axis + kept_across[:, None] * across

    def shrunk(self, x: Tensor) -> Tensor:
        """The points ``x`` (P, F), each moved straight towards the centre until it is allowed."""
        offsets = x - self.centre
        by_sphere = self.radius / offsets.norm(dim=1).clamp(min=1e-30)
        by_slab = self.width / (offsets @ self.axis).abs().clamp(min=1e-30)
        return self.centre + torch.minimum(by_sphere, by_slab).clamp(max=1)[:, None] * offsets


class FeasiblePoints(InfluencePoints):
    """One replicate's points, held within the sphere and the slab of the attacker's points of the poison class."""

    def __init__(self, attack: Constrained, member: Member, task: TaskData, device: torch.device) -> None:
        super().__init__(attack, member, task, device)
        own, other = task.poison_class_x, task.train_x[task.train_y == task.source_label]
        centre = own.mean(0)
        axis = other.mean(0) - centre
        axis = axis / axis.norm().clamp(min=1e-30)
        offsets, share = own - centre, attack.config.percentile
        radius, width = (float(d.quantile(share)) for d in (offsets.norm(dim=1), (offsets @ axis).abs()))
        self.allowed = SphereAndSlab(centre.to(device), axis.to(device), radius, width)
        self.x = self.held(self.x)

    def held(self, x: Tensor) -> Tensor:
        """Within the features' range, too: the centre lies there, and so does all between it and a point that does."""
        return self.allowed.shrunk(super().held(self.allowed.nearest(super().held(x))))
