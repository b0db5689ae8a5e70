"""What a sweep takes, by counting alone: work, memory of its actors, files, metric points in MLflow."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from pgan_ray.cost.networks import FLOAT_BYTES
from pgan_ray.cost.points import Points
from pgan_ray.cost.work import Work
from pgan_ray.spec import AttackConfig, Configuration, DatasetConfig, EvaluationSpec, Settings, Sweep, TaskSpec

PointsOf = Callable[[DatasetConfig, TaskSpec], Points]

CELL_S = 1e-3  # around each cell
# Reports of one training. Each costs some milliseconds there and at the driver; a training takes minutes or more.
REPORTS = 50
SAMPLED_REPORTS = (0, 5, 10, 20, 35, 50)  # after how many reports samples are kept
SAMPLES = 64
EFFECTS = 4  # of an attack beyond each control
# Measured: a Parquet file with the columns of a table, and what each row adds.
CURVE_BYTES, RECORD_BYTES = 4_500, 200
BATCH_BYTES, ROW_BYTES = 7_500, 50
CELLS_OF_A_BATCH = 5  # about; small ones at the end among them


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


_SAY = "state its cost with its method"


def count(sweep: Sweep, points_of: PointsOf, *, clean_once: bool = False) -> SweepCost:
    """The work of all configurations, replicates and variants; ``points_of``: the points of a data set.

    ``clean_once``: victims without poison are counted for one of the configurations that share them.
    """
    stage1 = stage2 = Work()
    logged, counted = 0, Counter[str]()  # replicates whose clean victims are
    for configuration in sweep.configurations:
        settings = configuration.settings
        points, replicates = points_of(settings.dataset, settings.task), settings.attack.replicates
        passes = iterations(settings, points)
        if settings.attack.is_trained:
            stage1 += iteration_work(settings, points).times(passes).times(replicates)
        for variant in configuration.variants:
            for fraction in variant.evaluation.poison_fractions:
                trained = replicates
                if clean_once and not fraction:
                    shared = settings.without_poison(variant.evaluation)
                    trained = max(0, replicates - counted[shared])
                    counted[shared] += trained
                cell = cell_work(variant.evaluation, settings.task, points, fraction)
                stage2 += cell.times(trained * variant.evaluation.runs)
        logged += mlflow_points(configuration, passes)
    stored = sweep_bytes(sweep, points_of)
    return SweepCost(len(sweep.configurations), sweep.generators, sweep.cells, stage1, stage2, stored, logged)


def iterations(settings: Settings, points: Points) -> int:
    """Iterations of one training; none of an attack that trains nothing."""
    if not settings.attack.is_trained:
        return 0
    task = settings.task.surrogate
    of_all = sum(points.train[label] for label in task.labels)
    with settings.attack.must(f"{_SAY} `iterations_of`"):
        return int(settings.attack.make().iterations_of(points.train[task.poison_class], of_all))


def iteration_work(settings: Settings, points: Points) -> Work:
    """An iteration of one replicate's training."""
    with settings.attack.must(f"{_SAY} `iteration_work`"):
        work: Work = settings.attack.make().iteration_work(points.features, len(settings.task.surrogate.classes))
    return work


def cell_work(evaluation: EvaluationSpec, task: TaskSpec, points: Points, fraction: float) -> Work:
    """One cell: its detectors, one for each class, and its victim, trained and judged."""
    classes = len(task.classes)
    of_a_class = evaluation.trusted_per_class, round(poisoned_size(evaluation, classes, fraction) / classes)
    with evaluation.detector.must(f"{_SAY} `flop`"):
        host = classes * evaluation.detector.make().flop(points.features, *of_a_class)
    kept, tested = kept_size(evaluation, classes, fraction), points.test_points(task)
    victim = evaluation.victim.make()
    with evaluation.victim.must(f"{_SAY} `work`"):
        work: Work = victim.work(points.features, classes, kept, tested)
    for one in evaluation.defence:
        stage = one.make()
        with one.must(f"{_SAY} `flop`"):
            host += classes * stage.flop(points.features, *of_a_class)
        if stage.asks_victim:
            # Trained anew each time, and asked about the points that it was trained on.
            work += victim.work(points.features, classes, kept, kept).times(stage.trainings)
    return work + Work(host_flop=host)


