"""Attacks: what makes the poison. Reads a task's genuine points; hands on generators and poison sets."""

from pgan_ray.attacks.pgan import PGan, TrainingPoint

__all__ = ["PGan", "TrainingPoint"]
