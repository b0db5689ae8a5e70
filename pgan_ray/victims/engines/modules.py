"""Training modules of any kind: as one stack, by `torch.func`, where that works for a module; else one by one.

Shapes: R victims, N points of the largest training set, F features, B batch, T test points, K classes. Modules draw
their first weights and their dropout from PyTorch's global generator, which is theirs for that long and put back.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn.utils.rnn import pad_sequence

from pgan_ray.cost.networks import JUDGED_AT_ONCE
from pgan_ray.errors import ContractError, is_of_the_machine, may_be_of_this_place
from pgan_ray.nn import arithmetic
from pgan_ray.spec import AdamSpec, OptimizerSpec
from pgan_ray.spec.seeds import torch_seed
from pgan_ray.victims.engines.reading import log_probabilities
from pgan_ray.victims.engines.scoring import confusion_matrix
from pgan_ray.victims.engines.stack import Batches, Endings
from pgan_ray.victims.interface import Judged, Reading, TorchConfig, TrainingSets, attempted

Points = tuple[Tensor, Tensor]


def judge_modules(
    make: Callable[[], nn.Module],
    training: TrainingSets,
    test: Points,
    *,
    config: TorchConfig,
    classes: int,
    seeds: Sequence[int],
    stack_seed: int,
    device: torch.device,
    precision: str = "float32",
) -> list[Judged]:
    """Train a module of ``make`` on each of the ``training`` sets and judge it on ``test``; as `Victim.judge`."""
    modules = [_made(make, seed, device) for seed in seeds]

    def judged(members: range) -> list[Judged]:
        stack = _Stack([modules[index] for index in members], seed=torch_seed(stack_seed, "modules", members[0]))
        stack.train([training[index] for index in members], config, device)
        return stack.judge(test, classes, device)

    def alone(member: int) -> Judged:
        return judged(range(member, member + 1))[0]

    # Autocast's cache of cast weights outlives the optimiser's steps: all forward passes would see the first ones.
    brief = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False)
    with arithmetic(precision, device), brief:
        if _stacks(modules, test[0], classes, device):
            try:
                return judged(range(len(modules)))
            except Exception as error:
                if is_of_the_machine(error):
                    raise  # any other is told by whose module it is of
        return [attempted(partial(alone, member)) for member in range(len(modules))]


def read_module(
    make: Callable[[], nn.Module],
    training: Points,
    points: Tensor,
    *,
    config: TorchConfig,
    classes: int,
    seed: int,
    device: torch.device,
    precision: str = "float32",
) -> Reading:
    """Train a module of ``make`` and say what it makes of ``points``; as `Victim.read`.

    Its representation is what its last linear layer reads; of a module without one, or with one alone, the points.
    """
    module = _made(make, seed, device)
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    seen: list[Tensor] = []

    def look(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen.append(given[0].detach().flatten(1).float().cpu())

    brief = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False)
    with arithmetic(precision, device), brief:
        stack = _Stack([module], seed=torch_seed(seed, "modules"))
        stack.train([training], config, device)
        hook = layers[-1].register_forward_pre_hook(look) if layers else None
        with torch.no_grad():
            parts = points.split(JUDGED_AT_ONCE)
            logits = torch.cat([stack.logits(p.to(device, copy=True)[None], is_training=False)[0].cpu() for p in parts])
        if hook is not None:
            hook.remove()
    read = torch.cat(seen) if seen else points.clone()
    return Reading(log_probabilities(logits), read if len(read) == len(points) else points.clone())


def _made(make: Callable[[], nn.Module], seed: int, device: torch.device) -> nn.Module:
    with _seeded(seed, device):
        module = make()
    if rule := _no_module(module):
        raise TypeError(rule)
    return module.to(device)


def _no_module(made: object) -> str:
    if isinstance(made, nn.Module):
        return ""
    return f"a module factory must give a torch.nn.Module, got an object of {type(made).__qualname__}"


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.random.manual_seed(seed)
        yield


def check_module(make: Callable[[], nn.Module], points: Tensor, classes: int) -> str:
    """What is wrong with the logits that a module of ``make`` gives for ``points`` (B, F) on the CPU; empty: nothing.

    What the module raises is raised on, but for what `may_be_of_this_place`: workers may have what it asks for.
    """
    device = torch.device("cpu")
    try:
        with _seeded(0, device):
            made = make()
        if rule := _no_module(made):
            return rule
        module = made.to(device)
        try:
            return _wrong_logits(module, points, classes, device)  # one of its own: no copy, which may be large
        except RuntimeError:
            # Of weights that are no float32, which a sweep of the precision `bf16` takes.
            with torch.autocast(device.type, torch.bfloat16), suppress(RuntimeError):
                return _wrong_logits(module, points, classes, device)
            raise
    except Exception as error:
        if may_be_of_this_place(error):
            return ""
        raise


def _wrong_logits(module: nn.Module, points: Tensor, classes: int, device: torch.device) -> str:
    with _seeded(0, device), torch.no_grad():
        logits = module(points)
    if isinstance(logits, Tensor) and logits.shape == (len(points), classes):
        return ""
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__qualname__
    return f"a module must give logits of shape {(len(points), classes)}, got {shape}"


def _stacks(modules: Sequence[nn.Module], x: Tensor, classes: int, device: torch.device) -> bool:
    """Whether `torch.vmap` can do what the modules do, in training; and that they give logits of ``classes``."""
    points = x[:2].to(device, copy=True)
    if rule := _wrong_logits(deepcopy(modules[0]), points, classes, device):
        raise ContractError(rule)
    if len(modules) == 1 or any(next(iter(module.buffers()), None) is not None for module in modules):
        return False  # statistics that a forward pass changes in place
    if any(_trained(module) != _trained(modules[0]) for module in modules):
        return False
    try:
        with _seeded(0, device):
            stack = _Stack(modules[:2], seed=0)
            stack.logits(points.expand(2, -1, -1), is_training=True).sum().backward()
    except Exception:
        return False  # whatever the reason, one by one will tell if it is not the stack's
    return True


def _trained(module: nn.Module) -> set[str]:
    """The names of the parameters that are not frozen."""
    return {name for name, value in module.named_parameters() if value.requires_grad}


class _Stack:
    """Modules of one shape; a stack of one is the module itself."""

    def __init__(self, modules: Sequence[nn.Module], seed: int) -> None:
        self._members, self._seed = len(modules), seed
        self._module = modules[0]
        if self._members == 1:
            self._parameters: Mapping[str, Tensor] = dict(self._module.named_parameters())
            self._base = self._module
        else:
            parameters, _ = stack_module_state(list(modules))
            trained = _trained(self._module)
            self._parameters = {n: value.detach().requires_grad_(n in trained) for n, value in parameters.items()}
            self._base = deepcopy(self._module).to("meta")

    def logits(self, x: Tensor, *, is_training: bool) -> Tensor:
        """(R, B, F) -> (R, B, K)."""
        self._base.train(is_training)
        if self._members == 1:
            found: Tensor = self._module(x[0])
            return found[None]

        def one(parameters: Mapping[str, Tensor], points: Tensor) -> Tensor:
            logits: Tensor = functional_call(self._base, dict(parameters), (points,))
            return logits

        return torch.vmap(one, randomness="different")(self._parameters, x)

    def train(self, training: TrainingSets, config: TorchConfig, device: torch.device) -> None:
        """Each member on its own set, for ``config.epochs`` of its own; it ends as it was then."""
        sizes = torch.tensor([len(x) for x, _ in training], device=device)
        x = pad_sequence([x for x, _ in training], batch_first=True).to(device)
        y = pad_sequence([y for _, y in training], batch_first=True).to(device)
        batches = Batches(sizes, config.batch_size, torch.Generator(device).manual_seed(torch_seed(self._seed, "rows")))
        optimizer = make_optimizer(config.optimizer, [p for p in self._parameters.values() if p.requires_grad])
        members = torch.arange(self._members, device=device)[:, None]
        endings = Endings(batches, config.epochs, config.stop_below, device)
        losses = torch.zeros(self._members, device=device)
        self._finite = torch.ones(self._members, dtype=torch.bool)
        final = {name: value.detach().clone() for name, value in self._parameters.items()}
        with _seeded(self._seed, device):
            for step in range(endings.latest):
                rows, counted, counts = batches.next(step)
                logits = self.logits(x[members, rows], is_training=True)
                targets = y[members, rows]
                each = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
                summed = (each.view_as(targets) * counted).sum(1)
                loss = summed / counts.clamp(min=1)
                optimizer.zero_grad()
                loss.sum().backward()
                optimizer.step()
                losses += loss.detach()
                endings.count(summed.detach())
                if ended := endings.after(step + 1):
                    self._keep(final, ended, losses)
                if endings.all_over:
                    break
        with torch.no_grad():
            for name, value in self._parameters.items():
                value.copy_(final[name])

    def _keep(self, final: Mapping[str, Tensor], ended: list[int], losses: Tensor) -> None:
        for name, value in self._parameters.items():
            if self._members == 1:
                final[name].copy_(value.detach())
            else:
                final[name][ended] = value.detach()[ended]
        self._finite[ended] = losses[ended].isfinite().cpu()

    @torch.no_grad()
    def judge(self, test: Points, classes: int, device: torch.device) -> list[Judged]:
        """Every member on the test points."""
        finite, predicted = self._finite.clone(), []
        for x in test[0].split(JUDGED_AT_ONCE):
            points = x.to(device, copy=True)  # a module may change what it is given, and others are judged on these
            logits = self.logits(points.expand(self._members, -1, -1), is_training=False)
            finite &= logits.isfinite().flatten(1).all(1).cpu()
            predicted.append(logits.argmax(2).cpu())
        labels = torch.cat(predicted, dim=1)
        return [
            Judged(confusion_matrix(test[1], labels[member], classes) if finite[member] else None)
            for member in range(self._members)
        ]


def make_optimizer(spec: OptimizerSpec, parameters: list[Tensor]) -> torch.optim.Optimizer:
    """The optimiser of a section of a sweep file."""
    if isinstance(spec, AdamSpec):
        return torch.optim.Adam(parameters, lr=spec.learning_rate, betas=spec.betas)
    return torch.optim.SGD(parameters, lr=spec.learning_rate, momentum=spec.momentum)
