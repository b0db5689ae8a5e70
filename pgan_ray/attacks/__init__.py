"""Attacks: what makes the poison. Reads a task's genuine points; hands on generators and poison sets."""

from pgan_ray.attacks.pgan import METRICS, Member, PGan, TrainingPoint

__all__ = ["METRICS", "Member", "PGan", "TrainingPoint"]
