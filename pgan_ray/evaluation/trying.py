"""Somebody else's detectors and sanitisers, tried on clean training sets before anything starts."""

from collections.abc import Callable
from itertools import islice, product, takewhile

import torch

from pgan_ray.attacks import NoPoison
from pgan_ray.data import TaskData
from pgan_ray.errors import DataError, may_be_of_this_place
from pgan_ray.evaluation.failures import ComponentFailure
from pgan_ray.evaluation.pipeline import defended
from pgan_ray.evaluation.training_set import poisoned_training_set
from pgan_ray.spec import Cell, EvaluationSpec

SPLITS = 3  # a component may fail for one split of the points: that costs a run, and no more


def try_defences(
    spec: EvaluationSpec, task: TaskData, seed: int, replicates: int, notice: Callable[[str], None]
) -> None:
    """See that the detectors and sanitisers of ``spec`` that are not ours can do what the first splits ask of them.

    Stages from the first on that asks victims are left out: these would have to be trained. So is what
    `may_be_of_this_place`.

    Raises:
        DataError: a component failed for each of the first `SPLITS` splits, of replicates and runs.
    """
    stages = list(takewhile(lambda config: not config.component.asks_victim, spec.defence))
    foreign = [config.name for config in (spec.detector, *stages) if config.is_foreign]
    if not foreign:
        return
    notice(f"trying {', '.join(foreign)} on clean points")  # which may take long
    tried = spec.model_copy(update={"defence": stages})
    first: ComponentFailure | None = None
    for replicate, run in islice(product(range(replicates), range(spec.runs)), SPLITS):
        cell = Cell("", replicate, "", 0.0, run)
        try:
            training = poisoned_training_set(tried, task, NoPoison(task), cell, seed)
            defended(training, tried, task, cell, seed, torch.device("cpu"))
            return
        except Exception as error:
            cause = error.__cause__ if isinstance(error, ComponentFailure) else error
            if cause is not None and may_be_of_this_place(cause):
                return
            if not isinstance(error, ComponentFailure):
                raise
            first = first or error
    raise DataError(str(first))
