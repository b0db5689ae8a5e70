"""A whole sweep's work, counted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pgan_ray.cost.points import Points
from pgan_ray.cost.storage import mlflow_points, stored_bytes
from pgan_ray.cost.work import Work
from pgan_ray.spec import Configuration, DatasetSpec, EvaluationSpec, Settings, Sweep, TaskSpec

PointsOf = Callable[[DatasetSpec, TaskSpec], Points]


@dataclass(frozen=True)
class SweepCost:
    """What a sweep is made of and takes. ``stage1`` and ``stage2``: with no stacks, so every member has its kernels."""

    configurations: int
    generators: int
    cells: int
    stage1: Work
    stage2: Work
    stored_bytes: int
    mlflow_points: int


def count(sweep: Sweep, points_of: PointsOf) -> SweepCost:
    """The work of all configurations, replicates and variants; ``points_of``: the points of a data set."""
    stage1 = stage2 = Work()
    stored = logged = 0
    for configuration in sweep.configurations:
        settings = configuration.settings
        points = points_of(settings.dataset, settings.task)
        replicates = settings.attack.replicates
        if settings.attack.is_trained:
            stage1 += generator_work(settings, points).times(replicates)
        for _, fraction, evaluation in _curve(configuration):
            stage2 += cell_work(evaluation, settings.task, points, fraction).times(replicates * evaluation.runs)
        stored += stored_bytes(configuration, points)
        logged += mlflow_points(configuration, iterations(settings, points))
    return SweepCost(len(sweep.configurations), sweep.generators, sweep.cells, stage1, stage2, stored, logged)


def _curve(configuration: Configuration) -> Iterator[tuple[str, float, EvaluationSpec]]:
    for variant in configuration.variants:
        for fraction in variant.evaluation.poison_fractions:
            yield variant.id, fraction, variant.evaluation


def iterations(settings: Settings, points: Points) -> int:
    """Iterations of one training; none of an attack that trains nothing."""
    if not settings.attack.is_trained:
        return 0
    return int(settings.attack.make().iterations_of(points.train[settings.task.poison_class]))


def generator_work(settings: Settings, points: Points) -> Work:
    """The training of one replicate."""
    classes = len(settings.task.surrogate.classes)
    each: Work = settings.attack.make().iteration_work(points.features, classes)
    return each.times(iterations(settings, points))


def poisoned_size(evaluation: EvaluationSpec, classes: int, fraction: float) -> int:
    """Points of a victim's training set before the detectors."""
    genuine = evaluation.train_per_class * classes
    return genuine + (evaluation.poison_points(fraction, classes) if evaluation.placement == "add" else 0)


def kept_size(evaluation: EvaluationSpec, classes: int, fraction: float) -> int:
    """About as many points are left after the detectors."""
    return max(1, round(evaluation.detector.kept_fraction * poisoned_size(evaluation, classes, fraction)))


def cell_work(evaluation: EvaluationSpec, task: TaskSpec, points: Points, fraction: float) -> Work:
    """One cell: its detectors, one for each class, and its victim, trained and judged."""
    classes = len(task.classes)
    size = poisoned_size(evaluation, classes, fraction)
    of_a_class = evaluation.trusted_per_class, round(size / classes)
    host = classes * evaluation.detector.make().flop(points.features, *of_a_class)
    kept, tested = kept_size(evaluation, classes, fraction), points.test_points(task)
    work: Work = evaluation.victim.make().work(points.features, classes, kept, tested)
    return work + Work(host_flop=host)
