"""A sweep's answer in words."""

from dataclasses import replace
from pathlib import Path

import pytest

from pgan_ray.results import BUDGET, Change, Estimate, Point, answer, rule_of
from pgan_ray.spec import KnownTrials, Sweep, with_known
from tests.searches import AGAINST_EACH, small_search
from tests.spec.helpers import Loader


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return Loader(tmp_path)({"attack.alpha": {"grid": [0.1, 0.5, 0.9]}, "attack.replicates": 5})


def rates(**means: float) -> dict[str, Estimate]:
    return {name: Estimate(mean, 0.01, 5, 5) for name, mean in means.items()}


def curve(name: str, damage: float, rejected: float) -> tuple[list[Point], list[Change]]:
    """Of a configuration with victims of 0, 20 and 40 % poison, which harms the more the more there is."""
    points, changes = [], []
    for fraction in (0.0, 0.2, 0.4):
        taken = 0.03 + damage * fraction / 0.4
        found = rates(false_positive_rate=taken, test_error=taken / 2, rejected_genuine=0.05)
        if fraction:
            found |= rates(rejected_poison=rejected, rejected_poison_both=0.3, rejected_genuine_both=0.06)
            for control, less in (("none", 0.0), ("removal", 0.01)):
                of_control = rates(false_positive_rate=taken - 0.03 - less)
                seen = rates(excess_rejection=rejected - 0.05, excess_rejection_both=0.24)
                changes.append(Change(name, "", fraction, control, of_control, seen))
        points.append(Point(name, "", fraction, found))
    return points, changes


def answered(sweep: Sweep, **of: tuple[float, float]) -> str:
    curves = [curve(f"alpha={name.replace('a', '0.')}", *values) for name, values in of.items()]
    return answer(sweep, [p for points, _ in curves for p in points], [c for _, changes in curves for c in changes])


def test_the_strongest_attack_that_is_left_alone_and_what_it_does(sweep: Sweep) -> None:
    task = sweep.configurations[0].settings.task
    taken = f"class {task.source_class} is taken for class {task.poison_class}"
    assert answered(sweep, a1=(0.2, 0.04), a9=(0.4, 0.5)) == (
        "The detectors leave 1 of 2 attacks alone: 40 % poison of alpha=0.1. "
        f"With it (means with 95 % intervals over 5 replicates), {taken} in 23.0 ± 1.0 % (3.0 ± 1.0 % without poison): "
        "20.0 ± 1.0 points more than in clean victims, "
        "19.0 ± 1.0 points more than where as many points are only deleted. "
        "The test error is 11.5 ± 1.0 % (1.5 ± 1.0 % without poison). "
        "The detectors reject 4.0 ± 1.0 % of this poison and 5.0 ± 1.0 % of genuine points; "
        "by both tails of their scores, 30.0 ± 1.0 % and 6.0 ± 1.0 %."
    )


def test_one_replicate_has_no_intervals_to_tell_of(tmp_path: Path) -> None:
    sweep = Loader(tmp_path)({"attack.alpha": {"grid": [0.1, 0.9]}, "attack.replicates": 1})
    assert " With it (one replicate, so no intervals), class " in answered(sweep, a1=(0.2, 0.04))


def test_the_attack_is_named_in_words(tmp_path: Path) -> None:
    tasks = [{"classes": [3, other], "poison_class": other, "source_class": 3} for other in (5, 8)]
    sweep = Loader(tmp_path)({"task": {"grid": tasks}})
    points, changes = curve(sweep.configurations[1].id, 0.2, 0.04)
    assert answer(sweep, points, changes).startswith("The attack is 40 % poison of task=3 as 8. With it")


@pytest.mark.parametrize(
    ("of", "start"),
    [
        ({"a1": (0.2, 0.04), "a9": (0.4, 0.05)}, "The strongest of 2 attacks is 40 % poison of alpha=0.9."),
        (
            {"a1": (0.2, 0.04), "a5": (0.3, 0.04), "a9": (0.4, 0.5)},
            "The detectors leave 2 of 3 attacks alone; the strongest of these is 40 % poison of alpha=0.5.",
        ),
        (
            {"a1": (0.2, 0.5), "a9": (0.1, 0.5)},
            "The detectors see every attack; the strongest is 40 % poison",
        ),
        ({"a1": (0.2, 0.04)}, "The attack is 40 % poison of alpha=0.1."),
        ({"a1": (0.2, 0.5)}, "The detectors see 40 % poison of alpha=0.1."),
        (
            {"a1": (0.2, 0.065), "a9": (0.1, 0.5)},
            "On average the detectors see every attack; the strongest is 40 % poison",
        ),
    ],
)
def test_what_the_detectors_leave_alone(sweep: Sweep, of: dict[str, tuple[float, float]], start: str) -> None:
    assert answered(sweep, **of).startswith(start)


