"""What a victim is: a classifier that is trained on several training sets and judged on clean test points.

Shapes: R victims, N points of a training set (which may differ), T test points, F features, K classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from pgan_ray.errors import ContractError, DataError, is_of_the_machine, traceback_of
from pgan_ray.spec import AdamSpec, Component, OptimizerSpec, TrainedNetworkSpec, VictimConfig
from pgan_ray.spec.network import OPTIMIZERS, StopBelow
from pgan_ray.spec.one_of import OneOf
from pgan_ray.spec.seeds import numpy_generator

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from pgan_ray.cost import Work
    from pgan_ray.data import TaskData

Boundary = tuple[float, float, float]
TrainingSets = Sequence[tuple["Tensor", "Tensor"]]


@dataclass(frozen=True)
class Judged:
    """How one victim did on the test points.

    ``confusion``: (K, K) counts, true label by row and predicted label by column; None if it diverged or failed.
    ``boundary``: for logistic regression in the plane, (a, b, c) of the line a x + b y + c = 0 between two classes.
    ``message``: why the victim could not be trained or judged; empty if it could.
    """

    confusion: "Tensor | None"
    boundary: Boundary | None = None
    message: str = ""


@dataclass(frozen=True)
class Reading:
    """What a trained victim says of N points.

    ``log_probabilities``: (N, K) natural logarithms of the classes' probabilities. ``representation``: (N, D) inputs of
    the victim's last layer; for a victim without hidden layers, the points themselves.
    """

    log_probabilities: "Tensor"
    representation: "Tensor"


class Victim(Component):
    """A classifier that is trained on poisoned data: the base class of all victims.

    ``trains``: whether there is a victim at all (only `none` has none). ``uses_gpu``: whether its evaluators request a
    GPU.
    """

    Config: ClassVar[type[VictimConfig]] = VictimConfig
    trains: ClassVar[bool] = True
    uses_gpu: ClassVar[bool] = True
    accepts: ClassVar[str] = "a class with scikit-learn's `fit` and `predict`, or a torch module factory"

    def __init__(self, config: VictimConfig) -> None:
        self.config = config

    @property
    def network(self) -> TrainedNetworkSpec | None:
        """The network of each victim, if victims are multilayer perceptrons trained as one stack; else None."""
        return None

    def judge(
        self,
        training: TrainingSets,
        test_x: "Tensor",
        test_y: "Tensor",
        *,
        classes: int,
        image_shape: tuple[int, int] | None,
        seeds: Sequence[int],
        stack_seed: int,
        device: "torch.device",
        precision: str = "float32",
    ) -> list[Judged]:
        """Train one victim on each of the R ``training`` sets and judge it on the test points.

        Args:
            training: R pairs of points (N, F), float32, and labels (N,), int64 from 0 to K - 1; N may differ.
            test_x: (T, F) clean test points.
            test_y: (T,) their labels.
            classes: K.
            image_shape: (H, W) if a point is an image, else None.
            seeds: R seeds, one for the random draws of each victim.
            stack_seed: the seed for draws that victims share when they are trained as one stack.
            device: where to compute.
            precision: the sweep's ``precision``.

        Returns:
            One `Judged` for each training set, in their order.
        """
        raise NotImplementedError

    def read(
        self,
        x: "Tensor",
        y: "Tensor",
        points: "Tensor",
        *,
        classes: int,
        image_shape: tuple[int, int] | None,
        seed: int,
        device: "torch.device",
        precision: str = "float32",
    ) -> Reading:
        """Train one victim on ``x`` (N, F) and ``y`` (N,), and return what it says of the ``points`` (any number, F).

        Some defences need it; others never call it. The other arguments are those of `judge`.
        """
        raise NotImplementedError(f"the victim `{self.name}` must have a method `read`, because a defence uses it")

    def check(self, task: "TaskData") -> None:
        """Check, before anything starts, that victims can be trained on ``task``. Raises `DataError` if not."""

    def work(self, features: int, classes: int, points: int, tested: int) -> "Work":
        """A rough cost of training one victim on ``points`` and judging it on ``tested`` points; it sizes batches."""
        from pgan_ray.cost import Work

        return Work(host_flop=100.0 * features * (points + tested))

    def stack_bytes(self, features: int, classes: int, members: int, points: int) -> int:
        """Memory in bytes of ``members`` victims with ``points`` training points each, their training sets included."""
        from pgan_ray.cost.networks import one_by_one

        return one_by_one(features, members, points)


def attempted(judge: Callable[[], Judged]) -> Judged:
    """The result of ``judge``, or a `Judged` that says why it raised: victims trained one by one fail one by one."""
    try:
        return judge()
    except (Exception, SystemExit) as error:
        if is_of_the_machine(error):
            raise
        return Judged(None, message=traceback_of(error))


class SklearnVictim(Victim):
    """A victim that is a classifier with scikit-learn's `fit` and `predict`, trained on a CPU."""

    uses_gpu: ClassVar[bool] = False

    def estimator(self, random_state: int, points: int) -> Any:
        """A new, unfitted classifier for ``points`` training points; ``random_state`` is an int for scikit-learn."""
        raise NotImplementedError

    def judge(
        self,
        training: TrainingSets,
        test_x: "Tensor",
        test_y: "Tensor",
        *,
        classes: int,
        image_shape: tuple[int, int] | None,
        seeds: Sequence[int],
        stack_seed: int,
        device: "torch.device",
        precision: str = "float32",
    ) -> list[Judged]:
        """As `Victim.judge`: the victims are trained one after the other."""
        from pgan_ray.victims.engines.scoring import confusion_matrix

        def one(x: "Tensor", y: "Tensor", seed: int) -> Judged:
            return Judged(confusion_matrix(test_y, self._predict(x, y, test_x, seed, classes), classes))

        return [attempted(partial(one, x, y, seed)) for (x, y), seed in zip(training, seeds, strict=True)]

    def read(
        self,
        x: "Tensor",
        y: "Tensor",
        points: "Tensor",
        *,
        classes: int,
        image_shape: tuple[int, int] | None,
        seed: int,
        device: "torch.device",
        precision: str = "float32",
    ) -> Reading:
        """As `Victim.read`, from `predict_proba` if there is one, else `decision_function`, else `predict`."""
        from pgan_ray.victims.engines.reading import read_estimator

        model = self.estimator(self._random_state(seed), len(x))
        return Reading(read_estimator(model, x, y, points, classes), points.clone())

    def _random_state(self, seed: int) -> int:
        return int(numpy_generator(seed, "transfer", self.config.name).integers(2**31))

    def _predict(self, x: "Tensor", y: "Tensor", test_x: "Tensor", seed: int, classes: int) -> "Tensor":
        """(T,) labels of the points ``test_x`` (T, F), by a classifier trained on ``x`` (N, F), ``y`` (N,)."""
        import torch

        labels = y.unique()
        if len(labels) == 1:
            # Detectors and poison can leave one class alone; not every classifier takes that.
            return torch.full((len(test_x),), int(labels))
        model = self.estimator(self._random_state(seed), len(x))
        model.fit(x.numpy(), y.numpy())
        # A copy: a classifier may change what it is given, and others are judged on these points.
        predicted = np.asarray(model.predict(test_x.numpy().copy()))
        if predicted.shape != (len(test_x),):
            raise ContractError(f"`predict` must give a label for each of {len(test_x)} points, got {predicted.shape}")
        found = np.unique(predicted)
        unknown = found[~np.isin(found, np.arange(classes))]
        if len(unknown):
            raise ContractError(f"`predict` must give labels from 0 to {classes - 1}, got {unknown[:5].tolist()}")
        return torch.from_numpy(predicted.astype(np.int64))


