"""Searches in a sweep file: what they resolve to, and what is wrong with some."""

from typing import Any

import pytest

from pgan_ray.errors import SpecError
from pgan_ray.spec import KnownTrials, Search, load_sweep, with_known
from tests.searches import AGAINST_EACH, STOPS, search_file, search_of, small_search
from tests.tiny import TINY


def faults(**changes: Any) -> list[str]:
    with pytest.raises(SpecError, match=r"\S") as caught:
        load_sweep(search_file(**changes))
    return caught.value.faults


def test_trials_are_judged_on_validation_points_and_what_is_confirmed_on_test_points() -> None:
    sweep = small_search(search__baseline="random")
    trials = [one for one in sweep.configurations if not one.is_result]
    assert [one.id for one in trials] == [
        *(f"trial=000{number}" for number in range(4)),
        *(f"random=000{number}" for number in range(4)),
        "validation,control=none",
    ]
    assert {one.settings.dataset.judged_on for one in trials} == {"validation"}
    assert {tuple(one.variants[0].evaluation.poison_fractions) for one in trials if not one.is_control} == {(0.4,)}
    results = [one for one in sweep.configurations if one.is_result]
    assert [one.id for one in results] == ["confirmed=rank1", "confirmed=rank2"]
    for one in results:
        assert one.settings.dataset.judged_on == "test"
        assert (one.settings.attack.replicates, one.variants[0].evaluation.runs) == (2, 2)
        # New streams, and the same split of the data: no test point was in a trial.
        assert one.settings.seed != sweep.configurations[0].settings.seed
        assert one.settings.data_seed == sweep.configurations[0].settings.data_seed
    assert sweep.result_cells == 2 * 8
    assert sweep.cells == 8 * 4 + 4 + 2 * 8


def test_controls_are_those_of_a_grid_and_clean_victims_are_trained_once_for_all_trials() -> None:
    sweep = small_search(controls=True)
    controls = {one.id: one for one in sweep.configurations if one.is_control}
    assert set(controls) == {"validation,control=none", "validation,control=removal", "control=removal"}
    assert controls["validation,control=none"].variants[0].evaluation.poison_fractions == [0.0]
    without_clean = small_search(evaluation__poison_fractions=[0.2, 0.4])
    assert "control=none" in {one.id for one in without_clean.configurations}


def test_what_is_known_takes_its_place() -> None:
    sweep = small_search()
    values = {"alpha": 0.5, "iterations": 11, "sample_from": "average"}
    known = KnownTrials({("trial", 0): values, ("trial", 1): None}, [("trial", 0)], among=4)
    found = {one.id: one for one in with_known(sweep, known).configurations}
    assert set(found) == {"trial=0000", "trial=0002", "trial=0003", "validation,control=none", "confirmed=0000"}
    for name in ("trial=0000", "confirmed=0000"):
        attack: Any = found[name].settings.attack
        assert (attack.alpha, attack.iterations, attack.sample_from) == (0.5, 11, "average")


def test_a_search_that_was_extended_has_results_to_come() -> None:
    values = {"alpha": 0.5, "iterations": 11, "sample_from": "average"}
    known = KnownTrials({("trial", 0): values}, [("trial", 0)], among=2)
    assert {"confirmed=0000", "confirmed=rank1"} <= with_known(small_search(), known).result_ids


def test_results_are_named_once_however_often_they_are_asked_for() -> None:
    sweep = small_search()
    assert sweep.result_ids is sweep.result_ids  # of 10,000 configurations, and asked for with each of their changes


def test_trials_to_come_are_planned_as_the_dearest() -> None:
    sweep = small_search(attack__batch_size={"range": [8, 30]}, attack__discriminator__widths={"choice": [[64], [8]]})
    attack: Any = sweep.configurations[0].settings.attack
    assert (attack.batch_size, attack.discriminator.widths, attack.iterations) == (30, [64], 14)


def test_variants_without_clean_victims_get_a_control_of_their_own() -> None:
    sweep = small_search(evaluation__poison_fractions={"grid": [[0, 0.4], [0.2, 0.4]]})
    (genuine,) = (one for one in sweep.configurations if one.id == "control=none")
    assert [one.evaluation.poison_fractions for one in genuine.variants] == [[0.0]]


