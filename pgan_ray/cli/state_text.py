"""A sweep's state in a few words."""

from pgan_ray.results import Ranked, estimate_text
from pgan_ray.spec import Sweep


def attack_text(sweep: Sweep, best: Ranked) -> str:
    """``alpha=0.1 at 40% poison: harm 17.0 ± 3.6 points``; says where the detectors see it."""
    name = sweep.called(best.configuration, best.variant)
    seen = "" if best.stays_under else ", and the detectors see it"
    harm = estimate_text(best.harm)
    return f"{name} at {100 * best.poison_fraction:g}% poison: harm {harm} points{seen}"
