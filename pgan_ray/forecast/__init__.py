"""What a sweep will take, before it is run: its real trials and batches, at some pace, on some cluster."""

from pgan_ray.forecast.estimate import Plan, estimate_line, offer_of, points_at_hand
from pgan_ray.forecast.pace import Pace

__all__ = ["Pace", "Plan", "estimate_line", "offer_of", "points_at_hand"]
