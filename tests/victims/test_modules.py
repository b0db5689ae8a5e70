"""Victims that are modules of any kind, and objects that know nothing of us."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pgan_ray.errors import DataError
from pgan_ray.registry import VICTIMS
from pgan_ray.victims import Judged, TorchVictim, judge_victims
from pgan_ray.victims.adapters import adapt
from pgan_ray.victims.engines import modules
from tests.science import CPU, blobs

SETS = [blobs(seed=seed) for seed in (1, 2, 3)]
TRAINING = [(task.train_x[: 120 - 30 * index], task.train_y[: 120 - 30 * index]) for index, task in enumerate(SETS)]


class Plain(TorchVictim):
    def module(self, features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
        return nn.Sequential(nn.Linear(features, 8), nn.ReLU(), nn.Linear(8, classes))


class Normed(TorchVictim):
    """Batch norm changes its statistics in place, which `torch.vmap` refuses."""

    def module(self, features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
        return nn.Sequential(nn.Linear(features, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, classes))


def judge(victim: Any, training: list[tuple[Tensor, Tensor]] = TRAINING, **changes: Any) -> list[Judged]:
    config = victim.Config(**{"epochs": 10, "batch_size": 16} | changes)
    return judge_victims(
        config,
        training,
        SETS[0].test_x,
        SETS[0].test_y,
        classes=2,
        image_shape=None,
        seeds=range(len(training)),
        stack_seed=0,
        device=CPU,
    )


def are_right(judged: list[Judged], least: float = 0.9) -> bool:
    """Whether every victim classifies so many of the test points as they are."""
    found = [torch.tensor(matrix) for matrix in matrices(judged)]
    return all(float(matrix.diagonal().sum() / matrix.sum()) >= least for matrix in found)


def matrices(judged: list[Judged]) -> list[list[list[int]]]:
    assert all(one.confusion is not None for one in judged)
    return [one.confusion.tolist() for one in judged if one.confusion is not None]


@pytest.mark.parametrize("victim", [Plain, Normed])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_module_learns_and_the_seeds_decide(victim: Any, optimizer: str) -> None:
    spec = {"name": optimizer, "learning_rate": 0.05}
    before = torch.random.get_rng_state()
    found = judge(victim, optimizer=spec)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert are_right(found)
    assert matrices(judge(victim, optimizer=spec)) == matrices(found)


@pytest.mark.parametrize("victim", [Plain, Normed])
def test_a_module_that_has_learned_ends_early(victim: Any) -> None:
    spec = {"name": "adam", "learning_rate": 0.05}
    one, ten = (matrices(judge(victim, optimizer=spec, epochs=epochs)) for epochs in (1, 10))
    assert matrices(judge(victim, optimizer=spec, stop_below=100.0)) == one != ten
    assert matrices(judge(victim, optimizer=spec, stop_below=1e-9)) == ten


def test_modules_are_stacked_where_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    plain = modules._Stack.train

    def train(self: Any, training: Any, *others: Any) -> None:
        sizes.append(len(training))
        plain(self, training, *others)

    monkeypatch.setattr(modules._Stack, "train", train)
    judge(Plain)
    judge(Normed)
    assert sizes == [3, 1, 1, 1]


def test_brain_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[torch.dtype] = set()

    class Spy(Plain):
        def module(self, features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
            module = super().module(features, classes, image_shape)
            module.register_forward_hook(lambda _module, _inputs, output: seen.add(output.dtype))
            return module

    options: dict[str, Any] = {"classes": 2, "image_shape": None, "stack_seed": 0, "device": CPU}
    config = Spy.Config(epochs=2, batch_size=16)
    for precision in ("float32", "bf16"):
        Spy(config).judge(TRAINING[:1], SETS[0].test_x, SETS[0].test_y, seeds=[1], precision=precision, **options)
    assert seen == {torch.float32, torch.bfloat16}


def test_a_stack_starts_from_what_each_would_start_from_alone() -> None:
    """And without draws of a stack's own, one batch a step, it ends where each would end."""
    full = {"batch_size": 500, "optimizer": {"name": "sgd", "learning_rate": 0.05}}
    together = judge(Plain, epochs=1, **full)
    for index, one in enumerate(together):
        config = Plain.Config(epochs=1, **full)
        (alone,) = Plain(config).judge(
            [TRAINING[index]],
            SETS[0].test_x,
            SETS[0].test_y,
            classes=2,
            image_shape=None,
            seeds=[index],
            stack_seed=0,
            device=CPU,
        )
        assert one.confusion is not None
        assert alone.confusion is not None
        assert torch.equal(one.confusion, alone.confusion)


