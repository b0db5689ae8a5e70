"""What attacks are compared with: the controls that a sweep gets by itself."""

from collections.abc import Mapping, Sequence

from pgan_ray.registry import ATTACKS
from pgan_ray.spec.grid import shortened
from pgan_ray.spec.sweep import Configuration, Variant

NONE, REMOVAL = "none", "removal"


def with_controls(configurations: Mapping[str, Configuration]) -> dict[str, Configuration]:
    """``configurations``, and the control `removal` of each setting in which poison replaces genuine points.

    It has as many replicates as the attacks there: their splits are its own, so that differences are within pairs.
    A setting that names it already, or trains no victims, gets none.
    """
    settings: dict[str, list[Configuration]] = {}
    for one in configurations.values():
        settings.setdefault(one.setting, []).append(one)
    found = dict(configurations)
    for members in settings.values():
        control = _removal(members)
        if control is not None:
            found.setdefault(control.id, control)
    return found


def _removal(members: list[Configuration]) -> Configuration | None:
    if any(one.settings.attack.name == REMOVAL for one in members):
        return None
    variants = tuple(
        variant
        for variant in members[0].variants
        if variant.evaluation.placement == "replace"
        and max(variant.evaluation.poison_fractions) > 0
        and variant.evaluation.victim.trains
    )
    return control(REMOVAL, members, variants) if variants else None


def control(name: str, members: Sequence[Configuration], variants: tuple[Variant, ...] = ()) -> Configuration:
    """The control ``name`` of the ``members`` of one setting, with the ``variants`` of theirs, by default all."""
    first = members[0]
    variants = variants or first.variants
    attack = ATTACKS.config(name)(replicates=max(one.settings.attack.replicates for one in members))
    task = first.settings.task.model_copy(update={"surrogate_classes": None})
    update = {"attack": attack, "task": task, "evaluation": variants[0].evaluation}
    label = ",".join(part for part in (first.setting, f"control={name}") if part)
    return Configuration(shortened(label), first.settings.model_copy(update=update), variants, first.setting)
