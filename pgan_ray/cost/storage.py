"""Bytes in the sweep's directory, and metric points in MLflow."""

from collections.abc import Callable

from pgan_ray.cost.memory import FLOAT_BYTES
from pgan_ray.cost.points import Points
from pgan_ray.spec import Configuration, DatasetSpec, Sweep, TaskSpec

# As `pgan_ray.cluster` stores them; a test compares.
REPORTS = 50
SAMPLE_SETS, SAMPLES = 6, 64
# Measured: a Parquet file with the columns of a table, and what each row adds.
CURVE_BYTES, RECORD_BYTES = 4_500, 200
BATCH_BYTES, ROW_BYTES = 7_500, 50
CELLS_OF_A_BATCH = 5  # about; small ones at the end among them


def stored_bytes(configuration: Configuration, points: Points) -> int:
    """Files of all replicates of a configuration: weights, poison set, samples and curve; and the rows of its cells."""
    settings = configuration.settings
    attack = settings.attack
    cells = sum(len(v.evaluation.poison_fractions) * v.evaluation.runs for v in configuration.variants)
    kept = cells * (ROW_BYTES + BATCH_BYTES / CELLS_OF_A_BATCH)
    if attack.is_trained:
        poison = max(variant.evaluation.poison_set_size for variant in configuration.variants)
        numbers = attack.make().stored_numbers(points.features) + (poison + SAMPLE_SETS * SAMPLES) * points.features
        kept += FLOAT_BYTES * numbers + CURVE_BYTES + RECORD_BYTES
    return round(attack.replicates * kept)


def sweep_bytes(sweep: Sweep, points_of: Callable[[DatasetSpec, TaskSpec], Points]) -> int:
    """Files of a whole sweep; checkpoints, which go, are not counted."""
    return sum(stored_bytes(c, points_of(c.settings.dataset, c.settings.task)) for c in sweep.configurations)


def mlflow_points(configuration: Configuration, iterations: int) -> int:
    """Metric points of a configuration's run and of its generators' (``iterations`` of each)."""
    settings = configuration.settings
    metrics = len(settings.attack.make().metrics) if settings.attack.is_trained else 0
    found = settings.attack.replicates * min(REPORTS, iterations) * metrics
    # Its `generators` and `victims`.
    found += 2
    first = configuration.variants[0].evaluation
    if first.victim.trains:
        found += 1 + (0 in first.poison_fractions)  # the worst and the clean error
    for variant in configuration.variants:
        scores = 3 + (2 if settings.attack.replicates > 1 else 0) if variant.evaluation.victim.trains else 0
        for fraction in variant.evaluation.poison_fractions:
            found += scores + 1 + (fraction > 0)  # genuine points that were rejected, and poison where there is some
    return found