def test_the_best_of_several_is_said_to_be_flattered_by_the_choice(sweep: Sweep) -> None:
    assert "chosen from" not in answered(sweep, a1=(0.2, 0.04), a9=(0.4, 0.5))  # the only one left alone
    assert answered(sweep, a1=(0.2, 0.04), a9=(0.4, 0.05)).endswith(
        "It was chosen from 2 by these same numbers, so they flatter it."
    )


def test_what_the_intervals_leave_open_is_said(sweep: Sweep) -> None:
    assert "not" not in answered(sweep, a1=(0.2, 0.04))
    alone = "It is not certain that the detectors leave it alone: the interval contains the limit, 1 point."
    assert answered(sweep, a1=(0.2, 0.055)).endswith(alone)
    assert answered(sweep, a1=(0.2, 0.065)).endswith(alone)  # the mean is over it
    assert answered(sweep, a1=(0.015, 0.04)).endswith(
        "It does not do significantly more harm than the control `removal`."
    )


def test_where_nothing_detects_the_defences_are_told_of(tmp_path: Path) -> None:
    points, changes = curve("base", 0.2, 0.0)
    caught = rates(dropped_poison=0.3, dropped_genuine=0.1, relabelled_poison=0.2, relabelled_genuine=0.8)
    told = (
        "The defences drop 30.0 ± 1.0 % of this poison and 10.0 ± 1.0 % of genuine points; "
        "they relabel 20.0 ± 1.0 % and 80.0 ± 1.0 %."
    )
    for defence, more, ending in (([], {}, ""), ([{"name": "label_sanitisation"}], caught, f" {told}")):
        sweep = Loader(tmp_path)(
            {"attack.replicates": 5, "evaluation.detector.name": "none", "evaluation.defence": defence}
        )
        found = [replace(one, rates=one.rates | more) for one in points]
        said = answer(sweep, found, [replace(one, detectability={}) for one in changes])
        assert said.startswith("The attack is 40 % poison of ")
        assert "detectors" not in said
        assert said.endswith(f" without poison).{ending}")


def test_an_attack_before_each_of_several_evaluations_is_not_several_attacks(tmp_path: Path) -> None:
    sweep = Loader(tmp_path)({"evaluation.detector.percentile": {"grid": [0.9, 0.95]}})
    found = [curve("base", 0.2, 0.04), curve("base", 0.2, 0.5)]
    variants = [one.id for one in sweep.configurations[0].variants]
    points, changes = (
        [replace(one, variant=variant) for variant, of in zip(variants, found, strict=True) for one in of[part]]
        for part in (0, 1)
    )
    assert answer(sweep, points, changes).startswith(
        "The detectors leave 1 of 2 pairs of attack and evaluation alone: "
    )


def test_a_search_is_answered_by_what_it_looks_for(sweep: Sweep) -> None:
    both = {"metric": "excess_rejection_both", "at_most": 0.3}
    found = small_search(search__detectability=both, search__harm="error")
    expected = {"budget": 0.3, "harm": "error", "tails": "excess_rejection_both", "by_every_variant": True}
    assert rule_of(found) == expected
    assert rule_of(small_search(search__goal="front"))["budget"] == BUDGET
    assert rule_of(small_search(search__detectability=both, search__harm="error", **AGAINST_EACH)) == {
        **expected,
        "by_every_variant": False,  # whoever knows one variant has nothing to fear from the others' detectors
    }
    assert rule_of(sweep) == {"budget": BUDGET, "by_every_variant": False}


@pytest.mark.parametrize(
    ("harm", "by"),
    [("damage", "how much of the source class is taken for the poison class"), ("error", "the test error")],
)
def test_a_search_against_each_defence_says_by_what_its_attacks_are_judged(harm: str, by: str) -> None:
    key = ("trial_1", 0)
    values = {"alpha": 0.5, "iterations": 11, "sample_from": "average"}
    sweep = with_known(small_search(search__harm=harm, **AGAINST_EACH), KnownTrials({key: values}, [key], among=4))
    found = curve("confirmed_1=0000", 0.2, 0.04)
    points, changes = ([replace(one, variant="defence=none") for one in part] for part in found)
    for one in changes:
        one.rates["test_error"] = one.rates["false_positive_rate"]
    assert answer(sweep, points, changes).startswith(
        f"Without a defence, and judged by {by}, the attack is 40 % poison of confirmed 0 against defence=none, "
        "with defence=none."
    )


def test_without_victims_there_is_no_answer(sweep: Sweep) -> None:
    assert answer(sweep, [], []) == ""
    assert answer(sweep, [Point("alpha=0.1", "", 0.4, rates(rejected_poison=0.1))], []) == ""
