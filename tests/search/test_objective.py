"""A trial's scores, by hand."""

from dataclasses import replace

import pytest

from pgan_ray.results import Change, Estimate
from pgan_ray.search import confirmations, score
from pgan_ray.spec import KnownTrials, with_known
from tests.searches import search_of, small_search, trial


def found(mean: float) -> Estimate:
    return Estimate(mean, 0.01, 2, 4)


def change(
    name: str, control: str, damage: float, seen: float | None, variant: str = "", at: float = 0.4, apart: float = 0.0
) -> Change:
    """Of two replicates, whose damage is ``apart``."""
    rates = {"false_positive_rate": found(damage), "test_error": found(damage / 2)}
    detectability = {} if seen is None else {"excess_rejection": found(seen)}
    means = {index: {"false_positive_rate": damage + side * apart / 2} for index, side in ((0, -1), (1, 1))}
    return Change(name, variant, at, control, rates, detectability, means)


RUNNING = replace(trial(0), state="running", message="")


def test_harm_is_what_holds_beyond_every_control_at_the_fraction_that_is_searched_at() -> None:
    sweep = small_search(evaluation__poison_fractions=[0, 0.2, 0.4])
    search, configuration = search_of(sweep), sweep.configurations[0]
    changes = [
        change("trial=0000", "none", 0.3, 0.1),
        change("trial=0000", "removal", 0.2, 0.1),
        change("trial=0000", "none", 0.1, 0.9, at=0.2),
        change("trial=0001", "none", 0.0, 0.9),
    ]
    scored = score(search, RUNNING, configuration, changes)
    assert (scored.state, scored.point) == ("complete", (0.2, 0.1))
    assert scored.harm == found(0.2)
    by_error = search_of(small_search(search__harm="error"))
    assert score(by_error, RUNNING, configuration, changes).point[0] == 0.1


def test_over_variants_harm_is_the_mean_and_detectability_the_largest() -> None:
    sweep = small_search(evaluation__detector={"name": "knn_distance", "percentile": {"grid": [0.9, 0.95]}})
    configuration = sweep.configurations[0]
    first, second = (variant.id for variant in configuration.variants)
    changes = [
        change("trial=0000", "none", 0.3, 0.1, first, apart=0.05),
        change("trial=0000", "none", 0.1, 0.2, second, apart=-0.03),
    ]
    scored = score(search_of(sweep), RUNNING, configuration, changes)
    assert scored.point == pytest.approx((0.2, 0.2))
    assert scored.harm is not None
    # Of the two generators one does 0.195, the other 0.205: what they do behind one detector weighs against the other.
    assert scored.harm.half_width == pytest.approx(12.706 * 0.005, rel=1e-3)
    assert (scored.harm.replicates, scored.harm.cells) == (2, 8)
    lacking = score(search_of(sweep), RUNNING, configuration, changes[:1])
    assert (lacking.state, lacking.harm) == ("failed", None)
    assert second in lacking.message


def test_a_variant_without_a_detector_has_no_part_in_the_detectability() -> None:
    sweep = small_search(evaluation__detector__name={"grid": ["none", "knn_distance"]})
    configuration = sweep.configurations[0]
    nothing, detector = (variant.id for variant in configuration.variants)
    changes = [change("trial=0000", "none", 0.3, None, nothing), change("trial=0000", "none", 0.1, -0.05, detector)]
    assert score(search_of(sweep), RUNNING, configuration, changes).point == pytest.approx((0.2, -0.05))


def test_without_any_detector_nothing_is_seen_and_harm_alone_counts() -> None:
    sweep = small_search(evaluation__detector={"name": "none"})
    scored = score(search_of(sweep), RUNNING, sweep.configurations[0], [change("trial=0000", "none", 0.3, None)])
    assert scored.point == (0.3, 0.0)
    assert scored.is_within(search_of(sweep).spec)


def test_without_scores_a_trial_failed() -> None:
    sweep = small_search()
    nothing = score(search_of(sweep), RUNNING, sweep.configurations[0], [])
    assert (nothing.state, nothing.message) == ("failed", "no score of its victims")
    promised = score(search_of(sweep), trial(0, 0.5), sweep.configurations[0], [])
    assert (promised.state, promised.harm, promised.detectability) == ("failed", None, None)
    survivor = change("trial=0000", "none", 0.3, 0.1)
    survivor.rates["false_positive_rate"] = Estimate(0.9, None, 1, 2)
    alone = score(search_of(sweep), RUNNING, sweep.configurations[0], [survivor])
    assert alone.message == "no score of 1 of 2 replicates"
    unseen = score(search_of(sweep), RUNNING, sweep.configurations[0], [change("trial=0000", "none", 0.3, None)])
    assert unseen.message == "no score of its detectors' excess_rejection"


def test_what_was_promised_stands_beside_what_came_of_it() -> None:
    values = {"alpha": 0.1, "iterations": 12, "sample_from": "last"}
    sweep = with_known(small_search(), KnownTrials({("trial", 0): values}, [("trial", 0)]))
    (one,) = confirmations(sweep, {("trial", 0): trial(0, 0.5, 0.0)}, [change("confirmed=0000", "none", 0.2, 0.1)])
    assert one.configuration == "confirmed=0000"
    assert (one.trial.point, one.again.point) == ((0.5, 0.0), (0.2, 0.1))
