"""Rough rules for what is not a stack of networks: operations of detectors and of scikit-learn's victims, on a CPU.

Within a factor of two or three, and good enough to cut work by; `pgan-ray plan` measures them where it can. Shapes:
N points, F features, H half of the trusted points.
"""

import math

from pgan_ray.spec import DetectorSpec, VictimSpec

SVM_PASSES = 300  # of liblinear's over the training set, until it converges
FOREST_TREES = 100
FOREST_OF_A_POINT = 40  # operations for each point, candidate feature and level of a tree: sorting
KERNEL_PASSES = 3  # of libsvm's over the kernel matrix


def detector_flop(spec: DetectorSpec, features: int, trusted: int, points: int) -> float:
    """Fitting a detector on ``trusted`` points, and passing as many to be judged as ``points``."""
    half = trusted / 2
    judged = half + points
    match spec.name:
        case "none":
            return 0.0
        case "knn_distance":
            return 3.0 * features * spec.sample_size * (trusted - spec.sample_size + points)
        case "sphere":
            return 3.0 * features * (trusted + points)
        case "local_outlier_factor":
            return 3.0 * features * half * (half + judged)
        case "isolation_forest":
            return 1000.0 * FOREST_TREES * math.log2(256) + 50.0 * FOREST_TREES * judged
        case "one_class_svm":
            return 3.0 * features * half * (KERNEL_PASSES * half + judged)


def victim_flop(spec: VictimSpec, features: int, classes: int, points: int, test_points: int) -> float:
    """Training a victim of scikit-learn's on ``points``, and judging it on ``test_points``."""
    machines = 1 if classes == 2 else classes
    match spec.name:
        case "linear_svm":
            return 4.0 * features * machines * (SVM_PASSES * points + test_points)
        case "random_forest":
            levels = math.log2(max(points, 2))
            return FOREST_TREES * levels * (FOREST_OF_A_POINT * math.sqrt(features) * points + 20.0 * test_points)
        case "knn":
            return 2.0 * features * points * test_points
    return 0.0
