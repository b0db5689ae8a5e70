"""The result tables' columns. Errors and rates are fractions."""

import pyarrow as pa

NUMBERS = pa.map_(pa.string(), pa.float64())
VICTIMS = pa.schema(
    [
        pa.field("sweep_id", pa.string(), nullable=False),
        pa.field("cell_id", pa.string(), nullable=False),
        pa.field("configuration", pa.string(), nullable=False),
        pa.field("replicate", pa.int32(), nullable=False),
        pa.field("variant", pa.string(), nullable=False),
        pa.field("attack", pa.string(), nullable=False),
        pa.field("dataset", pa.string(), nullable=False),
        # the attack's numbers that configurations are compared by, such as pGAN's alpha; another attack has others
        pa.field("attack_parameters", NUMBERS, nullable=False),
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
        # what the same detectors would reject if they looked at both tails of their scores
        pa.field("rejected_genuine_both", pa.float64()),
        pa.field("rejected_poison_both", pa.float64()),
        # what the defences after the detector drop or relabel, of all that were there before the detector
        pa.field("defence", pa.string()),
        pa.field("dropped_genuine", pa.float64()),
        pa.field("dropped_poison", pa.float64()),
        pa.field("relabelled_genuine", pa.float64()),
        pa.field("relabelled_poison", pa.float64()),
        # by the score of the poison class's detector, poison against genuine points
        pa.field("detector_auc", pa.float64()),
        # of the poison, as a share of the genuine points' of its class
        pa.field("poison_variance", pa.float64()),
        # counts of test points, true class by row and predicted class by column, in the order of the task's labels
        pa.field("confusion", pa.list_(pa.list_(pa.int32()))),
        # of logistic regression in the plane: (a, b, c) of the line a x + b y + c = 0
        pa.field("boundary", pa.list_(pa.float64())),
        # complete, diverged (the victim's or its generator's weights stopped being numbers) or failed (the detectors
        # left nothing to train on, or a component raised an error)
        pa.field("outcome", pa.string(), nullable=False),
        # of a failed cell: why
        pa.field("message", pa.string()),
        pa.field("seconds", pa.float64(), nullable=False),
        # what it was computed on: its kind and name; kinds of processors differ in the last bits
        pa.field("device", pa.string()),
    ]
)
"""One row per cell. Scores are null unless the outcome is ``complete``, and where the victim is ``none``."""

TRAINING = pa.schema(
    [
        pa.field("iteration", pa.int64(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("metrics", NUMBERS, nullable=False),  # those that the attack has, by name
    ]
)
"""One row per training report of one replicate: means over the iterations since the row before."""

OUTCOMES = ("complete", "diverged", "failed")

SCORES = ("test_error", "false_positive_rate", "false_negative_rate")
"""The victims' columns that only a complete cell with a victim has."""

SHARES = (
    *SCORES,
    *("rejected_genuine", "rejected_poison", "rejected_genuine_both", "rejected_poison_both", "detector_auc"),
    *("dropped_genuine", "dropped_poison", "relabelled_genuine", "relabelled_poison"),
)
"""The victims' columns that hold numbers from 0 to 1."""

RATES = (*SHARES, "poison_variance")
"""The victims' columns that curves are drawn of."""

MAX_SECONDS = 1e9


def is_duration(seconds: object) -> bool:
    """Whether ``seconds`` are a time that something can have taken: a number, and not 1e300."""
    return isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 <= seconds <= MAX_SECONDS
