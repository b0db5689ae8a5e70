"""Victims: classifiers trained on (poisoned) sets and judged on clean test points.

Reads training sets; hands on confusion matrices and scores. Networks train as one stack; the others, one by one.
"""

from pgan_ray.victims.judge import Boundary, Judged, judge_victims
from pgan_ray.victims.mlp import VictimStack, VictimTraining, train_victims
from pgan_ray.victims.scoring import Scores, confusion_matrices, confusion_matrix, score

__all__ = [
    "Boundary",
    "Judged",
    "Scores",
    "VictimStack",
    "VictimTraining",
    "confusion_matrices",
    "confusion_matrix",
    "judge_victims",
    "score",
    "train_victims",
]