def poisoned_size(evaluation: EvaluationSpec, classes: int, fraction: float) -> int:
    """Points of a victim's training set before the detectors."""
    genuine = evaluation.train_per_class * classes
    return genuine + (evaluation.poison_count(fraction, classes) if evaluation.placement == "add" else 0)


def kept_size(evaluation: EvaluationSpec, classes: int, fraction: float) -> int:
    """About as many points are left after the detectors."""
    return max(1, round(evaluation.detector.kept_fraction * poisoned_size(evaluation, classes, fraction)))


def poison_set_size(configuration: Configuration) -> int:
    """Points of a poison set that serves all variants."""
    return max(variant.evaluation.poison_set_size for variant in configuration.variants)


def generators_bytes(attack: AttackConfig, task: TaskSpec, features: int, members: int, poison: int) -> int:
    """Bytes of ``members`` replicates in training, without the points that they are trained on.

    And in sampling so many points of ``poison`` of each afterwards, where that takes more.
    """
    with attack.must(f"{_SAY} `stack_bytes`"):
        return int(attack.make().stack_bytes(features, len(task.surrogate.classes), members, poison))


def victims_bytes(evaluation: EvaluationSpec, task: TaskSpec, features: int, members: int) -> int:
    """Bytes of ``members`` victims in training and judging, their training sets included."""
    classes = len(task.classes)
    kept = kept_size(evaluation, classes, max(evaluation.poison_fractions))
    with evaluation.victim.must(f"{_SAY} `stack_bytes`"):
        return int(evaluation.victim.make().stack_bytes(features, classes, members, kept))


def probe_bytes(configuration: Configuration, features: int) -> int:
    """Bytes of the victim by which a search's trial is probed, beside its generators; 0 where none is."""
    settings = configuration.settings
    if configuration.trial is None or configuration.is_result or not settings.search.stops_early:
        return 0
    return max(victims_bytes(variant.evaluation, settings.task, features, 1) for variant in configuration.variants)


def sweep_bytes(sweep: Sweep, points_of: PointsOf) -> int:
    """Files of a whole sweep; checkpoints, which go, are not counted."""
    return sum(_stored_bytes(c, points_of(c.settings.dataset, c.settings.task)) for c in sweep.configurations)


def _stored_bytes(configuration: Configuration, points: Points) -> int:
    """All replicates' weights, poison set, samples and curve; and the rows of their cells."""
    attack = configuration.settings.attack
    cells = sum(len(v.evaluation.poison_fractions) * v.evaluation.runs for v in configuration.variants)
    kept = cells * (ROW_BYTES + BATCH_BYTES / CELLS_OF_A_BATCH)
    if attack.is_trained:
        samples = poison_set_size(configuration) + len(SAMPLED_REPORTS) * SAMPLES
        numbers = attack.make().stored_numbers(points.features) + samples * points.features
        kept += FLOAT_BYTES * numbers + CURVE_BYTES + RECORD_BYTES
    return round(attack.replicates * kept)


def mlflow_points(configuration: Configuration, iterations: int) -> int:
    """Metric points of a configuration's run and of its generators' (``iterations`` of each)."""
    attack = configuration.settings.attack
    found = attack.replicates * min(REPORTS, iterations) * len(attack.make().metrics) if attack.is_trained else 0
    found += 2  # its `generators` and `victims`
    first = configuration.variants[0].evaluation
    if first.victim.trains:
        found += 1 + (0 in first.poison_fractions)  # the worst and the clean error
    for variant in configuration.variants:
        scores = 3 + 2 * (attack.replicates > 1) if variant.evaluation.victim.trains else 0
        for fraction in variant.evaluation.poison_fractions:
            # Genuine points that are rejected, and by both tails; of poison that too, its AUC and variance.
            found += scores + 2 + 4 * (fraction > 0)
            if variant.evaluation.defence:  # dropped and relabelled, genuine points and poison
                found += 2 + 2 * (fraction > 0)
            if fraction and scores and not configuration.is_control:
                found += EFFECTS * (1 + configuration.settings.controls)
    return found
