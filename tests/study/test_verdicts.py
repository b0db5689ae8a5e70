"""Verdicts by interval: the rules at their edges, the pairing, and every statement on rows made for it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pgan_ray.results import Estimate, estimate
from pgan_ray.spec import Cell, Settings
from pgan_ray.study.paper import STATEMENTS, Holds, Rule, Sign, Within
from pgan_ray.study.rules import AGREES, CANNOT_TELL, COMPATIBLE, DIFFERS, here_text, judge, paper_text
from pgan_ray.study.study import Study, load_study
from pgan_ray.study.verdicts import Finding, Term, by_statement, combine, family, findings, overall, slope_weights
from tests.report.report_sweep import (
    ALPHAS,
    DETECTION,
    FLIPS,
    LAMBDAS,
    PLANE,
    SIZES,
    TEN,
    harm,
    make_store,
    make_study,
    write_genuine,
)

FMNIST = (
    ALPHAS.replace("mnist}", "fashion-mnist}")
    .replace("[3, 5]", "[7, 9]")
    .replace("poison_class: 5", "poison_class: 9")
    .replace("source_class: 3", "source_class: 7")
)


def found(mean: float, half: float | None) -> Estimate:
    return Estimate(mean, half, 1 if half is None else 5, 10)


ONE_SIDED = 2.131847 / 2.776445  # of t at 95 % to t at 97.5 %, five generators


@pytest.mark.parametrize(
    ("rule", "mean", "half", "verdict"),
    [
        (Holds(0.5), 0.5, 0.1, COMPATIBLE),
        (Holds(0.5), 0.25, 0.25, COMPATIBLE),  # the interval ends on it
        (Holds(0.5), 0.25, 0.2499, DIFFERS),
        (Holds(0.5), 0.75, 0.2499, DIFFERS),
        (Holds(0.5), 0.5, 0.26, CANNOT_TELL),  # wider than half of the number
        (Holds(0.5), 0.9, 0.3, DIFFERS),  # wide, and yet elsewhere
        (Holds(0.5, over=True), 0.9, 0.3, AGREES),
        (Holds(0.5, over=True), 0.5 + 1.01 * ONE_SIDED * 0.2, 0.2, AGREES),  # by the one-sided interval
        (Holds(0.5, over=True), 0.5 + 0.99 * ONE_SIDED * 0.2, 0.2, COMPATIBLE),
        (Holds(0.5, over=True), 0.5 - 0.99 * ONE_SIDED * 0.2, 0.2, COMPATIBLE),
        (Holds(0.5, over=True), 0.5 - 1.01 * ONE_SIDED * 0.2, 0.2, DIFFERS),
        (Holds(0.5, over=True), 0.5, 0.26, CANNOT_TELL),
        (Holds(0.12, over=True), 0.116, 0.032, COMPATIBLE),  # a truth of 10 % would look like this
        (Sign(1), 1e-17, 1e-17, CANNOT_TELL),  # what is left of sums of floats
        (Holds(0.011), 0.011, 0.01, COMPATIBLE),  # a small number may have a point to either side
        (Holds(-0.11), -0.1, 0.02, COMPATIBLE),
        (Holds(-0.11), 0.0, 0.02, DIFFERS),
        (Sign(1), 0.5, 0.5, AGREES),  # the one-sided interval is shorter
        (Sign(1), 0.5, 0.501 / ONE_SIDED, CANNOT_TELL),
        (Sign(1), -0.5, 0.5, DIFFERS),
        (Sign(-1), -0.5, 0.5, AGREES),
        (Sign(-1), 0.5, 0.5, DIFFERS),
        (Sign(-1, 0.5), 0.25, 0.25, AGREES),
        (Sign(-1, 0.5), 0.25, 0.251 / ONE_SIDED, CANNOT_TELL),
        (Sign(-1, 0.5), 0.8, 0.2, DIFFERS),
        (Within(0.0, 0.25), 0.125, 0.125, AGREES),
        (Within(0.0, 0.25), 0.2, 0.1, CANNOT_TELL),
        (Within(0.0, 0.25), -0.5, 0.2, DIFFERS),
        *((rule, 0.5, half, CANNOT_TELL) for rule in (Holds(0.5), Sign(1), Within(0, 1)) for half in (None, 0.0)),
    ],
)
def test_rules_at_their_edges(rule: Rule, mean: float, half: float | None, verdict: str) -> None:
    assert judge(rule, found(mean, half))[0] == verdict


@pytest.mark.parametrize("rule", [Holds(0.5), Holds(0.5, over=True), Sign(1), Within(0, 1)])
def test_two_generators_tell_nothing(rule: Rule) -> None:
    assert judge(rule, Estimate(0.5, 0.01, 2, 10)) == (CANNOT_TELL, "fewer than 3 generators")


@pytest.mark.parametrize("generators", [3, 5, 10])
@pytest.mark.parametrize(
    ("rule", "truth"),
    [(Sign(1), 0.0), (Sign(-1, 0.5), 0.5), (Holds(0.12, over=True), 0.12), (Within(0.0, 0.1), 0.1)],
)
def test_at_the_boundary_at_most_one_in_twenty_is_wrongly_said_to_agree(
    rule: Rule, truth: float, generators: int
) -> None:
    """Whatever the spread, if generators are normal: of 4,000 sweeps, with three deviations of luck."""
    samples = np.random.default_rng(generators).normal(truth, 0.03, (4000, generators))
    verdicts = [judge(rule, estimate([[value] for value in sample]))[0] for sample in samples.tolist()]
    assert verdicts.count(AGREES) / 4000 <= 0.05 + 3 * (0.05 * 0.95 / 4000) ** 0.5


def test_a_truth_of_10_per_cent_is_not_said_to_be_over_12() -> None:
    samples = np.random.default_rng(1).normal(0.10, 0.0258, (4000, 5))  # intervals of some 3.2 points
    verdicts = [judge(Holds(0.12, over=True), estimate([[v] for v in sample]))[0] for sample in samples.tolist()]
    assert verdicts.count(AGREES) < 0.02 * 4000


def test_nothing_found_is_nothing_told() -> None:
    assert judge(Sign(1), None) == (CANNOT_TELL, "no results yet")


def test_differences_are_paired(tmp_path: Path) -> None:
    """What a replicate and run share cancels: the interval of the difference is that of the effect alone."""

    def luck(settings: Settings, cell: Cell) -> dict[str, Any]:
        shared = float(np.random.default_rng([cell.replicate, cell.run]).uniform(0, 0.5))
        return harm(settings, cell) | {"test_error": shared + 0.1 * cell.poison_fraction * (1 + 0.01 * cell.replicate)}

    study = make_study(tmp_path, scores=luck)
    one = study.series[0]
    difference = combine(
        study, [Term(1, one, 0.4, "test_error"), Term(-1, one, 0.0, "test_error")]
    )  # 0.04, 0.0404, 0.0408
    assert difference is not None
    assert difference.half_width is not None
    assert (difference.mean, difference.replicates, difference.cells) == (pytest.approx(0.0404), 3, 6)
    assert difference.half_width == pytest.approx(4.302653 * 0.0004 / 3**0.5, rel=1e-5)
    alone = study.curve(one, "test_error")[0.4]
    assert alone.half_width is not None
    assert alone.half_width > 100 * difference.half_width


def test_cells_without_their_partner_do_not_count(tmp_path: Path) -> None:
    def some_diverged(settings: Settings, cell: Cell) -> dict[str, Any]:
        lost = cell.replicate == 1 and cell.poison_fraction == 0.4 and settings.attack.alpha == 0.1
        return harm(settings, cell) | ({"outcome": "diverged"} if lost else {})

    study = make_study(tmp_path, scores=some_diverged)
    one = study.series[0]
    difference = combine(study, [Term(1, one, 0.4, "test_error"), Term(-1, one, 0.0, "test_error")])
    assert difference is not None
    assert (difference.replicates, difference.cells) == (2, 4)


def test_slopes() -> None:
    xs = [0.1, 0.3, 0.9]
    weights = slope_weights(xs)
    assert sum(w * (2 + 5 * x) for w, x in zip(weights, xs, strict=True)) == pytest.approx(5)


def about(study: Study) -> dict[tuple[str, str], Finding]:
    """By the statement's first words and the series."""
    return {(one.statement.says, one.subject): one for one in findings(study)}


