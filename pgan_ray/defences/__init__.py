"""Detectors: the defender's outlier filters. Reads trusted points; hands on which points are rejected."""

from pgan_ray.defences.knn_distance import KnnDistance
from pgan_ray.defences.registry import Detector, NoDetector, fit_detector
from pgan_ray.defences.scored import ScoredDetector

__all__ = ["Detector", "KnnDistance", "NoDetector", "ScoredDetector", "fit_detector"]
