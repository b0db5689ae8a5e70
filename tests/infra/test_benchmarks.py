"""The benchmarks of what lies around the training still run."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infra.benchmarks import attack_scale, compiled, orchestration, plain_script, population, search
from infra.benchmarks.stopping import Costs, figures, replay
from pgan_ray import run_sweep
from pgan_ray.results import Estimate, Probe, Trial
from pgan_ray.spec import AdamSpec, NetworkSpec, OptimizerSpec, SearchSpec, SgdSpec
from tests.science import blobs
from tests.searches import search_file, search_of, small_search, trial


def test_a_sweep_whose_training_does_nothing(tmp_path: Path) -> None:
    given = argparse.Namespace(executor="local", without_mlflow=True, tracking_uri=None)
    figures = orchestration.run(2, tmp_path, given)
    assert (figures["configurations"], figures["cells"]) == (2, 3 * 90)  # with the control


def test_a_search_whose_training_does_nothing(tmp_path: Path) -> None:
    figures = search.run(4, "tpe", 2, tmp_path / "sweep")
    assert figures["trials"] == 4
    assert figures["asking_s"] < figures["seconds"]


def test_what_a_poisoning_point_costs() -> None:
    found = [
        attack_scale.figures(config, blobs(train_per_class=300), 200, 1)
        for config in attack_scale.attacks(200)
        if config.name != "pgan"
    ]
    assert {of["attack"] for of in found} == set(attack_scale.ATTACKERS)
    for of in found:
        assert of["poison_points"] == 6
        assert ("one_by_one_s" in of) == (of["attack"] in attack_scale.BILEVEL)


def test_the_plain_script_trains_generators_and_victims() -> None:
    every = plain_script.settings_of(("attack.iterations=60", "evaluation.victim.epochs=2"))
    assert [settings.attack.name for settings in every] == ["pgan"] * 3 + ["removal"]
    task, told = blobs(train_per_class=400), list[dict[str, float]]()
    poison = plain_script.generate(every[0], task, 0, told.append)
    assert poison is not None
    assert poison.shape == (every[0].evaluation.poison_set_size, task.features)
    assert [line["iteration"] for line in told] == list(range(1, 61))
    for given in (poison, plain_script.generate(every[3], task, 0, told.append)):
        error = plain_script.victim_error(every[0].evaluation, task, given, 0.2, np.random.default_rng(0))
        assert 0 <= error <= 1


def test_rules_train_as_much_as_each_other_and_choose_the_best() -> None:
    class Judge:
        """Finds the more harm the smaller alpha is, and sees none of it."""

        task, seen = blobs(), list[Any]()

        def __call__(self, training: Any, runs: range) -> tuple[float, float]:
            self.seen.append(training)
            return -training.members[0].config.alpha, 0.0

    found, made = search_of(small_search(attack__iterations=12, attack__sample_from="average")), {}
    for name, (rule, size) in population.RULES.items():
        judge = Judge()
        judge.seen = []
        values, training = population.best_of(found, judge, rule, size, seed=1, iterations=8)  # type: ignore[arg-type]
        assert training.iteration == 8
        at_the_end = judge.seen[-4 if rule is population.halving else -8 :]
        assert values["alpha"] == min(one.members[0].config.alpha for one in at_the_end)
        made[name] = len({id(one) for one in judge.seen})
    assert made == {"random": 8, "successive_halving": 16, "population": 8 + 3 * population.REPLACED}


def with_probe(number: int, harm: float, at_rung: float) -> Trial:
    scores = (Estimate(found, None, 1, 1) for found in (at_rung, 0.0))
    return replace(trial(number, harm), probes=(Probe(0.5, *scores),))


def test_what_stopping_is_worth_by_hand() -> None:
    given = {"method": "random", "parallel": 2, "scheduler": "successive_halving", "rungs": [0.5]}
    spec = SearchSpec.model_validate(given | {"detectability": {"at_most": 0.1}})
    trials = [with_probe(n, harm, harm) for n, harm in enumerate((0.1, 0.2, 0.3, 0.9))]
    costs = Costs(training=10.0, probe=1.0, victims=4.0)
    assert replay(spec, trials, costs, 0.5, (), 28.0) == (0.2, 2)  # two whole trials
    # A wave of which one goes on: 2 x (5 + 1) + 5 + 4 seconds. Of the second wave both are among the best half of four.
    assert replay(spec, trials, costs, 0.5, (0.5,), 21.0) == (0.2, 2)
    assert replay(spec, trials, costs, 0.5, (0.5,), 50.0) == (0.2, 2)
    assert replay(spec, trials, costs, 0.5, (0.5,), 51.0) == (0.9, 4)
    misled = [with_probe(0, 0.1, 0.9), with_probe(1, 0.9, 0.1)]
    assert replay(spec, misled, costs, 0.5, (0.5,), 99.0) == (0.1, 2)


def test_what_stopping_is_worth_of_a_search(tmp_path: Path) -> None:
    rungs = {"search__scheduler": "successive_halving", "search__rungs": [0.25, 0.5], "search__keep": 0.999}
    tree = search_file(search__method="random", search__start=[], search__trials=6, **rungs)
    run_sweep(tree, out=tmp_path / "search", executor="local", offline_tracking=True)
    found = figures(str(tmp_path / "search"), [3], parallel=3, orders=5)
    assert found["trials"] == 6
    assert set(found) >= {"3 trials, none", "3 trials, half at 0.25 and 0.5"}
    assert "3 trials, half at 0.1" not in found


@pytest.mark.parametrize("optimizer", [SgdSpec(learning_rate=0.1, momentum=0.9), AdamSpec(learning_rate=0.01)])
def test_the_step_that_is_compiled_is_the_engines(optimizer: OptimizerSpec) -> None:
    spec = NetworkSpec(widths=[6, 4], dropout=0.3, optimizer=optimizer)
    ours, function = compiled.Step(spec, 8, features=5), compiled.Step(spec, 8, features=5)
    start = function.state.parameters[0].clone()
    for _ in range(3):
        torch.testing.assert_close(function.function(compiled.by_hand), ours.engine())
    assert not torch.equal(function.state.parameters[0], start)
    ours.products()
