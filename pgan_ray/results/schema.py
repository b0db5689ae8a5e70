"""The result tables' columns. Errors and rates are fractions."""

import pyarrow as pa

VICTIMS = pa.schema(
    [
        pa.field("sweep_id", pa.string(), nullable=False),
        pa.field("cell_id", pa.string(), nullable=False),
        pa.field("configuration", pa.string(), nullable=False),
        pa.field("replicate", pa.int32(), nullable=False),
        pa.field("variant", pa.string(), nullable=False),
        pa.field("attack", pa.string(), nullable=False),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("alpha", pa.float64()),
        pa.field("lambda_prior", pa.float64()),
        pa.field("poison_fraction", pa.float64(), nullable=False),
        pa.field("run", pa.int32(), nullable=False),
        pa.field("victim", pa.string(), nullable=False),
        pa.field("detector", pa.string(), nullable=False),
        pa.field("percentile", pa.float64()),
        pa.field("train_size", pa.int32(), nullable=False),
        pa.field("test_error", pa.float64()),
        pa.field("false_positive_rate", pa.float64()),
        pa.field("false_negative_rate", pa.float64()),
        pa.field("rejected_genuine", pa.float64()),
        pa.field("rejected_poison", pa.float64()),
        # counts of test points, true class by row and predicted class by column, in the order of the task's labels
        pa.field("confusion", pa.list_(pa.list_(pa.int32()))),
        # of logistic regression in the plane: (a, b, c) of the line a x + b y + c = 0
        pa.field("boundary", pa.list_(pa.float64())),
        # complete, diverged (the victim's or its generator's weights stopped being numbers) or failed (the detectors
        # left nothing to train on)
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
    ]
)
"""One row per cell. Scores are null unless the outcome is ``complete``, and where the victim is ``none``."""

TRAINING = pa.schema(
    [
        pa.field("iteration", pa.int64(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("discriminator_loss", pa.float64(), nullable=False),
        pa.field("classifier_loss", pa.float64(), nullable=False),
        pa.field("generator_loss", pa.float64(), nullable=False),
        pa.field("discriminator_score", pa.float64(), nullable=False),
        pa.field("classifier_poison_loss", pa.float64(), nullable=False),
    ]
)
"""One row per training report of one replicate: means over the iterations since the row before."""

OUTCOMES = ("complete", "diverged", "failed")

SCORES = ("test_error", "false_positive_rate", "false_negative_rate")
"""The victims' columns that only a complete cell with a victim has."""

RATES = (*SCORES, "rejected_genuine", "rejected_poison")
"""The victims' columns that curves are drawn of."""

MAX_SECONDS = 1e9


def is_duration(seconds: object) -> bool:
    """Whether ``seconds`` are a time that something can have taken: a number, and not 1e300."""
    return isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 <= seconds <= MAX_SECONDS
