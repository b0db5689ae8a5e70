"""Rows as evaluators make them."""

from typing import Any

from pgan_ray.results import SCORES


def row(cell_id: str = "alpha=0.1/r0/f0.2/run0", **changes: Any) -> dict[str, Any]:
    """A complete cell's row."""
    configuration, replicate, fraction, run = cell_id.split("/")
    made = {
        "sweep_id": "s",
        "cell_id": cell_id,
        "configuration": configuration,
        "replicate": int(replicate[1:]),
        "variant": "",
        "attack": "pgan",
        "dataset": "mnist",
        "attack_parameters": {"alpha": 0.1, "lambda_prior": 0.9},
        "poison_fraction": float(fraction[1:]),
        "run": int(run[3:]),
        "victim": "mlp",
        "detector": "knn_distance",
        "percentile": 0.95,
        "train_size": 950,
        "test_error": 0.04,
        "false_positive_rate": 0.05,
        "false_negative_rate": 0.03,
        "rejected_genuine": 0.05,
        "rejected_poison": 0.02,
        "rejected_genuine_both": 0.06,
        "rejected_poison_both": 0.2,
        "defence": "trim",
        "dropped_genuine": 0.2,
        "dropped_poison": 0.5,
        "relabelled_genuine": 0.0,
        "relabelled_poison": 0.0,
        "detector_auc": 0.4,
        "poison_variance": 0.7,
        "confusion": [[95, 5], [3, 97]],
        "boundary": None,
        "outcome": "complete",
        "message": None,
        "seconds": 1.5,
        "device": "cpu: AMD EPYC",
    }
    return made | changes


def diverged(cell_id: str, **changes: Any) -> dict[str, Any]:
    """A diverged cell's row: no scores."""
    return row(cell_id, outcome="diverged", confusion=None, **dict.fromkeys(SCORES), **changes)
