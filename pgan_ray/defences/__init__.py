"""Detectors: the defender's outlier filters. Reads trusted points; hands on which points are rejected.

A detector is one class in the file of its name.
"""

from pgan_ray.defences.interface import ContrastDetector, Detector, Fitted, FittedScore, ScoredDetector, fit_detector
from pgan_ray.spec import DetectorConfig

__all__ = ["ContrastDetector", "Detector", "DetectorConfig", "Fitted", "FittedScore", "ScoredDetector", "fit_detector"]
