"""Several sweeps side by side: which of their series match, by how much these differ, and in which settings.

Series of two sweeps match that differ in nothing by which either sweep tells its own series apart.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pgan_ray.errors import SpecError
from pgan_ray.results import Estimate, apart, redact
from pgan_ray.study.series import Path, Series
from pgan_ray.study.setting import leaves, setting_text
from pgan_ray.study.study import Study
from pgan_ray.study.verdicts import Term, combine, control_of, family, weighted

LETTERS = "ABCDEFGH"
_ROLES = tuple(("task", key) for key in ("classes", "poison_class", "source_class"))
_NO_SETTINGS = ("name", "description", "resources", "search", "controls")
# How often and how far something is done says nothing of what it is.
_EXTENT = {("attack", "replicates"), ("evaluation", "runs"), ("evaluation", "poison_fractions")}
_OF_SPLITS = ("train_per_class", "trusted_per_class")


@dataclass(frozen=True)
class Match:
    """The series of several sweeps that are the same one, by the sweeps' letters."""

    label: str
    series: dict[str, Series]

    @property
    def planned(self) -> dict[str, int]:
        """How many replicates each of them was to have."""
        return {letter: one.settings.attack.replicates for letter, one in self.series.items()}

    @property
    def fractions(self) -> list[float]:
        """The poison fractions that all of them have, rising."""
        return sorted(set.intersection(*(set(one.fractions) for one in self.series.values())))


@dataclass(frozen=True)
class Measure:
    """A rate of victims; ``beyond``: less that of this control."""

    rate: str
    beyond: str | None = None

    def terms(self, study: Study, one: Series, fraction: float) -> list[Term]:
        """What it is the sum of; nothing where there is no such control."""
        own = Term(1, one, fraction, self.rate)
        if self.beyond is None:
            return [own]
        control = None if one.is_control else control_of(study, one, fraction, self.beyond)
        return [] if control is None else [own, Term(-1, *control, self.rate)]


@dataclass(frozen=True)
class Comparison:
    """The sweeps by their letters, the first of which the others are compared with."""

    studies: dict[str, Study]

    @cached_property
    def _found(self) -> dict[str, dict[str, Series]]:
        every = {letter: study.every_series for letter, study in self.studies.items()}
        paths = [*_ROLES, *dict.fromkeys(path for series in every.values() for path in _telling(series))]
        found: dict[str, dict[str, Series]] = {}
        for letter, series in every.items():
            for one in series:
                settings = dict(_settings(one))
                values = [settings.get(path) for path in paths]
                found.setdefault(json.dumps([_data(self.studies[letter], one), *values]), {})[letter] = one
        return found

    @cached_property
    def matches(self) -> list[Match]:
        """What two or more sweeps have, in the order of the first."""
        return [Match(_joined(found), found) for found in self._found.values() if len(found) > 1]

    @cached_property
    def alone(self) -> list[tuple[str, Series]]:
        """(letter, series) of what no other sweep has."""
        return [pair for found in self._found.values() if len(found) == 1 for pair in found.items()]

    def value(self, letter: str, match: Match, fraction: float, measure: Measure) -> Estimate | None:
        """The measure of one sweep's series at one poison fraction."""
        terms = self._terms(letter, match, fraction, measure)
        return combine(self.studies[letter], terms) if terms else None

    def difference(self, letter: str, match: Match, fraction: float, measure: Measure) -> Estimate | None:
        """By how much it is larger in the sweep ``letter`` than in the first.

        Taken within each (replicate, run) where both draw the same splits of the same data; else Welch's.
        """
        first = next(iter(self.studies))
        sides = [self._terms(name, match, fraction, measure) for name in (first, letter)]
        if not all(sides):
            return None
        if shares_splits(match.series[first], match.series[letter]):
            return weighted(
                [
                    (sign * term.weight, self.studies[name].values(term.series, term.fraction, term.rate))
                    for name, sign, terms in zip((first, letter), (-1, 1), sides, strict=True)
                    for term in terms
                ]
            )
        less, more = (combine(self.studies[name], terms) for name, terms in zip((first, letter), sides, strict=True))
        return None if less is None or more is None else apart(less, more)

    def _terms(self, letter: str, match: Match, fraction: float, measure: Measure) -> list[Term]:
        one = match.series.get(letter)
        return [] if one is None else measure.terms(self.studies[letter], one, fraction)

    def settings(self) -> list[tuple[str, ...]]:
        """(setting, its values in each sweep) of those in which matching series differ; of all series if none match."""
        every = [(letter, one) for letter, study in self.studies.items() for one in study.every_series]
        found: dict[Path, dict[str, dict[str, Any]]] = {}
        for letter, one in [pair for match in self.matches for pair in match.series.items()] or every:
            for path, value in _settings(one):
                found.setdefault(path, {}).setdefault(letter, {})[json.dumps(value)] = value
        rows = []
        for path, by_letter in found.items():
            if len({frozenset(by_letter.get(letter, ())) for letter in self.studies}) > 1:
                texts = (" or ".join(map(setting_text, by_letter.get(x, {}).values())) or "-" for x in self.studies)
                rows.append((".".join(path), *map(redact, texts)))
        return rows


