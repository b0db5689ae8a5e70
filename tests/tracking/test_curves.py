"""The numbers that MLflow's table is sorted by."""

from pgan_ray.results import VICTIMS, Estimate, Point
from pgan_ray.tracking.curves import victim_metrics
from tests.tracking.test_trackers import VARIANTS
from tests.tracking.tracking_sweep import make_record


def test_the_worst_error_is_that_of_all_variants_and_the_clean_one_of_the_first() -> None:
    sweep = make_record(text=VARIANTS).sweep
    (configuration,) = sweep.configurations
    errors = {("percentile=0.95", 0.0): 0.03, ("percentile=0.95", 0.125): 0.04, ("percentile=0.9", 0.125): 0.11}
    points = [
        Point(configuration.id, variant, fraction, {"test_error": Estimate(error, None, 1, 1)})
        for (variant, fraction), error in errors.items()
    ]
    metrics = victim_metrics(sweep, configuration, points, VICTIMS.empty_table(), 1000, 0)
    found = {name: value for name, value, _, _ in metrics}
    assert (found["test_error_worst"], found["test_error_clean"]) == (0.11, 0.03)