def test_what_is_searched_is_told_by_kind_and_by_its_shortest_name() -> None:
    learning_rates = {
        f"attack__{network}__optimizer": {"name": "adam", "learning_rate": {"range": [1e-4, 1], "log": True}}
        for network in ("classifier", "discriminator")
    }
    found = {one.name: one for one in search_of(small_search(**learning_rates)).dimensions}
    assert list(found) == [
        *("alpha", "iterations"),
        *("discriminator.optimizer.learning_rate", "classifier.optimizer.learning_rate", "sample_from"),
    ]
    assert found["iterations"].is_whole
    assert not found["alpha"].is_whole
    whole_ends = search_of(small_search(attack__lambda_prior={"range": [0, 1]})).dimensions
    assert not next(one for one in whole_ends if one.name == "lambda_prior").is_whole


def test_the_resolved_document_is_the_same_search_and_a_grid_says_no_more_than_that_it_is_one() -> None:
    sweep = small_search()
    assert load_sweep(sweep.document) == sweep
    assert sweep.document["attack"]["alpha"] == {"range": [0.01, 1.0], "log": True}
    assert load_sweep(TINY).document["search"] == {"method": "grid"}


def test_profiles_and_overrides_replace_a_range_whole() -> None:
    tree = search_file(search__start=[]) | {"profiles": {"few": {"attack": {"alpha": {"choice": [0.1, 0.9]}}}}}
    by_name = {one.name: one for one in search_of(load_sweep(tree, profile="few")).dimensions}
    assert by_name["alpha"].choices == (0.1, 0.9)
    fixed = load_sweep(tree, overrides=("attack.alpha=0.3",))
    assert "alpha" not in {one.name for one in search_of(fixed).dimensions}


def test_evaluations_of_a_grid_are_variants_of_every_trial() -> None:
    sweep = small_search(evaluation__detector={"name": "knn_distance", "percentile": {"grid": [0.9, 0.95]}})
    assert [len(one.variants) for one in sweep.configurations] == [2] * len(sweep.configurations)


def test_against_each_variant_there_are_trials_by_themselves_whose_best_meet_all() -> None:
    values = {"alpha": 0.5, "iterations": 11, "sample_from": "average"}
    known = KnownTrials({("trial_2", 3): values}, [("trial_2", 3)], among=4)
    sweep = with_known(small_search(search__baseline="random", controls=True, **AGAINST_EACH), known)
    search = search_of(sweep)
    assert search.contests == (("trial_1", "random_1"), ("trial_2", "random_2"))
    by_id = {one.id: one for one in sweep.configurations}
    faced = {name: [variant.id for variant in one.variants] for name, one in by_id.items()}
    assert faced["trial_1=0000"] == faced["random_1=0003"] == ["defence=none"]
    assert faced["trial_2=0003"] == faced["random_2=0000"] == ["defence=slab+sphere"]
    both = ["defence=none", "defence=slab+sphere"]
    assert faced["validation,control=none"] == faced["validation,control=removal"] == both
    assert faced["confirmed_2=0003"] == faced["control=removal"] == both
    assert [len(by_id["trial_2=0003"].settings.evaluation.defence), len(by_id["trial_1=0000"].variants)] == [2, 1]
    assert sum(not one.is_result for one in sweep.configurations) == 4 * 4 + 2
    assert sweep.called("confirmed_2=0003") == "confirmed 3 against defence=slab+sphere"
    assert sweep.called("confirmed_random_1=0003") == "confirmed random 3 against defence=none"
    assert sweep.called("trial_1=0000", "defence=none") == "trial 0 against defence=none, with defence=none"
    assert sweep.in_words("trial_1=0000, trial_3=0001") == "trial 0 against defence=none, trial_3=0001"
    assert search.trial_text(("random_1", 3)) == "random trial 3 against defence=none"


def test_against_each_variant_a_search_is_as_large_as_what_its_trials_face(monkeypatch: pytest.MonkeyPatch) -> None:
    each = AGAINST_EACH | {"evaluation__defence": {"grid": [[], [{"name": "slab"}], [{"name": "sphere"}]]}}
    assert (
        len(small_search(search__trials=3_000, **each).configurations) > 9_000
    )  # 3 variants of each would be too many

    def made(search: Search, known: KnownTrials) -> None:
        raise AssertionError("no trial may be made")

    monkeypatch.setattr(Search, "configurations", made)
    with pytest.raises(SpecError, match="must have at most 100,000 configurations, got 300,000"):
        load_sweep(search_file(search__trials=100_000, **each), really_large=True)


