"""Victims: stacks of classifiers trained on (poisoned) sets and scored on clean test points."""

from pgan_ray.victims.mlp import VictimStack, train_victims
from pgan_ray.victims.scoring import Scores, confusion_matrices, score

__all__ = ["Scores", "VictimStack", "confusion_matrices", "score", "train_victims"]
