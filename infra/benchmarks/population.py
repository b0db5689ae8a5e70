"""Whether population-based training finds more harm than random search and successive halving, at equal training.

    python infra/benchmarks/population.py --seeds 6

searches the space of `mnist_worst_case --profile quick` three times for each seed, one generator of 2,000 iterations a
trial, with as many iterations in all as 8 whole trials: 8 at random; 16 of which the better half goes on at a quarter
and at half of the training; and a population of 8 which, at each quarter, has its worst two go on from the weights of
its best two with values a fifth more or less (Jaderberg et al., 2017). All are compared by victims on held-out images,
as trials of a search are. Printed is what the best of each does on the test images, by victims of new splits: harm
beyond the controls and excess rejection, in points, and seconds, probes included.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from pgan_ray.attacks import Member, PoisonSet, PoisonSource, Training, make_attack
from pgan_ray.data import select_task
from pgan_ray.datasets.load import load_dataset
from pgan_ray.evaluation import CellResult, evaluate_cells
from pgan_ray.results import estimate
from pgan_ray.spec import Cell, Configuration, Search, load_sweep
from pgan_ray.spec.seeds import numpy_generator

CPU = torch.device("cpu")
SWEEP = Path(__file__).parents[2] / "sweeps/mnist_worst_case.yaml"
QUARTERS, POPULATION, REPLACED = 4, 8, 2
PROBED, JUDGED, AFRESH = (
    range(1),
    range(3),
    range(100, 110),
)  # runs: at a quarter, in the end, of the one that is chosen

Values = dict[str, Any]
Scored = tuple[float, float]  # harm beyond the controls, excess rejection


class Judge:
    """Scores generators by victims, beside the controls' on the same splits."""

    def __init__(self, search: Search, *, on_test: bool) -> None:
        (trial, *others) = search.wave({("trial", 0): {}})
        self.settings = trial.settings
        dataset = search.base.settings.dataset if on_test else trial.settings.dataset
        self.task = select_task(load_dataset(dataset, seed=self.settings.data_seed), self.settings.task)
        self._trial, self._fraction, self._known = trial, search.poison_fraction, dict[tuple[str, int], CellResult]()
        self._controls: list[tuple[Configuration, PoisonSource]] = [
            (one, make_attack(one.settings.attack).fit(self.task)) for one in (trial, *others) if one.is_control
        ]

    def __call__(self, training: Training, runs: range) -> Scored:
        """Means over ``runs``; no harm of what diverged."""
        if training.diverged_at:
            return 0.0, 1.0
        (poison,) = training.sample(self.settings.evaluation.poison_set_size, "population", runs.start)
        found = [(run, self._victim(self._trial, PoisonSet(poison), run)) for run in runs]
        rises = [
            statistics.mean(_rate(own) - _rate(self._control(control, source, run)) for run, own in found)
            for control, source in self._controls
        ]
        seen = [(own.detection.rejected_poison or 0.0) - (own.detection.rejected_genuine or 0.0) for _, own in found]
        return min(rises), statistics.mean(seen)

    def _control(self, control: Configuration, source: PoisonSource, run: int) -> CellResult:
        if (control.id, run) not in self._known:
            self._known[control.id, run] = self._victim(control, source, run)
        return self._known[control.id, run]

    def _victim(self, configuration: Configuration, source: PoisonSource, run: int) -> CellResult:
        evaluation = configuration.variants[0].evaluation
        cell = Cell(configuration.id, 0, "", max(evaluation.poison_fractions), run)
        (found,) = evaluate_cells([cell], evaluation, self.task, source, seed=self.settings.seed, device=CPU)
        return found


def _rate(result: CellResult) -> float:
    assert result.scores is not None, result.message
    return result.scores.false_positive_rate


