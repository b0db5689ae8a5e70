"""A sweep's state in a few words."""

from pgan_ray.results import Ranked, estimate_text


def attack_text(best: Ranked) -> str:
    """``alpha=0.1 at 40%: damage 17.0 ± 3.6, error ...``; says where it is not left alone."""
    name = " ".join(part for part in (best.configuration, best.variant) if part)
    seen = "" if best.stays_under else ", and is seen"
    harm = estimate_text(best.harm, best.harm.replicates)
    return f"{name} at {100 * best.poison_fraction:g}% poison: damage {harm} points{seen}"