def shares_splits(one: Series, other: Series) -> bool:
    """Whether the same replicate and run is the same split of the same data in both."""

    def drawn_by(series: Series) -> tuple[Any, ...]:
        settings = series.settings
        sizes = (getattr(settings.evaluation, name) for name in _OF_SPLITS)
        return settings.seed, settings.data_seed, settings.dataset, settings.task.classes, *sizes

    return drawn_by(one) == drawn_by(other)


def compare(studies: Sequence[Study]) -> Comparison:
    """``studies`` beside each other. Raises `SpecError` where they are not two or more of the same data and task."""
    if not 2 <= len(studies) <= len(LETTERS):
        raise SpecError([f"sweeps to compare must be 2 to {len(LETTERS)}, got {len(studies)}"])
    where = [redact(study.files.store.location) for study in studies]
    faults = []
    ids = [study.record.id for study in studies]
    for index, study in enumerate(studies[1:], 1):
        first = ids.index(ids[index])
        if first < index:
            faults.append(f"{where[index]}: must be another sweep than {where[first]}, got the same, {ids[index]}")
            continue
        for what, of in (("classes", _roles), ("data set", _data)):
            known, here = ({of(each, one): None for one in each.every_series} for each in (studies[0], study))
            if not set(known) & set(here):
                must = f"must have {what} in common with {where[0]} ({'; '.join(known)})"
                faults.append(f"{where[index]}: {must}, got {'; '.join(here) or 'a search without results yet'}")
                break
    if faults:
        raise SpecError(faults)
    return Comparison(dict(zip(LETTERS, studies, strict=False)))


def _data(study: Study, one: Series) -> str:
    """What its points are: of one's own by their digest; where no file says it, by the sweep's if it has one file."""
    dataset = one.settings.dataset
    path = getattr(dataset, "path", None)
    if path is None:
        return family(one) or str(dataset.name)
    if own := study.data_digest(one):
        return redact(own[:12])
    is_only = len({getattr(each.settings.dataset, "path", None) for each in study.every_series}) == 1
    digest = study.record.facts.get("dataset_digest", "") if is_only else ""
    return redact(digest[:12] or path)


def _roles(study: Study, one: Series) -> str:
    task = one.settings.task
    return f"{task.source_class} as {task.poison_class} of {', '.join(map(str, task.classes))}"


def _settings(one: Series) -> Iterator[tuple[Path, Any]]:
    tree = {key: value for key, value in one.settings.model_dump(mode="json").items() if key not in _NO_SETTINGS}
    return ((path, value) for path, value in leaves(tree, ()) if one.settings.reads(path))


def _telling(series: Sequence[Series]) -> list[Path]:
    """As few settings as tell all ``series`` of one sweep apart, names of components first."""
    trees = [dict(_settings(one)) for one in series]
    paths = [path for path in dict.fromkeys(path for tree in trees for path in tree) if path not in _EXTENT]
    paths.sort(key=lambda path: path[-1] != "name")
    groups = [trees]
    kept: list[Path] = []
    for path in paths:
        split = [part for group in groups for part in _by_value(group, path)]
        if len(split) > len(groups):
            groups, kept = split, [*kept, path]
    return kept


def _by_value(trees: Sequence[dict[Path, Any]], path: Path) -> list[list[dict[Path, Any]]]:
    found: dict[str, list[dict[Path, Any]]] = {}
    for tree in trees:
        found.setdefault(json.dumps(tree.get(path)), []).append(tree)
    return list(found.values())


def _joined(found: dict[str, Series]) -> str:
    """What they are called in their sweeps; of names of which one says it all, that one."""
    labels = sorted({one.label for one in found.values()}, key=len, reverse=True)
    kept: list[str] = []
    for label in labels:
        if not any(label in longer for longer in kept):
            kept.append(label)
    return ", ".join(kept)