@pytest.mark.parametrize("victim", [Plain, Normed])
def test_one_that_diverges_does_so_alone(victim: Any) -> None:
    spoiled = [TRAINING[0], (TRAINING[1][0].clone().fill_(float("nan")), TRAINING[1][1])]
    calm, diverged = judge(victim, spoiled, optimizer={"name": "sgd", "learning_rate": 0.05})
    assert calm.confusion is not None
    assert diverged == Judged(None)


def test_what_a_module_gives_is_looked_at() -> None:
    class Narrow(TorchVictim):
        def module(self, features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
            return nn.Linear(features, 1)

    class Nothing(TorchVictim):
        def module(self, features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
            return 3  # type: ignore[return-value]

    with pytest.raises(ValueError, match=r"must give logits of shape \(2, 2\), got \(2, 1\)"):
        judge(Narrow)
    with pytest.raises(TypeError, match=r"must give a torch\.nn\.Module, got an object of int"):
        judge(Nothing)


class Frozen(TorchVictim):
    """Its first layer stays as it was made; with ``one``, of one member alone."""

    made: list[nn.Module]
    one = False

    def module(self, features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
        layers = nn.Sequential(nn.Linear(features, 8), nn.ReLU(), nn.Linear(8, classes))
        layers[0].requires_grad_(self.one and bool(self.made))
        self.made.append(layers)
        return layers


@pytest.mark.parametrize("one", [False, True])
def test_what_a_module_froze_stays_as_it_is(monkeypatch: pytest.MonkeyPatch, one: bool) -> None:
    monkeypatch.setattr(Frozen, "made", [], raising=False)
    monkeypatch.setattr(Frozen, "one", one)
    sizes: list[int] = []
    plain = modules._Stack.train

    def train(self: Any, training: Any, *others: Any) -> None:
        before = {name: value.detach().clone() for name, value in self._parameters.items()}
        plain(self, training, *others)
        stayed = {name for name, value in self._parameters.items() if torch.equal(value, before[name])}
        is_free = one and bool(sizes)
        assert stayed == (set() if is_free else {"0.weight", "0.bias"})
        sizes.append(len(training))

    monkeypatch.setattr(modules._Stack, "train", train)
    judge(Frozen)
    assert sizes == ([1, 1, 1] if one else [3])


class Wary(nn.Module):
    """Refuses some points, and cannot be stacked."""

    def __init__(self, features: int, classes: int, image_shape: tuple[int, int] | None) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, 8), nn.BatchNorm1d(8), nn.Linear(8, classes))

    def forward(self, x: Tensor) -> Tensor:
        if x.isnan().any():
            raise ZeroDivisionError("not these")
        out: Tensor = self.layers(x)
        return out


def test_one_module_that_cannot_be_trained_fails_alone() -> None:
    victim = adapt("mine:Wary", Wary)
    spoiled = [TRAINING[0], (TRAINING[1][0].clone().fill_(float("nan")), TRAINING[1][1])]
    calm, failed = judge(victim, spoiled)
    assert calm.confusion is not None
    assert failed.confusion is None
    assert failed.message.endswith("ZeroDivisionError: not these")


class Scales(nn.Module):
    """Changes the points that it is given."""

    def __init__(self, features: int, classes: int, image_shape: tuple[int, int] | None) -> None:
        super().__init__()
        self.layer = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x.mul_(-2))
        return out


