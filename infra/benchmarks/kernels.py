"""The operators, and of these the kernels, that a GPU is given for a step of either training, counted without a GPU.

    python infra/benchmarks/kernels.py

runs the path of a GPU, a whole stack at once, on the CPU at a small size, and counts what PyTorch dispatches: what only
looks at memory anew, or makes room, launches nothing. An operator that launches more than one kernel counts as one.
`tests/infra/test_kernels.py` holds the cost model to these counts.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pgan_ray.attacks import Member
from pgan_ray.attacks.engines import pgan
from pgan_ray.data import TaskData
from pgan_ray.nn import Passes
from pgan_ray.spec import Settings, load_sweep
from pgan_ray.victims.engines import stack

CPU = torch.device("cpu")
SWEEP = Path(__file__).parents[2] / "sweeps/mnist_alpha.yaml"
SHAPES = ("attack.batch_size=8", "evaluation.victim.batch_size=8", "evaluation.victim.epochs=100")
NARROW = ("generator", "discriminator", "classifier")
STEPS = 8
_ROOM = ("empty", "empty_like", "empty_strided", "new_empty", "set_", "lift_fresh", "detach")


class Dispatched(TorchDispatchMode):
    """Counts what is dispatched within. ``calls`` and ``kernels``: by the operator's name."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.kernels = Counter[str](), Counter[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.partition("::")[2]
        self.calls[name] += 1
        if not _is_view(func) and name not in _ROOM:
            self.kernels[name] += 1
        return func(*args, **(kwargs or {}))


def _is_view(func: Any) -> bool:
    """Whether what ``func`` returns is memory of its arguments that it does not write."""
    returned = [value.alias_info for value in func._schema.returns]
    return bool(returned) and all(alias is not None and not alias.is_write for alias in returned)


@contextmanager
def as_on_a_gpu() -> Any:
    """Within: whole stacks are one part, as they are on a GPU."""
    whole = partial(Passes, by_member=False)
    with patch.object(pgan, "Passes", whole), patch.object(stack, "Passes", whole):
        yield


def count(run: Callable[[int], None]) -> tuple[float, float, Counter[str]]:
    """Operators and kernels of one step of ``run``, and the kernels by operator in `STEPS` of them."""
    run(2)
    with Dispatched() as seen:
        run(STEPS)
    return seen.calls.total() / STEPS, seen.kernels.total() / STEPS, seen.kernels


def settings(*overrides: str) -> Settings:
    """Those of Table 3 and 4 with narrow layers: how many kernels there are does not depend on the width."""
    narrow = [f"attack.{name}.widths=[8,8]" for name in NARROW]
    sweep = load_sweep(SWEEP, profile="paper", overrides=[*SHAPES, *narrow, *overrides])
    return sweep.configurations[0].settings


def trainings(precision: str, *overrides: str) -> dict[str, Callable[[int], None]]:
    """What runs so many iterations of pGAN, and so many steps of victims, of a stack of two."""
    found = settings(*overrides)
    x = torch.rand(80, 784, generator=torch.Generator().manual_seed(0)) * 2 - 1
    y = torch.arange(80) % 2
    task = TaskData(x, y, x, y, (3, 5), 1, 0, (28, 28))
    members = [Member(r, 0, found.attack) for r in range(2)]
    victim = found.evaluation.victim.make().network
    with as_on_a_gpu():
        generators = pgan.PGan(found.attack, members, task, device=CPU, precision=precision)
        victims = stack.VictimTraining(
            victim,
            x[:40].expand(2, -1, -1),
            y[:40].expand(2, -1),
            [40, 36],
            classes=2,
            initial_seeds=[0, 1],
            stack_seed=0,
            device=CPU,
            precision=precision,
        )
    return {"pGAN iteration": generators.train, "victim step": victims.run}


def main() -> None:
    """Print a line for each training and precision, then the operators behind the kernels."""
    for precision in ("float32", "bf16"):
        for name, run in trainings(precision).items():
            calls, kernels, by_name = count(run)
            most = ", ".join(f"{of} {number / STEPS:.3g}" for of, number in by_name.most_common(12))
            print(f"{name}, {precision}: {kernels:.0f} kernels, {calls:.0f} operators ({most})")


if __name__ == "__main__":
    main()