def verdict(study: Study, words: str, subject: str | None = None) -> str:
    (one,) = {
        one.verdict
        for (says, about_what), one in about(study).items()
        if words in says and (subject is None or subject == about_what.partition(", beyond")[0])
    }
    return one


def test_an_attack_as_the_papers(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    assert verdict(study, "2.5 %") == COMPATIBLE
    assert verdict(study, "above 12 %") == COMPATIBLE
    assert verdict(study, "more limited at larger") == AGREES
    assert verdict(study, "rises with the share") == AGREES
    assert verdict(study, "5 % are rejected at percentile 0.95") == COMPATIBLE
    assert verdict(study, "rejected less than genuine points") == AGREES
    assert verdict(study, "error-specific") == AGREES
    says = {one.statement.says for one in findings(study)}
    assert not any("λ′" in text or "Ten classes" in text or "Fashion" in text or "flipping" in text for text in says)
    clean = [one for one in findings(study) if "2.5 %" in one.statement.says]
    assert [one.subject for one in clean] == ["3 series"]  # every alpha has clean victims of its own: one verdict
    assert paper_text(clean[0].statement) == "2.5 %"
    assert here_text(clean[0].statement, clean[0].found) == "2.6 ± 0.2 %"


def opposite(settings: Settings, cell: Cell) -> dict[str, Any]:
    made = harm(settings, cell)
    return made | {
        "test_error": 0.2 - made["test_error"],
        "rejected_poison": cell.poison_fraction and 0.9 + 0.002 * cell.replicate,
    }


def test_an_attack_that_is_the_opposite(tmp_path: Path) -> None:
    study = make_study(tmp_path, scores=opposite)
    assert verdict(study, "2.5 %") == DIFFERS
    assert verdict(study, "more limited at larger") == DIFFERS
    assert verdict(study, "rises with the share", "α 0.1") == DIFFERS
    assert verdict(study, "rejected less than genuine points") == DIFFERS


def test_one_generator_tells_nothing(tmp_path: Path) -> None:
    found_here = findings(make_study(tmp_path, replicates=1))
    assert found_here
    assert {one.verdict for one in found_here} == {CANNOT_TELL}
    assert {one.reason for one in found_here} == {"fewer than 3 generators"}


def test_no_rows_list_the_statements_all_the_same(tmp_path: Path) -> None:
    found_here = findings(make_study(tmp_path, replicates=0))
    assert {one.reason for one in found_here} == {"no results yet"}


def test_fashion(tmp_path: Path) -> None:
    study = make_study(tmp_path, FMNIST)
    assert verdict(study, "4.75 %") == DIFFERS
    assert verdict(study, "more limited at larger") == AGREES


def test_alpha_0_is_no_neighbour_of_the_strongest(tmp_path: Path) -> None:
    def weak_at_0(settings: Settings, cell: Cell) -> dict[str, Any]:
        return harm(settings, cell) | ({"test_error": 0.025} if settings.attack.alpha == 0 else {})

    study = make_study(tmp_path, ALPHAS.replace("[0.1, 0.5", "[0, 0.1, 0.5"), weak_at_0)
    assert verdict(study, "more limited at larger", "α 0.1") == AGREES


def test_clean_victims_are_those_of_every_series(tmp_path: Path) -> None:
    def by_alpha(settings: Settings, cell: Cell) -> dict[str, Any]:
        assert settings.attack.alpha is not None
        clean = 0.025 + 0.01 * (settings.attack.alpha - 0.5)  # luck, that no single series may stand for
        return harm(settings, cell) | {"test_error": clean + 0.0001 * cell.replicate}

    (one,) = (one for one in findings(make_study(tmp_path, scores=by_alpha)) if "2.5 %" in one.statement.says)
    assert one.found is not None
    assert one.found.mean == pytest.approx(0.0251)


@pytest.mark.parametrize(
    ("sizes", "subject"),
    [("{grid: [500, 1000]}", "1,000 points"), ("200", "pGAN α 0.1"), ("{grid: [250, 1000]}", None)],
)
def test_clean_victims_of_the_papers_size(tmp_path: Path, sizes: str, subject: str | None) -> None:
    study = make_study(tmp_path, SIZES.replace("{grid: [500, 1000, 2000]}", sizes))
    assert [one.subject for one in findings(study) if "2.5 %" in one.statement.says] == ([subject] if subject else [])


def lambdas(settings: Settings, cell: Cell) -> dict[str, Any]:
    assert settings.attack.lambda_prior is not None
    effect = {0.1: 0.01, 0.5: 0.04, 0.9: 0.06, 1.0: 0.055}[settings.attack.lambda_prior]
    effect *= (1 + 0.01 * cell.replicate) * (cell.poison_fraction > 0)
    return harm(settings, cell) | {"test_error": 0.03 + effect}


def test_lambda(tmp_path: Path) -> None:
    study = make_study(tmp_path, LAMBDAS, lambdas)
    for words in ("small λ′", "grows with λ′", "Even with λ′ 1", "only slightly less"):
        assert verdict(study, words) == AGREES, words
    others = [one for one in findings(study) if not one.statement.place.startswith("Fig. 4 left")]
    # What the paper says of other figures, it says of lambda 0.9; genuine points know no lambda.
    assert {one.subject for one in others} == {"λ′ 0.9", "λ′ 0.9, beyond none", "4 series"}


def test_lambda_is_judged_at_20_per_cent(tmp_path: Path) -> None:
    def reversed_beyond(settings: Settings, cell: Cell) -> dict[str, Any]:
        made = lambdas(settings, cell)
        return made | ({"test_error": 0.2 - made["test_error"]} if cell.poison_fraction > 0.2 else {})

    study = make_study(tmp_path, LAMBDAS.replace("[0, 0.2]", "[0, 0.2, 0.4]"), reversed_beyond)
    for words in ("small λ′", "grows with λ′", "Even with λ′ 1", "only slightly less"):
        assert verdict(study, words) == AGREES, words


def test_detection_without_victims(tmp_path: Path) -> None:
    study = make_study(tmp_path, DETECTION)
    for words in ("5 % are rejected", "10 % are rejected"):
        assert verdict(study, words) == COMPATIBLE, words
    for words in ("rejected less than genuine", "With α 0, too"):
        assert verdict(study, words) == AGREES, words
    assert {one.subject for one in findings(study) if "α of 0.1" in one.statement.says} == {
        f"α {alpha}, percentile {percentile}" for alpha in (0.1, 0.9) for percentile in (0.9, 0.95)
    }


def flips(settings: Settings, cell: Cell) -> dict[str, Any]:
    is_pgan = settings.attack.is_trained
    rise = cell.poison_fraction * (0.3 if is_pgan else 0.2) * (1 + 0.01 * cell.replicate)
    return harm(settings, cell) | {
        "test_error": 0.03 + rise / 2,
        "false_positive_rate": 0.03 + rise,
        "false_negative_rate": 0.03 + (0 if is_pgan else rise / 2),
    }


def test_label_flipping(tmp_path: Path) -> None:
    study = make_study(tmp_path, FLIPS, flips)
    for words in ("does more harm", "Label flipping raises the false pos", "the false negative rate as well",
                  "pGAN raises the false positive", "error-specific"):  # fmt: skip
        assert verdict(study, words) == AGREES, words


PGAN = "{{alpha: {}, lambda_prior: {}, replicates: 3, iterations: 50}}"


def sections(*attacks: str) -> str:
    """A sweep over whole sections."""
    head, rest = FLIPS.split("attack:\n")
    return f"{head}attack: {{grid: [{', '.join(attacks)}]}}\n{rest[rest.index('evaluation') :]}"


def test_label_flipping_as_a_section(tmp_path: Path) -> None:
    text = sections(PGAN.format(0.1, 0.9), "{name: nearest_label_flip, replicates: 3}")
    assert verdict(make_study(tmp_path, text, flips), "does more harm") == AGREES


def test_lambda_and_alpha_as_sections(tmp_path: Path) -> None:
    study = make_study(tmp_path / "lambda", sections(*(PGAN.format(0.2, some) for some in (0.1, 0.5, 0.9, 1))), lambdas)
    for words in ("small λ′", "grows with λ′", "only slightly less"):
        assert verdict(study, words) == AGREES, words
    study = make_study(tmp_path / "alpha", sections(*(PGAN.format(some, 0.9) for some in (0.1, 0.5, 0.9))))
    assert verdict(study, "more limited at larger") == AGREES


def test_sections_that_differ_in_more_are_not_compared(tmp_path: Path) -> None:
    other = PGAN.format(0.1, 0.1).replace("iterations: 50", "iterations: 60")
    text = sections(PGAN.format(0.1, 0.9), other)
    says = {one.statement.says for one in findings(make_study(tmp_path, text, harm))}
    assert not any("small λ′" in text or "grows with λ′" in text for text in says)


def sizes(settings: Settings, cell: Cell) -> dict[str, Any]:
    gap = 40 / settings.evaluation.train_per_class
    return harm(settings, cell) | {"test_error": 0.02 + cell.poison_fraction * gap * (1 + 0.01 * cell.replicate)}


def test_training_points(tmp_path: Path) -> None:
    study = make_study(tmp_path, SIZES, sizes)
    (one,) = (one for one in findings(study) if "gap" in one.statement.says)
    assert one.verdict == AGREES
    assert one.subject == "1,000 points to 4,000 points, beyond none"
    assert here_text(one.statement, one.found).endswith("points per 1,000 points")


def ten(settings: Settings, cell: Cell) -> dict[str, Any]:
    moved = round(1000 * 3 * cell.poison_fraction * (1 + 0.01 * cell.replicate))
    matrix = 1000 * np.eye(10, dtype=int)
    matrix[3, 3], matrix[3, 5] = 989 - moved, 11 + moved
    return harm(settings, cell) | {
        "confusion": matrix.tolist(),
        "test_error": 0.05 + moved / 10000,
        "false_positive_rate": matrix[3, 5] / 1000,
    }


def test_ten_classes(tmp_path: Path) -> None:
    study = make_study(tmp_path, TEN, ten)
    for words in ("13.1 %", "rises by 12 points"):
        assert verdict(study, words) == COMPATIBLE, words
    assert verdict(study, "1.1 % of the 3s") == CANNOT_TELL  # every generator came to the same
    assert verdict(study, "only slightly") == AGREES
    (recall,) = (one for one in findings(study) if "detection rate" in one.statement.says)
    assert here_text(recall.statement, recall.found).startswith("−12.1")
    assert paper_text(recall.statement) == "−11 points"


def test_the_matrices_are_in_the_order_of_the_labels(tmp_path: Path) -> None:
    """Of two classes the source comes first, whatever the order in the file."""

    def ninety(settings: Settings, cell: Cell) -> dict[str, Any]:
        return harm(settings, cell) | {"confusion": [[90, 10], [40, 60]]}

    study = make_study(tmp_path, ALPHAS.replace("classes: [3, 5]", "classes: [5, 3]"), ninety)
    found = study.values(study.series[0], 0.4, "source_recall")
    assert len(found) == 6
    assert set(found.values()) == {0.9}


def plane(settings: Settings, cell: Cell) -> dict[str, Any]:
    rise = (0.3 if settings.attack.alpha == 0 else 0.01) * cell.poison_fraction * 5
    return harm(settings, cell) | {"test_error": 0.05 + rise * (1 + 0.01 * cell.replicate)}


def test_two_gaussians(tmp_path: Path) -> None:
    store = make_store(tmp_path, PLANE, plane)
    study_without = about(make_study(tmp_path / "without", PLANE, plane))
    assert {one.reason for (says, _), one in study_without.items() if "poison lies" in says} == {"no results yet"}
    write_genuine(store, source=(4.0, 0.0), own=(0.0, 0.0))
    study = load_study(store)
    assert verdict(study, "very effective") == AGREES
    assert verdict(study, "very reduced") == AGREES
    assert verdict(study, "matches") in (AGREES, CANNOT_TELL)
    assert study.placements["alpha=1"]
    assert verdict(study, "lies far") == CANNOT_TELL  # every generator here draws the same


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (ALPHAS, "mnist"),
        (ALPHAS.replace("mnist}", "mnist-5k}"), "mnist"),
        (ALPHAS.replace("[3, 5]", "[3, 5, 8]").replace("0.2, 0.4", "0.2"), None),
        (ALPHAS.replace("poison_class: 5", "poison_class: 3").replace("source_class: 3", "source_class: 5"), None),
        (ALPHAS.replace("mnist}", "digits}"), None),
        (FMNIST, "fmnist"),
        (TEN, "mnist-ten"),
        (PLANE, "synthetic"),
    ],
)
def test_what_the_paper_speaks_of(tmp_path: Path, text: str, kind: str | None) -> None:
    study = make_study(tmp_path, text, replicates=0)
    assert family(study.series[0]) == kind
    assert bool(findings(study)) == (kind is not None)


