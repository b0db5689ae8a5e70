"""Numbers in the READMEs' sentences, worked out anew from the kept rows without the package's own statistics."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
from scipy.stats import t

from infra.docs.results import KEPT

from .files import ROOT

FIELD, FASHION, LINEAR, CANCER = ("mnist_field-quick", "fmnist_field-quick", "linear_field-quick", "cancer-field")
TWO, EPOCHS = "mnist_worst_case-quick-two-detectors", "mnist_victim_epochs-quick"
EACH, SIZES = "mnist_worst_case-quick-against-each", "mnist_train_size-quick"
TAKEN, REVERSE = "false_positive_rate", "false_negative_rate"
BEHIND = "slab+sphere"
_Means = dict[tuple[int, int], float]


@cache
def _text() -> str:
    files = (ROOT / "README.md", ROOT / "sweeps" / "README.md")
    return " ".join(" ".join(file.read_text(encoding="utf-8") for file in files).split())


@cache
def _rows(sweep: str) -> Any:
    names = ("configuration", "variant", "victim", "defence", "poison_fraction", "replicate", "run")
    shares = ("test_error", TAKEN, REVERSE, "dropped_poison", "dropped_genuine", "rejected_poison")
    return ds.dataset(KEPT / sweep / "victims", format="parquet").to_table(columns=[*names, *shares])


def rows(sweep: str, column: str = "test_error", **wanted: Any) -> _Means:
    """By replicate and run, the mean of ``column`` over the victims that are as ``wanted``."""
    table = _rows(sweep)
    for name, value in wanted.items():
        known = pc.fill_null(table[name], "") if isinstance(value, str) else table[name]
        table = table.filter(pc.equal(known, value))
    found: dict[tuple[int, int], list[float]] = {}
    for replicate, run, value in zip(*(table[name].to_pylist() for name in ("replicate", "run", column)), strict=True):
        found.setdefault((replicate, run), []).append(value)
    assert found, wanted
    return {key: float(np.mean(values)) for key, values in found.items()}


def field(
    sweep: str, attack: str, defence: str = "", column: str = "test_error", victim: str = "mlp", at: float = 0.4
) -> _Means:
    """Of one attack behind one defence."""
    name = attack if "=" in attack else f"attack={attack}"
    return rows(sweep, column, configuration=name, defence=defence, victim=victim, poison_fraction=at)


def less(one: _Means, other: _Means) -> _Means:
    """Within each pair of one split."""
    assert one.keys() == other.keys()
    return {key: one[key] - other[key] for key in one}


def said(values: _Means) -> str:
    """``11.0 ± 5.4``: Student's 95 % interval over replicates, whose runs are averaged first."""
    replicates = sorted({replicate for replicate, _ in values})
    means = [100 * np.mean([v for (r, _), v in values.items() if r == replicate]) for replicate in replicates]
    half = t.ppf(0.975, len(means) - 1) * np.std(means, ddof=1) / np.sqrt(len(means))
    return f"{np.mean(means):.1f} ± {half:.1f}"


def beyond_deletion(sweep: str, attack: str, victim: str = "mlp") -> _Means:
    return less(field(sweep, attack, victim=victim), field(sweep, "control=removal", victim=victim))


def cost(defence: str, victim: str = "mlp") -> _Means:
    """On clean data."""
    return less(*(field(FIELD, "pgan", one, victim=victim, at=0.0) for one in (defence, "")))


def fewer_than_deletion(attack: str, victim: str) -> _Means:
    return less(field(FIELD, "control=removal", victim=victim), field(FIELD, attack, victim=victim))


def over_random(attack: str) -> _Means:
    return less(*(field(LINEAR, one, victim="logistic", at=0.03) for one in (attack, "random_label_flip")))


def trial(detector: str | None) -> _Means:
    """What trial 14 does beyond its clean victims, behind one detector or, None, as a mean over both."""
    behind = {} if detector is None else {"variant": f"detector={detector}"}
    both = (rows(TWO, TAKEN, configuration="confirmed=0014", poison_fraction=at, **behind) for at in (0.4, 0.0))
    return less(*both)


def adaptive(name: str, defence: str) -> _Means:
    """What the best trial of a search against one of two variants does beyond its clean victims behind ``defence``."""
    behind = f"defence={defence}"
    return less(*(rows(EACH, TAKEN, configuration=name, variant=behind, poison_fraction=at) for at in (0.4, 0.0)))


def clean_cost() -> _Means:
    """How much more victims without poison err behind slab and sphere."""
    both = (f"defence={name}" for name in (BEHIND, "none"))
    return less(*(rows(EACH, configuration="confirmed_2=0009", variant=name, poison_fraction=0.0) for name in both))


def epochs(fraction: float) -> _Means:
    """How much more victims of 300 epochs err than those of 25."""
    return less(
        *(rows(EPOCHS, configuration="base", variant=f"epochs={n}", poison_fraction=fraction) for n in (300, 25))
    )