class Searcher:
    """Draws values, and trains generators by them."""

    def __init__(self, search: Search, judge: Judge, seed: int) -> None:
        self._search, self._judge, self._random = search, judge, numpy_generator(seed, "population")
        self._seed, self._made = seed, 0

    def draw(self) -> Values:
        """Values at random."""
        return {one.name: self._between(*one.ends, log=one.log) for one in self._search.dimensions if one.ends}

    def _between(self, low: float, high: float, *, log: bool) -> float:
        share = self._random.random()
        return float(low * (high / low) ** share if log else low + share * (high - low))

    def near(self, values: Values) -> Values:
        """Each a fifth more or less, within its range."""
        ends = {one.name: one.ends for one in self._search.dimensions if one.ends}
        moved = {name: value * self._random.choice([0.8, 1.2]) for name, value in values.items()}
        return {name: float(min(max(value, ends[name][0]), ends[name][1])) for name, value in moved.items()}

    def begin(self, values: Values) -> Training:
        """A generator that is to be trained by ``values``."""
        self._made += 1
        attack = self._search.trial(("trial", self._made), values).settings.attack
        trained: Any = make_attack(attack)
        member = Member(self._made, self._seed, attack)
        started: Training = trained.train([member], self._judge.task, device=CPU, precision="float32")
        return started

    def go_on(self, training: Training, values: Values) -> Training:
        """A generator that goes on from the weights of another by ``values``."""
        found = self.begin(values)
        found.load_state(training.state())
        return found


Player = tuple[Values, Training]


def by_worth(scored: Sequence[tuple[Scored, Player]], at_most: float) -> list[Player]:
    """The best first: those that the detector may see by harm, the others by how little it sees them."""

    def key(one: tuple[Scored, Player]) -> tuple[bool, float]:
        harm, seen = one[0]
        return (seen > at_most, -harm if seen <= at_most else seen)

    return [player for _, player in sorted(scored, key=key)]


def random_search(players: list[Player], quarter: int, searcher: Searcher) -> list[Player]:
    """All go on."""
    return players


def halving(players: list[Player], quarter: int, searcher: Searcher) -> list[Player]:
    """The better half goes on, twice."""
    return players[: len(players) // 2] if quarter <= 2 else players


def population(players: list[Player], quarter: int, searcher: Searcher) -> list[Player]:
    """The worst go on from the best, elsewhere."""
    best = [(searcher.near(values), training) for values, training in players[:REPLACED]]
    return [*players[:-REPLACED], *((values, searcher.go_on(training, values)) for values, training in best)]


Rule = Callable[[list[Player], int, Searcher], list[Player]]
RULES: dict[str, tuple[Rule, int]] = {
    "random": (random_search, POPULATION),
    "successive_halving": (halving, 2 * POPULATION),
    "population": (population, POPULATION),
}


def best_of(search: Search, judge: Judge, rule: Rule, size: int, seed: int, iterations: int) -> Player:
    """What a search by ``rule`` comes to."""
    searcher, at_most = Searcher(search, judge, seed), search.spec.detectability.at_most
    players = [(values, searcher.begin(values)) for values in (searcher.draw() for _ in range(size))]
    for quarter in range(1, QUARTERS + 1):
        for _, training in players:
            training.train(iterations // QUARTERS)
            training.report()
        if quarter < QUARTERS and rule is not random_search:
            scored = [(judge(training, PROBED), (values, training)) for values, training in players]
            players = rule(by_worth(scored, at_most), quarter, searcher)
    return by_worth([(judge(training, JUDGED), (values, training)) for values, training in players], at_most)[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each seed and rule, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--iterations", type=int, default=2000, help="of a whole trial")
    given = parser.parse_args(arguments)
    fixed = ("attack.sample_from=average", "attack.replicates=1", "search.start=[]")
    search = load_sweep(SWEEP, profile="quick", overrides=fixed).search
    assert search is not None
    held_out, test = Judge(search, on_test=False), Judge(search, on_test=True)
    harms: dict[str, list[float]] = {name: [] for name in RULES}
    for seed in range(given.seeds):
        for name, (rule, size) in RULES.items():
            start = time.monotonic()
            values, training = best_of(search, held_out, rule, size, seed, given.iterations)
            seconds = time.monotonic() - start
            harm, seen = test(training, AFRESH)
            harms[name].append(100 * harm)
            line = {"seed": seed, "rule": name, "harm": round(100 * harm, 1), "excess": round(100 * seen, 1)}
            print(json.dumps({**line, "seconds": round(seconds), "values": values}), flush=True)
    for name, found in harms.items():
        print(name, estimate([[one] for one in found]), flush=True)
        if name != "random":
            pairs = zip(found, harms["random"], strict=True)
            print(f"{name} beyond random", estimate([[one - other] for one, other in pairs]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