def test_controls_are_the_same_whichever_trials_are_left_of_a_wave() -> None:
    search = search_of(small_search(controls=True, **AGAINST_EACH))
    values = {"alpha": 0.5, "iterations": 11, "sample_from": "average"}
    waves = [search.wave({(series, 0): values}) for series in ("trial_1", "trial_2")]
    controls = [[one for one in wave if one.is_control] for wave in waves]
    assert [one.variants for one in controls[0]] == [one.variants for one in controls[1]]
    assert [one.id for one in controls[0]] == ["validation,control=none", "validation,control=removal"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"search__against": "each"},
            "search.against: must be `all` where there is no grid under `evaluation`, got `each`",
        ),
        ({"attack__alpha": {"range": [1, 0.1]}}, "attack.alpha.range: must be [low, high] with low below high"),
        ({"attack__alpha": {"range": [0.5, 0.5]}}, "attack.alpha.range: must be [low, high] with low below high"),
        ({"attack__alpha": {"range": [0.1]}}, "attack.alpha.range: must be [low, high], two numbers, got [0.1]"),
        ({"attack__alpha": {"range": ["a", "b"]}}, "attack.alpha.range: must be [low, high], two numbers"),
        ({"attack__alpha": {"range": [0, 1], "log": True}}, "attack.alpha.range[0]: must be positive where `log`"),
        ({"attack__alpha": {"range": [0.1, 1], "log": 1}}, "attack.alpha.log: must be true or false, got 1"),
        ({"attack__alpha": {"range": [0.1, 3]}}, "attack.alpha.range[1]: must be at most 1, got 3"),
        ({"attack__batch_size": {"range": [2.5, 9]}}, "attack.batch_size.range[0]: must be a whole number, got 2.5"),
        ({"attack__sample_from": {"range": [0, 1]}}, "attack.sample_from.range[0]: must be 'last' or 'average'"),
        ({"attack__sample_from": {"choice": ["last"]}}, "attack.sample_from.choice: must be a list of at least two"),
        ({"attack__sample_from": {"choice": ["last", "no"]}}, "attack.sample_from.choice[1]: must be 'last' or"),
        ({"attack__alpha": {"choice": [0.1, 0.1]}}, "attack.alpha.choice: must name each value once"),
        (
            {"attack__replicates": {"range": [1, 2]}},
            "attack.replicates: must not be a range or a choice: only values under `attack`",
        ),
        (
            {"attack__name": {"choice": ["pgan", "blend"]}},
            "attack.name: must not be a range or a choice: only values under `attack`",
        ),
        (
            {"evaluation__runs": {"range": [1, 2]}},
            "evaluation.runs: must not be a range or a choice: only values under `attack`",
        ),
        ({"attack__lambda_prior": {"grid": [0.5, 1]}}, "attack.lambda_prior.grid: must not be a grid in a search"),
        ({"seed": {"grid": [0, 1]}}, "seed.grid: must not be a grid in a search"),
        (
            {"search__method": "grid"},
            "attack.alpha: must be a value or a grid, {grid: [a, b]}, unless `search.method` is",
        ),
        ({"search__method": "best"}, "search.method: must be 'grid', 'random', 'tpe', 'gp' or 'nsga2', got 'best'"),
        ({"search__trials": 0}, "search.trials: must be at least 1, got 0"),
        (
            {"attack__alpha": 0.1, "search__start": [], "search__trials": 11},
            "search.trials: must be at most 10, the number of combinations of what is searched, got 11",
        ),
        ({"search__confirm__top": 0}, "search.confirm.top: must be at least 1, got 0"),
        (
            {"search__trials": 1, "search__start": [{}, {}]},
            "search: `start` must have at most `trials` items (1), got 2",
        ),
        ({"search__method": "random", "search__baseline": "random"}, "search: `baseline` must differ from `method`"),
        ({"search__poison_fraction": 0.3}, "search.poison_fraction: must be one of `evaluation.poison_fractions`"),
        (
            {"search__start": [{"alpha": 7}]},
            "search.start[0].alpha: must be in the `range` [0.01, 1.0] that is searched, got 7",
        ),
        ({"search__start": [{}, {"beta": 7}]}, "search.start[1].beta: must name a setting that is searched (alpha, "),
        ({"search__start": [{"iterations": 11.5}]}, "search.start[0].iterations: must be in the `range` [10, 14]"),
        ({"search__start": [{"sample_from": "no"}]}, "search.start[0].sample_from: must be in the `choice` "),
        ({"search__detectability__at_most": 3}, "search.detectability.at_most: must be at most 1, got 3"),
        (
            {"evaluation__detector": {"name": "none"}, "search__goal": "front"},
            "evaluation.detector.name: must be a detector with `search.goal: front`",
        ),
        (
            {
                "evaluation__detector": {"grid": [{"name": "none"}, {"name": "slab"}]},
                "search__against": "each",
                "search__goal": "front",
            },
            "evaluation.detector.name: must be a detector with `search.goal: front`",
        ),
        (
            {"evaluation__detector": {"name": "none"}, "search__detectability__at_most": -0.1},
            "search.detectability.at_most: must be at least 0 where there is no detector, because detectability is ",
        ),
        (
            {"evaluation__detector": {"name": "none"}, "search__detectability__metric": "detector_auc"},
            "search.detectability.metric: must be `excess_rejection` where there is no detector, or",
        ),
        ({"evaluation__victim": {"name": "none"}}, "evaluation.victim.name: must be a victim that is trained"),
        ({"search__scheduler": "asha"}, "search.scheduler: must be 'none' or 'successive_halving', got 'asha'"),
        ({"search__rungs": [0.3]}, "search: `rungs` must be left out with `scheduler: none`, which stops no trials"),
        ({"search__keep": 0.3}, "search: `keep` must be left out with `scheduler: none`, which stops no trials"),
        ({**STOPS, "search__rungs": [0.5, 0.5]}, "search: `rungs` must be strictly increasing, got [0.5, 0.5]"),
        ({**STOPS, "search__rungs": []}, "search.rungs: must have at least 1 item"),
        ({**STOPS, "search__rungs": [0.5, 1]}, "search.rungs[1]: must be less than 1, got 1"),
        ({**STOPS, "search__keep": 0}, "search.keep: must be greater than 0, got 0"),
        ({**STOPS, "search__goal": "front"}, "search: `scheduler` must be `none` with `goal: front`"),
        ({"search__trials": 50_000}, "sweep: a sweep must have at most 10,000 configurations unless"),
    ],
)
def test_bad_searches_are_told_with_their_place(changes: dict[str, Any], fault: str) -> None:
    found = faults(**changes)
    assert any(line.removeprefix("sweep:").startswith(fault) or line.startswith(fault) for line in found), found


