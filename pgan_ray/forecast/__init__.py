"""What a sweep will take, before it is run: its real trials and batches, at some pace, on some cluster."""

from pgan_ray.forecast.estimate import Plan, cluster_shape, estimate_line, local_shape, points_at_hand, points_of_data

__all__ = ["Plan", "cluster_shape", "estimate_line", "local_shape", "points_at_hand", "points_of_data"]
