"""Attacks: what makes the poison. Reads a task's points; hands on generators, and poison for the evaluation.

An attack is one class in the file of its name; a trained one has an engine beside it, in `engines`.
"""

from pgan_ray.attacks.interface import (
    Attack,
    Member,
    NoPoison,
    PoisonSource,
    TrainedAttack,
    Training,
    TrainingPoint,
    make_attack,
)
from pgan_ray.attacks.one_by_one import train_stack
from pgan_ray.attacks.poison_set import PoisonSet
from pgan_ray.spec import AttackConfig

__all__ = [
    "Attack",
    "AttackConfig",
    "Member",
    "NoPoison",
    "PoisonSet",
    "PoisonSource",
    "TrainedAttack",
    "Training",
    "TrainingPoint",
    "make_attack",
    "train_stack",
]