class Shifts:
    """Changes the points that it is given, with scikit-learn's interface."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> None:
        self.means = np.stack([x[y == label].mean(0) for label in np.unique(y)])

    def predict(self, x: np.ndarray) -> np.ndarray:
        found: np.ndarray = ((x[:, None] - self.means) ** 2).sum(2).argmin(1)
        x *= -2
        return found


@pytest.mark.parametrize("found", [Scales, Shifts])
def test_what_a_victim_does_to_the_test_points_is_nobody_elses(found: Any) -> None:
    victim = adapt("mine:Spoils", found)
    assert victim is not None
    before = SETS[0].test_x.clone()
    test = SETS[0].test_x, SETS[0].test_y
    options: dict[str, Any] = {"classes": 2, "image_shape": None, "stack_seed": 0, "device": CPU}
    config = victim.Config(**({"optimizer": {"learning_rate": 0.05}} if found is Scales else {}))
    assert are_right(judge_victims(config, [TRAINING[0]] * 2, *test, seeds=range(2), **options))
    assert torch.equal(SETS[0].test_x, before)


def one_logit(features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
    return nn.Linear(features, 1)


def of_images(features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
    return nn.Linear(784, classes)


def for_gpus(features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
    class Fused(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("Expected x.is_cuda() to be true")

    return Fused()


def check(found: Any) -> None:
    victim = adapt("m:found", found)
    assert victim is not None
    victim.Config().make().check(SETS[0])


def test_a_module_is_tried_on_two_points_before_anything_starts() -> None:
    check(lambda features, classes, image_shape: nn.Linear(features, classes))
    with pytest.raises(
        DataError, match=r"the victim `m:found`: a module must give logits of shape \(2, 2\), got \(2, 1\)"
    ):
        check(one_logit)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        check(of_images)


def on_a_gpu(features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
    return nn.Linear(features, classes, device="cuda:9")


def if_there_is_a_gpu(features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
    assert torch.cuda.device_count() > 9
    return nn.Linear(features, classes)


def of_a_package(features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
    raise ModuleNotFoundError("No module named 'flash_attn'")


def of_a_file(features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
    raise FileNotFoundError("weights.pt")


def of_bfloat16(features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
    return nn.Linear(features, classes, dtype=torch.bfloat16)


@pytest.mark.parametrize("found", [for_gpus, on_a_gpu, if_there_is_a_gpu, of_a_package, of_a_file, of_bfloat16])
def test_a_module_that_wants_what_may_be_on_a_worker_is_left_to_the_workers(found: Any) -> None:
    check(found)


def test_a_factory_of_no_module_is_told_of_before_anything_starts() -> None:
    with pytest.raises(DataError, match=r"^the victim `m:found`: a module factory must give a torch.nn.Module, got an"):
        check(lambda features, classes, image_shape: None)


def test_trying_a_module_draws_nothing_from_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    check(lambda features, classes, image_shape: nn.Linear(features, classes))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_convolutional_network_reads_images() -> None:
    cnn = VICTIMS.get("cnn")
    random = torch.Generator().manual_seed(0)
    y = torch.arange(2).repeat(40)
    x = 0.3 * torch.randn(80, 8, 8, generator=random)
    x[y == 0, :4] += 1
    x[y == 1, :, :4] += 1
    x = x.flatten(1)
    options: dict[str, Any] = {"classes": 2, "image_shape": (8, 8), "stack_seed": 0, "device": CPU}
    config = cnn.Config(epochs=10, channels=[4, 8], batch_size=20, optimizer={"learning_rate": 0.01})
    assert are_right(judge_victims(config, [(x, y), (x[:60], y[:60])], x, y, seeds=[1, 2], **options))
    with pytest.raises(DataError, match="`cnn` must have images of at least 4 x 4, got points without a shape"):
        cnn(cnn.Config()).check(SETS[0])


UNWRITABLE = object()


class Nearest:
    """A nearest-mean classifier that knows nothing of us."""

    def __init__(self, power: float = 2.0, *, random_state: int | None = None, order: Any = UNWRITABLE) -> None:
        self.power, self.random_state = power, random_state

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Nearest":
        assert isinstance(self.random_state, int)
        self.means = np.stack([x[y == label].mean(0) for label in np.unique(y)])
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        return (np.abs(x[:, None] - self.means) ** self.power).sum(2).argmin(1)


class Tiny(nn.Module):
    """A module class as a factory."""

    def __init__(self, features: int, classes: int, image_shape: tuple[int, int] | None, hidden: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


def factory(features: int, classes: int, image_shape: tuple[int, int] | None) -> nn.Module:
    """A function as a factory."""
    return nn.Linear(features, classes)


def test_a_class_with_fit_and_predict_is_a_victim_with_its_arguments_for_keys() -> None:
    victim = adapt("mine:Nearest", Nearest)
    assert victim is not None
    assert list(victim.Config.model_fields) == ["name", "power", "order"]
    assert (victim.name, victim.label) == ("mine:Nearest", "Nearest")
    config = victim.Config(power=1.0)
    assert config.make().estimator(3, 10).power == 1.0
    assert config.make().estimator(3, 10).random_state == 3
    test = SETS[0].test_x, SETS[0].test_y
    options: dict[str, Any] = {"classes": 2, "image_shape": None, "stack_seed": 0, "device": CPU}
    assert are_right(judge_victims(config, TRAINING, *test, seeds=range(3), **options))


@pytest.mark.parametrize("made", [Tiny, factory])
def test_a_module_factory_is_a_victim(made: Any) -> None:
    victim = adapt("mine:made", made)
    assert victim is not None
    assert {"optimizer", "epochs", "batch_size"} <= victim.Config.model_fields.keys()
    assert ("hidden" in victim.Config.model_fields) == (made is Tiny)
    assert are_right(judge(victim, optimizer={"name": "adam", "learning_rate": 0.1}))


@pytest.mark.parametrize("other", [3, object, len, lambda x: x, nn.Linear, np.ndarray])
def test_what_is_nothing_of_the_kind(other: Any) -> None:
    assert adapt("other", other) is None


def test_scikit_learns_own_classes_are_victims_by_their_import_path() -> None:
    found = VICTIMS.get("sklearn.tree:DecisionTreeClassifier")
    assert found.Config(max_depth=2).make().estimator(1, 10).max_depth == 2
    assert VICTIMS.config("sklearn.tree:DecisionTreeClassifier")().name == "sklearn.tree:DecisionTreeClassifier"
