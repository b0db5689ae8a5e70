"""A sweep against the script that one would write instead: plain PyTorch in a function of Ray Tune, logged to MLflow.

    python infra/benchmarks/plain_script.py --rounds 2

runs the quick profile of `mnist_alpha` by turns, as whole commands: by this script, whose trials train one generator
each and then its victims, and by `pgan-ray sweep`. Networks, iterations, victims, detector and what is logged are the
same; the script has no sample grids, no models, no resume, no report. Prints the seconds of each, and their ratio.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pgan_ray.bench.plain import PlainPGan, PlainVictim
from pgan_ray.data import TaskData, select_task
from pgan_ray.datasets.load import load_dataset
from pgan_ray.spec import EvaluationSpec, Settings, load_sweep

SWEEP = Path(__file__).parents[2] / "sweeps/mnist_alpha.yaml"
REPORTS = 50


def settings_of(overrides: Sequence[str] = ()) -> list[Settings]:
    """Those of each configuration, the control among them."""
    return [one.settings for one in load_sweep(SWEEP, profile="quick", overrides=overrides).configurations]


def generate(settings: Settings, task: TaskData, seed: int, report: Any) -> Tensor | None:
    """The poison of one generator; of the control nothing."""
    spec: Any = settings.attack
    if not spec.is_trained:
        return None
    game = PlainPGan(spec, task, seed=seed)
    average = AveragedModel(game.generator, multi_avg_fn=get_ema_multi_avg_fn(spec.average_decay))
    for iteration in range(1, spec.iterations + 1):
        noise, other = game._noise(2).chunk(2)
        losses = {"discriminator_loss": game.discriminator_step(noise), "classifier_loss": game.classifier_step(other)}
        losses["generator_loss"] = game.generator_step()
        average.update_parameters(game.generator)
        if iteration % max(1, spec.iterations // REPORTS) == 0:
            report({"iteration": iteration, **losses})
    noise = torch.randn(settings.evaluation.poison_set_size, spec.generator.noise_features, generator=game.random)
    with torch.no_grad():
        poison: Tensor = average.module.eval()(noise)
    return poison


def distances(points: Tensor, sample: Tensor, neighbours: int) -> Tensor:
    """Of each of ``points``, its mean distance to the nearest of the ``sample``."""
    return torch.cdist(points, sample).topk(neighbours, largest=False).values.mean(1)


def kept(points: Tensor, trusted: Tensor, detector: Any) -> Tensor:
    """Those of ``points`` that the detector lets pass."""
    sample, rest = trusted[: detector.sample_size], trusted[detector.sample_size :]
    threshold = distances(rest, sample, detector.neighbours).quantile(detector.percentile)
    return points[distances(points, sample, detector.neighbours) <= threshold]


def victim_error(
    evaluation: EvaluationSpec, task: TaskData, poison: Tensor | None, fraction: float, random: np.random.Generator
) -> float:
    """The test error of one victim."""
    classes, trusted = [], evaluation.trusted_per_class
    for label in (0, 1):
        rows = torch.from_numpy(random.permutation(np.flatnonzero(task.train_y == label)))
        points = task.train_x[rows[trusted : trusted + evaluation.train_per_class]]
        if label == task.poison_label:
            replaced = evaluation.poison_count(fraction, 2)
            given = (
                points[:0] if poison is None else poison[torch.from_numpy(random.permutation(len(poison)))[:replaced]]
            )
            points = torch.cat((points[replaced:], given))
        classes.append(kept(points, task.train_x[rows[:trusted]], evaluation.detector))
    x, y = torch.cat(classes), torch.cat([torch.full((len(of),), label) for label, of in enumerate(classes)])
    spec: Any = evaluation.victim
    victim = PlainVictim(spec, task.features, seed=int(random.integers(2**31)))
    victim.train(x, y, spec.epochs)
    with torch.no_grad():
        wrong = (victim.network.eval()(task.test_x).squeeze(1) > 0).long() != task.test_y
    return float(wrong.double().mean())


def trial(config: dict[str, Any], task: TaskData, every: list[Settings]) -> None:
    """One generator, and its victims."""
    from ray import tune

    torch.set_num_threads(1)
    settings, replicate = every[config["configuration"]], config["replicate"]
    torch.manual_seed(replicate)
    poison = generate(settings, task, replicate, tune.report)
    evaluation = settings.evaluation
    for run in range(evaluation.runs):
        for fraction in evaluation.poison_fractions:
            error = victim_error(evaluation, task, poison, fraction, np.random.default_rng((replicate, run)))
            tune.report({"run": run, "poison_fraction": fraction, "test_error": error})


def sweep(folder: Path, overrides: Sequence[str]) -> None:
    """The whole of it on Ray Tune."""
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    every = settings_of(overrides)
    task = select_task(load_dataset(every[0].dataset, seed=0), every[0].task)
    trainable = tune.with_resources(tune.with_parameters(trial, task=task, every=every), {"cpu": 1})
    space = {
        "configuration": tune.grid_search(list(range(len(every)))),
        "replicate": tune.grid_search(list(range(every[0].attack.replicates))),
    }
    callback = MLflowLoggerCallback(tracking_uri=f"sqlite:///{folder}/mlflow.db", experiment_name="plain")
    run_config = tune.RunConfig(storage_path=str(folder), callbacks=[callback], verbose=0)
    results = tune.Tuner(trainable, param_space=space, run_config=run_config).fit()
    assert not results.errors, results.errors[0]


def seconds(command: Sequence[str]) -> float:
    """The wall of a whole command."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    return time.perf_counter() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """Time both by turns, or with ``--out`` run the script's sweep once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, help="run the script's sweep alone, in this folder")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    if given.out is not None:
        sweep(given.out.resolve(), given.overrides)
        return 0
    choices = [part for override in given.overrides for part in ("--set", override)]
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "plain").mkdir()
            plain = seconds([sys.executable, __file__, "--out", f"{folder}/plain", *choices])
            ours = [sys.executable, "-m", "pgan_ray", "sweep", str(SWEEP), "--profile", "quick", *choices]
            ours += ["--out", f"{folder}/ours", "--tracking-uri", f"sqlite:///{folder}/ours.db"]
            own = seconds(ours)
        print(json.dumps({"plain_s": plain, "pgan_ray_s": own, "ratio": plain / own}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