def test_another_victim_or_detector_is_not_the_papers(tmp_path: Path) -> None:
    text = ALPHAS.replace(
        "  runs: 2", "  victim: {name: {grid: [mlp, knn]}}\n  detector: {name: {grid: [knn_distance, sphere]}}"
    )
    study = make_study(tmp_path, text, replicates=0)
    errors = [one for one in findings(study) if "share of poison" in one.statement.says]
    assert len(errors) == 3
    rejected = [one for one in findings(study) if "less than genuine points" in one.statement.says]
    assert len(rejected) == 3  # once for each alpha, not for each victim


def test_every_statement_says_where_it_stands() -> None:
    assert all(one.place.startswith("Fig. ") and one.says.endswith(".") and one.measure for one in STATEMENTS)
    assert len(STATEMENTS) > 20


def test_a_statement_counts_once_and_holds_where_all_its_findings_do(tmp_path: Path) -> None:
    def reversed_at_9(settings: Settings, cell: Cell) -> dict[str, Any]:
        made = harm(settings, cell)
        return made if settings.attack.alpha != 0.9 else made | {"test_error": 0.2 - made["test_error"]}

    study = make_study(tmp_path, scores=reversed_at_9)
    verdicts = {statement.says: overall(found) for statement, found in by_statement(findings(study))}
    assert len(verdicts) == len({one.statement.says for one in findings(study)})
    assert verdicts["The error rises with the share of poison."] == DIFFERS
    assert {one.verdict for one in findings(study) if "share of poison" in one.statement.says} == {AGREES, DIFFERS}


