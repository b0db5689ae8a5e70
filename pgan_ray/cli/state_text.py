"""A sweep's state in a few words."""

from pgan_ray.results import Ranked, estimate_text
from pgan_ray.spec import Sweep


def attack_text(sweep: Sweep, best: Ranked) -> str:
    """``alpha=0.1 at 40 % poison: harm 17.0 ± 3.6 points (5 replicates)``; says where the detectors see it."""
    name = sweep.called(best.configuration, best.variant)
    seen = "" if best.stays_under else ", and the detectors see it"
    if best.is_open:
        seen = ", and the detectors may see it"
    count = best.harm.replicates
    over = f"{count} replicate{'s' if count > 1 else ''}"
    return f"{name} at {100 * best.poison_fraction:g} % poison: harm {estimate_text(best.harm)} points ({over}){seen}"
