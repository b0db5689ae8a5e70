"""Attacks: what makes the poison. Reads a task's points; hands on generators, and poison for the evaluation.

pGAN is trained in stage 1, and its poison comes back as a stored set; the baselines take theirs from the data.
"""

from pgan_ray.attacks.interface import Attack, Rows
from pgan_ray.attacks.pgan import METRICS, Member, PGan, TrainingPoint
from pgan_ray.attacks.registry import check_attack, check_lambda, fit_attack

__all__ = [
    "METRICS",
    "Attack",
    "Member",
    "PGan",
    "Rows",
    "TrainingPoint",
    "check_attack",
    "check_lambda",
    "fit_attack",
]