def depleted(settings: Settings, cell: Cell) -> dict[str, Any]:
    """An attack that does no more than to delete what it replaces: errors of the poison class alone."""
    noise = 0.001 * float(np.random.default_rng([cell.replicate, cell.run]).normal())
    lost = 0.2 * cell.poison_fraction * (1 + 0.01 * cell.replicate)
    luck = 0.0001 * cell.replicate * cell.poison_fraction * (-1) ** cell.replicate * settings.attack.is_trained
    return harm(settings, cell) | {
        "test_error": 0.03 + lost + noise + luck,
        "false_positive_rate": 0.03 - lost / 10 + noise,
        "false_negative_rate": 0.03 + 2 * lost + noise,
    }


def test_what_deleting_does_by_itself_is_no_attack(tmp_path: Path) -> None:
    """The error rises with the share of poison, and yet nothing of it is the attack's."""
    study = make_study(tmp_path, ALPHAS.replace("controls: false\n", ""), depleted)
    assert [one.label for one in study.controls] == ["removal (control)"]
    by_subject = {one.subject: one for one in findings(study) if "share of poison" in one.statement.says}
    assert by_subject["α 0.1, beyond none"].verdict == AGREES
    assert by_subject["α 0.1, beyond removal"].verdict == CANNOT_TELL
    (group,) = [found for statement, found in by_statement(findings(study)) if "share of poison" in statement.says]
    assert overall(group) == CANNOT_TELL


def test_a_pool_to_draw_from_is_not_the_papers(tmp_path: Path) -> None:
    study = make_study(tmp_path, FLIPS.replace("  alpha: 0.1", "  alpha: 0.1\n  pool: {grid: [null, 2000]}"), flips)
    subjects = {one.subject for one in findings(study) if one.statement.says.startswith("Label flipping raises")}
    assert subjects == {"nearest label flip, no pool, beyond none"}
