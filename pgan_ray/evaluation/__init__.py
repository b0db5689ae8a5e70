"""Stage 2's protocol: from a poison set to victim results. Reads a task, a poison set and cells; hands on rows.

One process, no Ray: `cluster` calls this on its evaluators.
"""

from pgan_ray.evaluation.failures import ComponentFailure, component, expect
from pgan_ray.evaluation.protocol import CellResult, evaluate_cells
from pgan_ray.evaluation.training_set import Detection, TrainingSet, poisoned_training_set
from pgan_ray.evaluation.trying import try_defences

__all__ = [
    "CellResult",
    "ComponentFailure",
    "Detection",
    "TrainingSet",
    "component",
    "evaluate_cells",
    "expect",
    "poisoned_training_set",
    "try_defences",
]
