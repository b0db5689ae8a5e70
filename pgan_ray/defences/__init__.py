"""Defences: detectors, which filter one class each, sanitisers of whole training sets, and robust trainers.

Reads trusted points and training sets; hands on which points are rejected, dropped or relabelled. A defence is one
class in the file of its name.
"""

from pgan_ray.defences.defence import Defence, Reading, RobustTrainer, Sanitised, Sanitiser, Suspects
from pgan_ray.defences.interface import ContrastDetector, Detector, Fitted, FittedScore, ScoredDetector, fit_detector
from pgan_ray.spec import DefenceConfig, DetectorConfig

__all__ = [
    "ContrastDetector",
    "Defence",
    "DefenceConfig",
    "Detector",
    "DetectorConfig",
    "Fitted",
    "FittedScore",
    "Reading",
    "RobustTrainer",
    "Sanitised",
    "Sanitiser",
    "ScoredDetector",
    "Suspects",
    "fit_detector",
]