class TorchConfig(VictimConfig):
    """How a torch module is trained."""

    optimizer: Annotated[OptimizerSpec, OneOf(OPTIMIZERS, {"name": "adam", "learning_rate": 1e-3})] = Field(
        default=AdamSpec(learning_rate=1e-3), description="How it is trained."
    )
    epochs: int = Field(default=20, ge=1, description="Passes over the victim's training set.")
    batch_size: int = Field(default=100, ge=1, description="Points of one step.")
    stop_below: StopBelow = None


class TorchVictim(Victim):
    """A victim that is any `torch.nn.Module`, trained by pgan-ray's own loop."""

    Config: ClassVar[type[TorchConfig]] = TorchConfig
    config: TorchConfig

    def module(self, features: int, classes: int, image_shape: tuple[int, int] | None) -> "torch.nn.Module":
        """A new module that maps points (B, ``features``) to logits (B, ``classes``)."""
        raise NotImplementedError

    def check(self, task: "TaskData") -> None:
        """Check that `module` returns a module with logits for the task's classes. Raises `DataError` if not."""
        from pgan_ray.victims.engines.modules import check_module

        classes = len(task.classes)
        make = partial(self.module, task.features, classes, task.image_shape)
        if rule := check_module(make, task.test_x[:2].clone(), classes):
            raise DataError(f"the victim `{self.name}`: {rule}")

    def judge(
        self,
        training: TrainingSets,
        test_x: "Tensor",
        test_y: "Tensor",
        *,
        classes: int,
        image_shape: tuple[int, int] | None,
        seeds: Sequence[int],
        stack_seed: int,
        device: "torch.device",
        precision: str = "float32",
    ) -> list[Judged]:
        """As `Victim.judge`: the victims are trained as one stack if `torch.vmap` supports the module, else in turn."""
        from pgan_ray.victims.engines.modules import judge_modules

        features = int(test_x.shape[1])
        return judge_modules(
            lambda: self.module(features, classes, image_shape),
            training,
            (test_x, test_y),
            config=self.config,
            classes=classes,
            seeds=seeds,
            stack_seed=stack_seed,
            device=device,
            precision=precision,
        )

    def read(
        self,
        x: "Tensor",
        y: "Tensor",
        points: "Tensor",
        *,
        classes: int,
        image_shape: tuple[int, int] | None,
        seed: int,
        device: "torch.device",
        precision: str = "float32",
    ) -> Reading:
        """As `Victim.read`, from the module's logits and the inputs of its last linear layer."""
        from pgan_ray.victims.engines.modules import read_module

        return read_module(
            lambda: self.module(int(x.shape[1]), classes, image_shape),
            (x, y),
            points,
            config=self.config,
            classes=classes,
            seed=seed,
            device=device,
            precision=precision,
        )

    def work(self, features: int, classes: int, points: int, tested: int) -> "Work":
        """A guess: a thousand multiplications for each feature of each point."""
        from pgan_ray.cost import Work

        steps = self.config.epochs * -(-points // self.config.batch_size)
        flop = 2000.0 * features * (3 * points * self.config.epochs + tested)
        return Work(flop, flop / 10, 50.0 * steps)


def judge_victims(config: VictimConfig, training: TrainingSets, *args: Any, **options: Any) -> list[Judged]:
    """As `Victim.judge`, for the victim that ``config``, a section of a sweep file, describes."""
    victim: Victim = config.make()
    return victim.judge(training, *args, **options)
