"""A victim that is a torch module, trained by pgan-ray's loop."""

import torch
from torch import nn


class TwoLayers(nn.Module):
    """`hidden` units between the features and the logits."""

    def __init__(self, features: int, classes: int, image_shape: tuple[int, int] | None, hidden: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)
