"""Of a sweep's trials and batches, what decides the time that they take."""

from dataclasses import dataclass
from typing import Any

from pgan_ray.cost import (
    Points,
    cell_work,
    kept_size,
    poisoned_size,
    stack_of_generators,
    stack_of_victims,
)
from pgan_ray.spec import EvaluationSpec, Settings, StageResources, TrainedNetworkSpec

Key = tuple[Any, ...]


@dataclass(frozen=True)
class TrialShape:
    """A stack of replicates whose iteration is timed."""

    settings: Settings
    points: Points
    members: int

    @property
    def key(self) -> Key:
        """What decides its time for an iteration."""
        shape = self.settings.attack.model_dump_json(
            exclude={"alpha", "lambda_prior", "replicates", "epochs", "iterations", "average_decay"}
        )
        classes = len(self.settings.task.surrogate.classes)
        features = self.points.features
        return ("trial", shape, self.settings.precision, features, classes, self.members, self.threads)

    @property
    def threads(self) -> int:
        """That it is trained with."""
        return _threads(self.settings.resources.trial)

    @property
    def flop(self) -> float:
        """Of an iteration of one member."""
        classes = len(self.settings.task.surrogate.classes)
        return float(self.settings.attack.make().iteration_work(self.points.features, classes).flop)

    @property
    def bytes(self) -> int:
        """That a run of one member takes, by the model that sizes stacks."""
        classes, features = len(self.settings.task.surrogate.classes), self.points.features
        return stack_of_generators(self.settings.attack, features, classes, 1, 1) + _judged_bytes(self.points)


@dataclass(frozen=True)
class BatchShape:
    """A stack of victims whose epoch is timed, and the preparation of one of its cells."""

    settings: Settings
    evaluation: EvaluationSpec
    points: Points
    members: int
    fraction: float

    @property
    def key(self) -> Key:
        """What decides its time for an epoch, and for a cell's preparation."""
        shape = self.evaluation.model_dump_json(
            exclude={"poison_fractions": True, "runs": True, "poison_set_size": True, "victim": {"epochs"}}
        )
        classes = len(self.settings.task.classes)
        size = poisoned_size(self.evaluation, classes, self.fraction)
        features = self.points.features
        return ("batch", shape, self.settings.precision, features, classes, size, self.members, self.threads)

    @property
    def threads(self) -> int:
        """That it is trained with."""
        return _threads(self.settings.resources.evaluator)

    @property
    def flop(self) -> float:
        """Of a cell."""
        work = cell_work(self.evaluation, self.settings.task, self.points, self.fraction)
        return work.flop + work.host_flop

    @property
    def bytes(self) -> int:
        """That a run of one member takes, by the model that sizes stacks, with the points that it is judged on."""
        evaluation, features = self.evaluation, self.points.features
        classes = len(self.settings.task.classes)
        size = kept_size(evaluation, classes, self.fraction)
        drawn = classes * evaluation.trusted_per_class + 3 * evaluation.poison_set_size
        stack = stack_of_victims(evaluation, features, classes, 1, size)
        return stack + 4 * features * drawn + _judged_bytes(self.points)

    @property
    def network(self) -> TrainedNetworkSpec | None:
        """The networks that are trained, where its victims are a stack of these."""
        network: TrainedNetworkSpec | None = self.evaluation.victim.make().network
        return network

    @property
    def is_stack(self) -> bool:
        """Whether its victims are trained as one stack, and not one by one, or not at all."""
        return self.network is not None

    @property
    def epochs(self) -> int:
        """Of its victims; 1 where these are not a stack."""
        return self.network.epochs if self.network is not None else 1


def family(shape: TrialShape | BatchShape) -> str:
    """Shapes of one family take times in proportion to their operations."""
    return "trial" if isinstance(shape, TrialShape) else "stack" if shape.is_stack else kind(shape)


def kind(shape: TrialShape | BatchShape) -> str:
    """The name of its victims; none of a trial."""
    return shape.evaluation.victim.name if isinstance(shape, BatchShape) else ""


def whole(shape: TrialShape | BatchShape) -> float:
    """Operations of its loop's unit, of all members; at least one."""
    if isinstance(shape, TrialShape):
        return shape.members * shape.flop
    return max(1.0, shape.members * shape.flop / shape.epochs)


def _judged_bytes(points: Points) -> int:
    return 4 * points.features * sum(points.test.values())


def _threads(stage: StageResources) -> int:
    # As a worker takes them of its grant.
    return max(1, int(stage.cpu))
