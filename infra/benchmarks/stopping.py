"""What stopping poor trials is worth at equal compute, by a search that stopped none of them.

    pgan-ray sweep mnist_worst_case --profile quick --set search.method=random --set search.start=[] \\
      --set search.scheduler=successive_halving --set search.rungs=[0.1,0.25,0.5] --set search.keep=0.999 --out DIR
    python infra/benchmarks/stopping.py DIR

replays rules over the trials of DIR, each of which has its probes and its scores, in orders drawn at random. It prints
for each rung how well its probe tells the end, and for each budget and rule the mean over the orders of the harm of the
best feasible trial that was completed within it, in points, 0 where there was none. A budget is so many whole trials'
time: a rule that stops trials tries more of them for it, and pays for their probes. Trials must have been drawn at
random, else an order says something of them.
"""

import argparse
import json
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pgan_ray.results import Directory, Store, Trial, read_sweep, read_trials
from pgan_ray.search import going_on
from pgan_ray.spec import SearchSpec, trial_id

ORDERS = 1000
RULES: dict[str, tuple[float, tuple[float, ...]]] = {  # name -> keep, rungs
    "none": (0.5, ()),
    "half at 0.1": (0.5, (0.1,)),
    "half at 0.25": (0.5, (0.25,)),
    "half at 0.5": (0.5, (0.5,)),
    "half at 0.25 and 0.5": (0.5, (0.25, 0.5)),
    "third at 0.25": (0.34, (0.25,)),
}


@dataclass(frozen=True)
class Costs:
    """Seconds of a trial: of its training, of one probe, of all its victims."""

    training: float
    probe: float
    victims: float


def replay(
    spec: SearchSpec, trials: Sequence[Trial], costs: Costs, keep: float, rungs: Sequence[float], budget: float
) -> tuple[float | None, int]:
    """The harm of the best feasible trial that is complete within ``budget`` seconds, and how many were tried.

    ``trials``: in the order in which they are asked for, in the waves of ``spec``; each with probes at its rungs.
    """
    at = [spec.rungs.index(rung) for rung in rungs]
    rule = spec.model_copy(update={"keep": keep})
    best, spent = None, 0.0
    done: list[Trial] = []
    for first in range(0, len(trials), spec.parallel):
        wave = trials[first : first + spec.parallel]
        # Only the rule's own rungs, so that an index of one is an index of the other.
        asked = [replace(one, key=("trial", first + k), probes=()) for k, one in enumerate(wave)]
        alive, trained = list(range(len(wave))), 0.0
        for index, rung in enumerate(rungs):
            for k in alive:
                asked[k] = replace(asked[k], probes=(*asked[k].probes, wave[k].probes[at[index]]))
            spent += len(alive) * ((rung - trained) * costs.training + costs.probe)
            stay = going_on(rule, index, [*done, *asked])
            alive, trained = [k for k in alive if asked[k].key in stay], rung
        spent += len(alive) * ((1 - trained) * costs.training + costs.victims)
        if spent > budget:
            break
        done += asked
        harms = [one.point[0] for k in alive if (one := wave[k]).is_within(spec)]
        best = max([*harms, *([] if best is None else [best])], default=None)
    return best, len(done)


def read(folder: str) -> tuple[SearchSpec, list[Trial], Costs]:
    """The complete trials of a search and what they cost, by its own records and rows."""
    store = Store(folder)
    record = read_sweep(store)
    assert record.sweep.search is not None  # of a search
    spec, directory = record.sweep.search.spec, Directory(store, record)
    every = read_trials(store, record).values()
    trials = [one for one in every if one.state == "complete" and len(one.probes) == len(spec.rungs)]
    names = [trial_id(one.key) for one in trials]
    replicates = range(record.sweep.search.base.settings.attack.replicates)
    records = [[directory.generator(name, r) for r in replicates] for name in names]
    training = [sum(one.seconds for one in found if one) for found in records]
    probes = [sum(directory.probe(name, rung)["seconds"].to_pylist()) for name in names for rung in spec.rungs]
    victims = [sum(directory.rows(name)["seconds"].to_pylist()) for name in names]
    return spec, trials, Costs(*(statistics.median(seconds) for seconds in (training, probes, victims)))


def agreement(trials: Sequence[Trial], rung: int) -> float:
    """The rank correlation of the harm at a rung, the index of one, with that in the end."""
    pairs = [(probe.harm.mean, one.point[0]) for one in trials if (probe := one.probes[rung]).harm is not None]
    ranks = [np.argsort(np.argsort(column, kind="stable"), kind="stable") for column in zip(*pairs, strict=True)]
    return float(np.corrcoef(*ranks)[0, 1])


def figures(folder: str, budgets: Sequence[int], parallel: int = 4, orders: int = ORDERS) -> dict[str, object]:
    """All of it, of the search in ``folder``."""
    spec, trials, costs = read(folder)
    spec = spec.model_copy(update={"parallel": parallel})
    draw = random.Random(0)
    shuffled = [draw.sample(trials, len(trials)) for _ in range(orders)]
    found: dict[str, object] = {
        "trials": len(trials),
        "probe_share": round(costs.probe / (costs.training + costs.victims), 3),
        "agreement": {str(rung): round(agreement(trials, index), 2) for index, rung in enumerate(spec.rungs)},
    }
    for budget in budgets:
        seconds = budget * (costs.training + costs.victims)
        for name, (keep, rungs) in RULES.items():
            if set(rungs) <= set(spec.rungs):
                ends = [replay(spec, order, costs, keep, rungs, seconds) for order in shuffled]
                harm, tried = (statistics.mean(end[index] or 0 for end in ends) for index in (0, 1))
                found[f"{budget} trials, {name}"] = {"harm": round(100 * harm, 1), "tried": round(tried, 1)}
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--budgets", type=int, nargs="+", default=[4, 8, 12, 16])
    parser.add_argument("--parallel", type=int, default=4)
    given = parser.parse_args()
    sys.stdout.write(json.dumps(figures(given.folder, given.budgets, given.parallel), indent=1) + "\n")


if __name__ == "__main__":
    main()