def sized(per_class: int, fraction: float) -> _Means:
    """Of victims with ``per_class`` training points."""
    return rows(SIZES, configuration="base", variant=f"train_per_class={per_class}", poison_fraction=fraction)


def sampled(dropout: bool, column: str = "test_error") -> _Means:
    """Of victims of G with or without ``dropout`` while it is sampled from."""
    name = "attack=c71a6b0c319a" if dropout else "attack=912d82a132aa"
    return rows("mnist_gaps-paper-sample-dropout", column, configuration=name, poison_fraction=0.4)


@pytest.mark.parametrize(
    ("sentence", "values"),
    [
        (
            "(influence by {} points), but not the",
            lambda: less(field(FIELD, "influence"), field(FIELD, "influence", BEHIND)),
        ),
        ("which was (by {})", lambda: less(field(FIELD, "constrained"), field(FIELD, "constrained", BEHIND))),
        ("they drop {} % of its points", lambda: field(FIELD, "pgan", BEHIND, "dropped_poison")),
        ("of its points, and {} % of genuine ones (on", lambda: field(FIELD, "pgan", BEHIND, "dropped_genuine")),
        ("drop {} % of pGAN's poison (of", lambda: field(FASHION, "pgan", BEHIND, "dropped_poison")),
        ("pGAN's poison (of genuine points {} %)", lambda: field(FASHION, "pgan", BEHIND, "dropped_genuine")),
        ("beyond deleting points ({} points; MLPs", lambda: beyond_deletion(FIELD, "pgan", "linear_svm")),
        ("Beyond deletion, pGAN does {} points on MLPs", lambda: beyond_deletion(FIELD, "pgan")),
        ("less than deletion (by {})", lambda: fewer_than_deletion("pgan", "logistic")),
        ("beyond deletion is not significant ({} points)", lambda: beyond_deletion(FASHION, "pgan")),
        ("On clean data TRIM costs {} points on MLPs", lambda: cost("trim")),
        ("and {} on boosted trees", lambda: cost("trim", "gradient_boosting")),
        ("label sanitisation is significant ({} on MLPs)", lambda: cost("label_sanitisation")),
        ("more than random flips (by {} points; back", lambda: over_random("influence")),
        ("back-gradient, by {}, not significantly)", lambda: over_random("back_gradient")),
        ("{} % of the benign tumours", lambda: field(CANCER, "influence", column=REVERSE)),
        ("and {} % of the malignant for benign, which", lambda: field(CANCER, "influence", column=TAKEN)),
        ("flips bring to {} %. (By", lambda: field(CANCER, "nearest_label_flip", column=TAKEN)),
        ("to {}** (five generators", lambda: trial(None)),
        ("{} points behind the slab and", lambda: trial("slab")),
        ("behind the slab and {} behind the other", lambda: trial("knn_distance")),
        ("falls from {} to 10.7", lambda: adaptive("confirmed_2=0015", "none")),
        ("6.5 to {} points beyond clean victims, and", lambda: adaptive("confirmed_2=0009", BEHIND)),
        ("searched against no defence, does {} points", lambda: adaptive("confirmed_1=0012", BEHIND)),
        (
            "points, {} less than trial 9",
            lambda: less(adaptive("confirmed_2=0009", BEHIND), adaptive("confirmed_1=0012", BEHIND)),
        ),
        ("and cost {} points of error on clean data", clean_cost),
        ("{} points are left of 34.6", lambda: adaptive("confirmed_2=0009", BEHIND)),
        ("from 25 to 300 epochs ({} points)", lambda: epochs(0.4)),
        ("rise beyond them does ({}):", lambda: less(epochs(0.4), epochs(0.0))),
        ("they err {} % without poison. But", lambda: sized(1000, 0.0)),
        ("20 % poison then adds {} points", lambda: less(sized(1000, 0.2), sized(1000, 0.0))),
        ("and not the {} that it", lambda: less(sized(500, 0.2), sized(500, 0.0))),
        ("the error is lower by {} points. Fewer", lambda: less(sampled(False), sampled(True))),
        ("are taken for 3s, by {} points, and hardly", lambda: less(sampled(False, REVERSE), sampled(True, REVERSE))),
        ("hardly more 3s for 5s ({})", lambda: less(sampled(True, TAKEN), sampled(False, TAKEN))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_sentence_has_the_number_of_the_rows(sentence: str, values: Callable[[], _Means]) -> None:
    assert sentence.format(said(values())) in _text()


def test_how_much_a_detector_sees_of_each_of_two_generators() -> None:
    seen = rows("fmnist_alpha-paper", "rejected_poison", configuration="base", poison_fraction=0.4)
    one, other = (100 * np.mean([seen[replicate, run] for run in range(2)]) for replicate in range(2))
    assert f"rejects {one:.1f} % of one generator's poison and {other:.1f} % of the other's" in _text()
