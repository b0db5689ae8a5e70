"""An attack's effect: what its victims do beyond those of a control, on the same splits.

There are two controls wherever poison replaces genuine points. `none`: genuine points stay in the poison's place, which
is what the victims without poison are; or the attack `none`, where a sweep has it. `removal`: these points are deleted
and nothing is put in, which raises the error by itself.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean

import pyarrow as pa
import pyarrow.compute as pc

from pgan_ray.results.ending import UNSAVED
from pgan_ray.results.schema import SCORES
from pgan_ray.results.summary import Estimate, estimate
from pgan_ray.spec import Configuration, Sweep

NONE = "none"
CHANGES = (*SCORES, "specificity")
"""What a `Change` has: rises beyond the control's of the test error, of the source class taken for the poison class
(`false_positive_rate`, the damage), of the reverse, and the damage minus that."""
DETECTABILITY = {
    "excess_rejection": ("rejected_poison", "rejected_genuine"),
    "excess_rejection_both": ("rejected_poison_both", "rejected_genuine_both"),
    "detector_auc": ("detector_auc",),
}
"""What a `Change` may have of how well poison is told from genuine points: a column, less the other one."""
COLUMNS = (
    *("variant", "poison_fraction", "replicate", "run", *SCORES),
    *(column for columns in DETECTABILITY.values() for column in columns),
)

_Scores = tuple[float | None, ...]
_Cells = dict[tuple[int, int], _Scores]  # (replicate, run) -> SCORES, then those of DETECTABILITY
_Values = dict[tuple[str, float], _Cells]  # by variant and poison fraction


@dataclass(frozen=True, slots=True)
class Change:
    """How much more the victims of an attack err than those of ``control``, at one point of its curve.

    ``rates``: by the names of `CHANGES`, in fractions. The differences are taken within each (replicate, run), whose
    splits are the same, so that their luck cancels; the interval is over replicates, as everywhere. ``detectability``:
    of the attack alone, by the names of `DETECTABILITY`; without those that its detectors do not give, and empty where
    nothing detects. ``means``: what ``rates`` are of, by replicate, each a mean over runs.
    """

    configuration: str
    variant: str
    poison_fraction: float
    control: str
    rates: dict[str, Estimate]
    detectability: dict[str, Estimate] = field(default_factory=dict)
    means: dict[int, dict[str, float]] = field(default_factory=dict, metadata=UNSAVED)


def scores_of(rows: pa.Table) -> pa.Table:
    """What `changes` needs of one configuration's ``rows``."""
    complete = pc.and_(pc.equal(rows["outcome"], "complete"), pc.is_valid(rows[SCORES[0]]))
    return rows.select(COLUMNS).filter(complete)


def changes(sweep: Sweep, scores: Mapping[str, pa.Table]) -> list[Change]:
    """The effects of all attacks of ``sweep`` that have poison and `scores_of` some rows, by configuration."""
    by_setting: dict[str, list[Configuration]] = defaultdict(list)
    for one in sweep.configurations:
        if one.is_control and one.id in scores:
            by_setting[one.setting].append(one)
    values = {one.id: _values(scores[one.id]) for found in by_setting.values() for one in found}
    every: list[Change] = []
    for one in sweep.configurations:
        if not one.is_control and one.id in scores:
            known = {control.settings.attack.name: values[control.id] for control in by_setting[one.setting]}
            every += _changes(one, _values(scores[one.id]), known)
    return every


def _changes(one: Configuration, own: _Values, known: Mapping[str, _Values]) -> Iterator[Change]:
    for variant in one.variants:
        # Those of a search's trials are trained once for all of them.
        clean = own.get((variant.id, 0.0)) or known.get(NONE, {}).get((variant.id, 0.0))
        for fraction in sorted(variant.evaluation.poison_fractions):
            poisoned = own.get((variant.id, fraction))
            if not fraction or not poisoned:
                continue
            seen = _seen(poisoned) if variant.evaluation.detector.component.filters else {}
            beside = {name: cells.get((variant.id, fraction)) for name, cells in known.items()}
            beside = {NONE: beside.pop(NONE, None) or clean, **beside}
            for name, control in beside.items():
                rises = _rises(poisoned, control or {})
                if rises:
                    rates = {rate: estimate([runs[rate] for runs in rises.values()]) for rate in CHANGES}
                    means = {
                        replicate: {rate: fmean(runs[rate]) for rate in CHANGES} for replicate, runs in rises.items()
                    }
                    yield Change(one.id, variant.id, fraction, name, rates, seen, means)


def _rises(poisoned: _Cells, control: _Cells) -> dict[int, dict[str, list[float]]]:
    """By replicate, the rise of each of `CHANGES` in each run."""
    by_replicate: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    for key in sorted(poisoned.keys() & control.keys()):
        of_both = zip(poisoned[key][: len(SCORES)], control[key][: len(SCORES)], strict=True)
        error, taken, reverse = (a - b for a, b in of_both if a is not None and b is not None)
        by_replicate[key[0]].append((error, taken, reverse, taken - reverse))
    return {
        replicate: dict(zip(CHANGES, map(list, zip(*runs, strict=True)), strict=True))
        for replicate, runs in by_replicate.items()
    }


def _seen(cells: _Cells) -> dict[str, Estimate]:
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key in sorted(cells):
        rest = iter(cells[key][len(SCORES) :])
        for name, columns in DETECTABILITY.items():
            values = [next(rest) for _ in columns]
            known = [value for value in values if value is not None]
            if len(known) == len(columns):
                found[name][key[0]].append(known[0] - sum(known[1:]))
    return {name: estimate(by_replicate.values()) for name, by_replicate in found.items()}


def _values(scores: pa.Table) -> _Values:
    found: _Values = defaultdict(dict)
    columns = (scores[name].to_pylist() for name in COLUMNS)
    for variant, fraction, replicate, run, *rates in zip(*columns, strict=True):
        found[variant, fraction][replicate, run] = tuple(rates)
    return found
