"""Victims: classifiers trained on (poisoned) sets and judged on clean test points.

Reads training sets; hands on confusion matrices. A victim is one class in the file of its name. Networks train as one
stack; the others, one by one.
"""

from pgan_ray.spec import VictimConfig
from pgan_ray.victims.interface import Boundary, Judged, Reading, SklearnVictim, TorchVictim, Victim, judge_victims

__all__ = ["Boundary", "Judged", "Reading", "SklearnVictim", "TorchVictim", "Victim", "VictimConfig", "judge_victims"]
