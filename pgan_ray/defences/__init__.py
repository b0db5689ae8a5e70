"""Detectors: the defender's outlier filters. Reads trusted points; hands on which points are rejected."""

from pgan_ray.defences.knn_distance import KnnDistance
from pgan_ray.defences.registry import Detector, NoDetector, fit_detector

__all__ = ["Detector", "KnnDistance", "NoDetector", "fit_detector"]
