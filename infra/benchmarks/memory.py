"""The peak memory of real stacks, and what the model (components' `stack_bytes`) says of them.

    python infra/benchmarks/memory.py

trains stacks at the shapes of `sweeps/`, on random points, each in a process of its own, and prints a line for each:
by how much the process grew at its largest, from a first tensor on. Linux only.
"""

import json
import subprocess
import sys
from pathlib import Path

import torch

from pgan_ray.attacks import Member, make_attack
from pgan_ray.cost import kept_size, known_points
from pgan_ray.cost.sweep import generators_bytes, victims_bytes
from pgan_ray.data import TaskData
from pgan_ray.spec import Configuration, load_sweep
from pgan_ray.victims import judge_victims

SWEEPS = Path(__file__).parents[2] / "sweeps"
STACKS = (
    ("victims", "mnist_alpha", "paper", 10),
    ("victims", "mnist_alpha", "paper", 90),
    ("victims", "mnist_alpha", "quick-full", 10),
    ("victims", "mnist_alpha", "quick-full", 90),
    ("victims", "mnist_targeted", "paper", 10),
    ("victims", "mnist_targeted", "quick", 10),
    ("generators", "mnist_alpha", "paper", 1),
    ("generators", "mnist_alpha", "paper", 5),
    ("generators", "mnist_alpha", "quick-full", 1),
    ("generators", "mnist_alpha", "quick-full", 5),
)
TRAINING_POINTS, TEST_POINTS = 1000, 1000  # of a class
CPU = torch.device("cpu")


def peak(kind: str, sweep: str, profile: str, members: int) -> dict[str, object]:
    """Bytes by which this process grows while it trains one stack, and those of the model."""
    configuration = load_sweep(SWEEPS / f"{sweep}.yaml", profile=profile).configurations[0]
    task = random_task(configuration)
    layer = torch.nn.Linear(512, 512)
    layer(torch.rand(512, 512)).sum().backward()  # threads and libraries start
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = of_this_process("VmRSS")
    model = (generators if kind == "generators" else victims)(configuration, task, members)
    return {
        "stack": f"{members} {kind}, {sweep} {profile}",
        "peak_mb": round((of_this_process("VmHWM") - before) / 1e6),
        "model_mb": round(model / 1e6),
    }


def generators(configuration: Configuration, task: TaskData, members: int) -> int:
    """Train and sample generators; returns the model's bytes."""
    settings, poison = configuration.settings, configuration.variants[0].evaluation.poison_set_size
    every = [Member(r, r, settings.attack) for r in range(members)]
    stack = make_attack(settings.attack).train(every, task, device=CPU, precision="float32")
    stack.train(2)
    stack.sample(poison, "poison")
    return generators_bytes(settings.attack, settings.task, task.features, members, poison)


def victims(configuration: Configuration, task: TaskData, members: int) -> int:
    """Train victims for an epoch, and judge them; returns the model's bytes."""
    evaluation, classes = configuration.variants[0].evaluation, len(task.classes)
    size = kept_size(evaluation, classes, max(evaluation.poison_fractions))
    judge_victims(
        evaluation.victim.model_copy(update={"epochs": 1}),
        [(torch.rand(size, task.features), torch.randint(classes, (size,))) for _ in range(members)],
        task.test_x,
        task.test_y,
        classes=classes,
        image_shape=task.image_shape,
        seeds=range(members),
        stack_seed=0,
        device=CPU,
    )
    return victims_bytes(evaluation, configuration.settings.task, task.features, members)


def random_task(configuration: Configuration) -> TaskData:
    """Random points in the place of the data: as wide, and of as many classes."""
    spec, points = configuration.settings.task, known_points(configuration.settings.dataset)
    assert points is not None
    labels = torch.arange(len(spec.labels))
    return TaskData(
        train_x=torch.rand(len(labels) * TRAINING_POINTS, points.features),
        train_y=labels.repeat_interleave(TRAINING_POINTS),
        test_x=torch.rand(len(labels) * TEST_POINTS, points.features),
        test_y=labels.repeat_interleave(TEST_POINTS),
        classes=tuple(spec.labels),
        poison_label=spec.labels.index(spec.poison_class),
        source_label=spec.labels.index(spec.source_class),
        image_shape=None,
    )


def of_this_process(name: str) -> int:
    """Bytes, as the kernel counts them: ``VmRSS`` now, ``VmHWM`` at most."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])


def main() -> None:
    """Each stack in a process of its own; or, with its words as arguments, one in this process."""
    if len(sys.argv) > 1:
        kind, sweep, profile, members = sys.argv[1:]
        print(json.dumps(peak(kind, sweep, profile, int(members))))
        return
    print(f"{'stack':45} {'peak, MB':>9} {'model, MB':>9}")
    for stack in STACKS:
        done = subprocess.run([sys.executable, __file__, *map(str, stack)], check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        print(f"{found['stack']:45} {found['peak_mb']:9,} {found['model_mb']:9,}", flush=True)


if __name__ == "__main__":
    main()
