"""What is asked for depends on the search and on what came of earlier waves, and on nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from pgan_ray.results import Estimate, Probe, Trial
from pgan_ray.search import importance, make_sampler
from pgan_ray.spec import Search, TrialKey
from tests.searches import STOPS, search_of, small_search

SPACE = {"search__trials": 24, "search__parallel": 4, "search__detectability__at_most": 0.2}


def searched(**changes: Any) -> Search:
    return search_of(small_search(**SPACE, **changes))


def judged(trial: Trial) -> Trial:
    """Harm falls with alpha, and so does detectability."""
    alpha = trial.values["alpha"]
    harm, seen = (Estimate(number, None, 1, 1) for number in (1 - alpha, 0.5 - alpha / 2))
    return replace(trial, state="complete", harm=harm, detectability=seen)


def asked(search: Search, *, seed: int = 0, series: str = "trial", most: int = 24) -> list[Trial]:
    sampler, trials = make_sampler(search, seed), list[Trial]()
    for number in range(most):
        key: TrialKey = (series, number)
        found = sampler.ask(key, trials)
        trials.append(judged(Trial(key, found.values, memory=found.memory)))
    return trials


METHODS = [(method, goal) for method in ("random", "tpe", "nsga2") for goal in ("worst_case", "front")]


@pytest.mark.parametrize(("method", "goal"), METHODS)
def test_the_same_is_asked_for_again_and_another_seed_asks_for_something_else(method: str, goal: str) -> None:
    search = searched(search__method=method, search__goal=goal)
    first = asked(search)
    assert [one.values for one in asked(search)] == [one.values for one in first]
    assert [one.values for one in asked(search, seed=1)] != [one.values for one in first]
    assert len({str(one.values) for one in first}) == 24  # the same values would train the same networks again
    assert all(dimension.holds(one.values[dimension.name]) for one in first for dimension in search.dimensions)


def test_a_gaussian_process_asks_for_the_same_again() -> None:
    search = searched(search__method="gp")
    assert [one.values for one in asked(search, most=12)] == [one.values for one in asked(search, most=12)]


@pytest.mark.parametrize("method", ["tpe", "nsga2"])
def test_what_came_of_trials_of_the_same_wave_does_not_enter(method: str) -> None:
    search = searched(search__method=method)
    trials, sampler = asked(search), make_sampler(search, 0)
    of_wave = [replace(one, state="running", harm=None, detectability=None) for one in trials[20:23]]
    worse = [replace(one, harm=Estimate(-1, None, 1, 1)) for one in trials[20:23]]
    expected = trials[23].values
    for known in (trials[20:23], of_wave, worse):
        assert sampler.ask(("trial", 23), [*trials[:20], *known]).values == expected


def test_what_came_of_earlier_waves_does() -> None:
    search = searched()
    trials, sampler = asked(search), make_sampler(search, 0)
    worse = [replace(one, state="failed", harm=None, detectability=None) for one in trials[:10]]
    assert sampler.ask(("trial", 23), [*worse, *trials[10:23]]).values != trials[23].values


def test_a_parzen_estimator_learns_from_trials_that_were_stopped() -> None:
    """Stopped on the way at what `judged` would have said in the end, the bad ones are avoided all the same."""
    search = searched(search__start=[], **STOPS)
    sampler, trials = make_sampler(search, 0), list[Trial]()
    for number in range(48):
        found = sampler.ask(("trial", number), trials)
        one = judged(Trial(("trial", number), found.values, memory=found.memory))
        if one.values["alpha"] < 0.6:
            probe = Probe(0.5, one.harm, one.detectability)
            one = replace(one, state="stopped", harm=None, detectability=None, probes=[probe])
        trials.append(one)
    by_chance = asked(search, series="random", most=48)[24:]
    feasible = [sum(one.values["alpha"] >= 0.6 for one in found) for found in (trials[24:], by_chance)]
    assert feasible[0] > 2 * feasible[1]


@pytest.mark.parametrize("method", ["random", "gp", "nsga2"])
def test_the_other_methods_take_trials_that_were_stopped(method: str) -> None:
    search = searched(search__method=method, **STOPS)
    probe = Probe(0.5, Estimate(0.1, None, 1, 1), Estimate(0.1, None, 1, 1))
    trials = [
        replace(one, state="stopped", harm=None, detectability=None, probes=[probe]) if one.key[1] % 2 else one
        for one in asked(search, most=12)
    ]
    found = make_sampler(search, 0).ask(("trial", 12), trials)
    assert found.values not in [one.values for one in trials]


def test_a_parzen_estimator_finds_more_than_chance_and_keeps_to_the_constraint() -> None:
    search = searched(search__start=[])
    late, by_chance = (asked(search, series=series, most=48)[24:] for series in ("trial", "random"))
    # Feasible is alpha from 0.6 on; of a range from 0.01 by its logarithm that is a ninth.
    feasible = [sum(one.values["alpha"] >= 0.6 for one in trials) for trials in (late, by_chance)]
    assert feasible[0] > 2 * feasible[1]


def test_the_first_trials_are_those_that_are_given_but_for_what_is_left_out() -> None:
    start = [{"alpha": 0.3, "iterations": 11, "sample_from": "average"}, {"alpha": 0.2}]
    first, second, *_ = asked(searched(search__start=start), most=3)
    assert first.values == start[0]
    assert second.values["alpha"] == 0.2
    assert asked(searched(search__start=start), series="random", most=1)[0].values["alpha"] != 0.3


def test_generations_grow_out_of_each_other() -> None:
    trials = asked(searched(search__method="nsga2"))
    generations = [next(iter(one.memory.values())) for one in trials]
    assert generations == sorted(generations)
    assert set(generations) == {0, 1, 2}


def test_what_matters_is_found() -> None:
    search = searched()
    found = importance(search, asked(search, series="random"))
    assert max(found, key=lambda name: found[name]) == "alpha"
    assert sum(found.values()) == pytest.approx(1)
    assert importance(search, asked(search, most=5)) == {}
