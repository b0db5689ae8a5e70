"""What the actors of a sweep ask for."""

from pgan_ray.spec import ResourcesSpec, Sweep


def asked_resources(sweep: Sweep) -> ResourcesSpec:
    """As its file says, but for GPUs that nothing would be computed on.

    Those are stage 1's where no attack is trained, and stage 2's where all victims are of scikit-learn's kind, or none.
    """
    resources = sweep.resources
    unused = {
        "trial": not any(one.settings.attack.is_trained for one in sweep.configurations),
        "evaluator": not any(
            variant.evaluation.victim.make().uses_gpu for one in sweep.configurations for variant in one.variants
        ),
    }
    return resources.model_copy(
        update={
            stage: getattr(resources, stage).model_copy(update={"gpu": 0.0})
            for stage, is_unused in unused.items()
            if is_unused
        }
    )