def test_a_search_without_anything_to_search_is_refused() -> None:
    tree = search_file(attack__alpha=0.1, attack__iterations=10, attack__sample_from="last")
    with pytest.raises(SpecError, match=r"search\.method: must be `grid` where `attack` has no range and no choice"):
        load_sweep(tree)


def test_keys_of_a_search_mean_nothing_beside_a_grid() -> None:
    with pytest.raises(SpecError, match=r"sweep:search: `trials` must be left out with `method: grid`"):
        load_sweep({**TINY, "search": {"trials": 3}})


def test_stopped_trials_have_neither_generators_nor_victims() -> None:
    search = search_of(small_search(**STOPS))
    values = {"alpha": 0.2, "iterations": 12, "sample_from": "last"}
    known = {("trial", number): values for number in range(4)}
    all_run, one_stopped = (
        with_known(small_search(**STOPS), KnownTrials(known, stopped=frozenset(keys))) for keys in ([], [("trial", 0)])
    )
    own = search.trial(("trial", 0), values)
    assert all_run.generators - one_stopped.generators == own.generators == 2
    assert all_run.cells - one_stopped.cells == own.cell_count > 0
    (stopped,) = (one for one in one_stopped.configurations if one.is_stopped)
    assert (stopped.id, list(stopped.cells(0)), stopped.cell_count) == ("trial=0000", [], 0)


def test_an_attack_that_trains_nothing_cannot_be_stopped() -> None:
    attack = {"name": "blend", "share": {"range": [0.1, 0.9]}}
    (line,) = faults(attack=attack, search__start=[], **STOPS)
    assert "search.scheduler: must be `none` with an attack that trains no generators" in line


def test_an_attack_that_trains_nothing_can_be_searched() -> None:
    attack = {"name": "blend", "share": {"range": [0.1, 0.9]}}
    assert search_of(small_search(attack=attack, search__start=[])).dimensions[0].name == "share"
