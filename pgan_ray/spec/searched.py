"""A search as a sweep: its trials, what they are compared with, and the best of them once more."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any

from pydantic import ValidationError

from pgan_ray.errors import SpecError
from pgan_ray.spec import grid
from pgan_ray.spec.controls import NONE, control, with_controls
from pgan_ray.spec.expand import expand, spec_error
from pgan_ray.spec.faults import show, where
from pgan_ray.spec.limits import check_size
from pgan_ray.spec.search import SearchSpec
from pgan_ray.spec.seeds import seed_sequence
from pgan_ray.spec.space import Dimension, at_first, dimensions
from pgan_ray.spec.sweep import Configuration, Sweep, Variant

MAIN, RANDOM = "trial", "random"
"""The series of trials: what the search's method asks for, and the random search beside it.

Of a search against each variant ``trial_1``, ``random_1``, ``trial_2`` and so on, by the variants' order.
"""
CONFIRMED, CONFIRMED_RANDOM = "confirmed", "confirmed_random"
"""What those of a series are called that are evaluated afresh, in the same way."""
VALIDATION = "validation"

Values = Mapping[str, Any]
TrialKey = tuple[str, int]  # series, number
_ID = re.compile(r"\b(\w+_\d{1,6})=(\d{4,5})\b")  # of trials against one variant, as `_numbered` gives them


@dataclass(frozen=True)
class KnownTrials:
    """How far a search is. ``values``: of each trial that was asked for, by name; None where they do not go together.

    ``confirmed``: the trials that are evaluated afresh, the best first, as they were chosen ``among`` so many.
    ``stopped``: the trials that were stopped early.
    """

    values: Mapping[TrialKey, Values | None] = field(default_factory=dict)
    confirmed: Sequence[TrialKey] = ()
    among: int = 0
    stopped: Set[TrialKey] = frozenset()


@dataclass(frozen=True)
class Search:
    """What is searched. ``tree``: the file's, each dimension at its first value, grids of the evaluation in place."""

    spec: SearchSpec
    dimensions: tuple[Dimension, ...]
    tree: Mapping[str, Any] = field(compare=False)
    base: Configuration
    # What was made of which values: a search of a thousand trials is looked at as a whole once a wave.
    _made: dict[str, tuple[Values, Configuration]] = field(default_factory=dict, compare=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Workers get their own trials, and nothing of the others."""
        return {**{key: value for key, value in vars(self).items() if not key.startswith("_dearest")}, "_made": {}}

    @property
    def contests(self) -> tuple[tuple[str, ...], ...]:
        """The series of trials, together those that are judged by the same variants."""
        kinds = (MAIN,) if self.spec.baseline == "none" else (MAIN, RANDOM)
        against: Sequence[int | None] = [None] if self.spec.against == "all" else range(len(self.base.variants))
        return tuple(tuple(_series(kind, index) for kind in kinds) for index in against)

    @property
    def series(self) -> tuple[str, ...]:
        """All series of trials."""
        return tuple(series for contest in self.contests for series in contest)

    def faced(self, series: str, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        """Of the ``variants`` of a configuration those by which the trials of one series are judged."""
        _, index = _parts(series)
        return variants if index is None else (variants[index],)

    def against(self, series: str) -> str:
        """The id of the variant that the trials of one series are against; empty where that is all."""
        return "" if self.spec.against == "all" else self.faced(series, self.base.variants)[0].id

    def in_words(self, text: str) -> str:
        """``text`` with ``confirmed 7 against defence=slab`` in the place of ids such as ``confirmed_2=0007``."""

        def words(found: re.Match[str]) -> str:
            kind, index = _parts(found[1])
            known = kind in (MAIN, RANDOM, CONFIRMED, CONFIRMED_RANDOM)
            if not known or index is None or not 0 <= index < len(self.base.variants):
                return found[0]
            return f"{kind.replace('_', ' ')} {int(found[2])} against {self.base.variants[index].id}"

        return text if self.spec.against == "all" else _ID.sub(words, text)

    def method_text(self, series: str) -> str:
        """What asks for the trials of one series: ``tpe``, ``random``, ``tpe against defence=slab``."""
        method = "random" if is_random(series) else self.spec.method
        return f"{method} against {self.against(series)}" if self.against(series) else method

    def trial_text(self, key: TrialKey) -> str:
        """``trial 7``, ``random trial 7``, ``trial 7 against defence=slab``."""
        text = f"{'random trial' if is_random(key[0]) else 'trial'} {key[1]}"
        return f"{text} against {self.against(key[0])}" if self.against(key[0]) else text

    @property
    def poison_fraction(self) -> float:
        """Where trials are judged."""
        return self.spec.poison_fraction or max(self.base.variants[0].evaluation.poison_fractions)

    def trial(self, key: TrialKey, values: Values) -> Configuration:
        """The configuration of a trial, judged on validation points. Raises `SpecError` if ``values`` do not fit."""
        return self._remembered(trial_id(key), values, lambda: self._trial(key, values))

    def confirmation(self, key: TrialKey, values: Values) -> Configuration:
        """A trial once more: its streams are new, and so are its generators; the data is split as before."""
        kind, index = _parts(key[0])
        name = _numbered(_series(CONFIRMED_RANDOM if kind == RANDOM else CONFIRMED, index), key[1])
        return self._remembered(name, values, lambda: self._confirmation(name, key, values))

    def _remembered(self, name: str, values: Values, make: Callable[[], Configuration]) -> Configuration:
        if name not in self._made or self._made[name][0] != values:
            self._made[name] = dict(values), make()
        return self._made[name][1]

    def _trial(self, key: TrialKey, values: Values) -> Configuration:
        found = self._with(values)
        settings = found.settings
        dataset = settings.dataset.model_copy(update={"judged_on": VALIDATION})
        variants = self.faced(key[0], self._judging(found))
        update = {"dataset": dataset, "evaluation": variants[0].evaluation}
        return replace(
            found,
            id=trial_id(key),
            settings=settings.model_copy(update=update),
            variants=variants,
            setting=VALIDATION,
            trial=key,
            is_result=False,
        )

    def _judging(self, of: Configuration) -> tuple[Variant, ...]:
        """The variants by which trials of all series are judged."""
        return _variants(of, {"poison_fractions": [self.poison_fraction]})

    def _confirmation(self, name: str, key: TrialKey, values: Values) -> Configuration:
        found, again = self._with(values), self.spec.confirm
        settings = found.settings
        variants = _variants(found, {"runs": again.runs})
        update = {
            "seed": int(seed_sequence(settings.seed, "search", CONFIRMED).generate_state(1)[0]),
            "dataset": settings.dataset.model_copy(update={"split_seed": settings.data_seed}),
            "attack": settings.attack.model_copy(update={"replicates": again.replicates}),
            "evaluation": variants[0].evaluation,
        }
        return replace(found, id=name, settings=settings.model_copy(update=update), variants=variants, trial=key)

    def configurations(self, known: KnownTrials) -> tuple[Configuration, ...]:
        """All of them: those that are not known yet stand there with the dearest of what may be asked for."""
        trials = {one.id: one for one in self._trials(known)}
        results = {one.id: one for one in self._confirmed(known)}
        return (*self._compared(trials, judged=True), *self._compared(results, judged=False))

    def wave(self, trials: Mapping[TrialKey, Values]) -> tuple[Configuration, ...]:
        """Some ``trials``, by their values, and the controls of all."""
        return self._compared({trial_id(key): self.trial(key, values) for key, values in trials.items()}, judged=True)

    def _trials(self, known: KnownTrials) -> Iterator[Configuration]:
        for series in self.series:
            for number in range(self.spec.trials):
                key = series, number
                if key not in known.values:
                    yield replace(self._dearest[series], id=trial_id(key), trial=key)
                elif (values := known.values[key]) is not None:
                    found = self.trial(key, values)
                    yield replace(found, is_stopped=True) if key in known.stopped else found

    def _confirmed(self, known: KnownTrials) -> Iterator[Configuration]:
        for key in known.confirmed:
            values = known.values.get(key)
            if values is not None:
                yield self.confirmation(key, values)
        if known.among < self.spec.trials:
            dearest = self._confirmation("", (self.series[0], 0), self._dearest_values)
            for index in range(len(self.series) * min(self.spec.confirm.top, self.spec.trials)):
                yield replace(dearest, id=f"{CONFIRMED}=rank{index + 1}", trial=None)

    @cached_property
    def _dearest_values(self) -> Values:
        values = {one.name: one.dearest for one in self.dimensions}
        try:
            self._with(values)
        except SpecError:  # they do not go together
            return {}
        return values

    @cached_property
    def _dearest(self) -> dict[str, Configuration]:
        """By series, what stands for a trial that is not known yet, where memory and time are planned."""
        return {series: self._trial((series, 0), self._dearest_values) for series in self.series}

    def _compared(self, found: dict[str, Configuration], *, judged: bool) -> tuple[Configuration, ...]:
        """``found`` with the controls beside which they are judged."""
        members = list(found.values())
        if not members:
            return ()
        variants = self._judging(self.base) if judged else members[0].variants
        # Of a trial no victims without poison are trained: they are the same for all.
        lacking = [one for one in variants if judged or 0 not in one.evaluation.poison_fractions]
        if lacking:
            clean = _variants(replace(members[0], variants=tuple(lacking)), {"poison_fractions": [0.0]})
            genuine = control(NONE, members, clean)
            found[genuine.id] = genuine
        if members[0].settings.controls:
            found = with_controls({name: replace(one, variants=variants) for name, one in found.items()}) | found
        return tuple(replace(one, is_result=not judged) for one in found.values())

    def _with(self, values: Values) -> Configuration:
        paths = {one.path: values[one.name] for one in self.dimensions if one.name in values}
        if not paths:
            return self.base
        (found,) = expand("search", grid.replace(self.tree, paths)).configurations.values()
        return found


def trial_id(key: TrialKey) -> str:
    """``trial=0007``."""
    return _numbered(*key)


def is_random(series: str) -> bool:
    """Whether the trials of one series are those of a random search beside the method's."""
    return _parts(series)[0] == RANDOM


def _parts(series: str) -> tuple[str, int | None]:
    """The kind of a series by its name, and the index of the variant that its trials are against; None: of all."""
    kind, _, number = series.rpartition("_")
    return (kind, int(number) - 1) if number.isdecimal() else (series, None)


def _series(kind: str, index: int | None) -> str:
    """The name of which `_parts` gives these."""
    return kind if index is None else f"{kind}_{index + 1}"


def _numbered(name: str, number: int) -> str:
    return f"{name}={number:04d}"


def _variants(of: Configuration, update: dict[str, Any]) -> tuple[Variant, ...]:
    return tuple(replace(one, evaluation=one.evaluation.model_copy(update=update)) for one in of.variants)


def with_known(sweep: Sweep, known: KnownTrials) -> Sweep:
    """The ``sweep`` of a search with the trials that are known in their places."""
    assert sweep.search is not None  # its callers look
    return replace(sweep, configurations=sweep.search.configurations(known))


def plan_search(origin: str, tree: Mapping[str, Any], profile: str, *, really_large: bool = False) -> Sweep:
    """The sweep that a ``tree`` without `tree_faults` describes, in which something is searched.

    Raises `SpecError` where the search asks for what its evaluation does not have, or for too many trials.
    """
    every = dimensions(tree)
    first = at_first(tree)
    expanded = expand(origin, first)
    (base,) = expanded.configurations.values()
    every = [replace(one, is_whole=_is_whole(one, first)) for one in every]
    spec = base.settings.search
    search = Search(spec, tuple(every), first, base)
    lines = [f"{origin}:{where(place)}: {rule}" for place, rule in _faults(search)]
    if lines:
        raise spec_error(origin, lines)
    trials = spec.trials * len(search.series)
    variants = spec.trials * sum(len(search.faced(series, base.variants)) for series in search.series)
    check_size(origin, first, (trials, 0), really_large=really_large, variants=variants)  # before any of them is made
    document = grid.replace(expanded.document, {one.path: one.written for one in every})
    settings = base.settings
    found = Sweep(settings.name, settings.description, profile, settings.resources, (), document, search)
    return with_known(found, KnownTrials())


def _is_whole(one: Dimension, tree: Mapping[str, Any]) -> bool:
    """Whether the field takes whole numbers alone."""
    if one.ends is None or not all(isinstance(end, int) for end in one.ends):
        return False
    try:
        expand("search", grid.replace(tree, {one.path: one.ends[0] + 0.5}))
    except SpecError:
        return True
    return False


def _faults(search: Search) -> Iterator[tuple[tuple[str | int, ...], str]]:
    spec, at = search.spec, search.poison_fraction
    attack = search.base.settings.attack
    if attack.is_control:
        yield (
            ("attack", "name"),
            f"must be an attack where its settings are searched, got the control {show(attack.name)}",
        )
    if spec.stops_early and not attack.is_trained:
        rule = "must be `none` with an attack that trains no generators, because there is no training to stop"
        yield ("search", "scheduler"), f"{rule}, got {show(spec.scheduler)}"
    detects, is_scored = set[bool](), True
    for variant in search.base.variants:
        evaluation = variant.evaluation
        name = f" (with {variant.id})" if variant.id else ""
        if at not in evaluation.poison_fractions or not at:
            rule = f"must be one of `evaluation.poison_fractions` {evaluation.poison_fractions} and greater than 0"
            yield ("search", "poison_fraction"), f"{rule}, got {at:g}{name}"
        if not evaluation.victim.trains:
            rule = "must be a victim that is trained, because a search measures the harm to it"
            yield ("evaluation", "victim", "name"), f"{rule}, got `none`{name}"
        detects.add(evaluation.detector.component.filters)
        is_scored &= getattr(evaluation.detector, "percentile", None) is not None
    most = combinations(search.dimensions)
    if most is not None and spec.trials > most:
        rule = f"must be at most {most}, the number of combinations of what is searched"
        yield ("search", "trials"), f"{rule}, got {spec.trials}"
    if spec.against == "each" and len(search.base.variants) < 2:
        yield ("search", "against"), "must be `all` where there is no grid under `evaluation`, got `each`"
    metric = spec.detectability.metric
    unseen = True not in detects or (spec.against == "each" and False in detects)
    if unseen and spec.goal == "front":
        rule = "must be a detector with `search.goal: front`, which compares harm with detectability"
        yield ("evaluation", "detector", "name"), f"{rule}, got `none`"
    elif unseen and spec.detectability.at_most < 0:
        rule = "must be at least 0 where there is no detector, because detectability is then 0"
        yield ("search", "detectability", "at_most"), f"{rule}, got {spec.detectability.at_most:g}"
    elif not is_scored and metric != "excess_rejection":
        rule = "must be `excess_rejection` where there is no detector, or a detector that has no scores"
        yield ("search", "detectability", "metric"), f"{rule}, got {show(metric)}"
    yield from _start_faults(search)


def combinations(dimensions: Sequence[Dimension]) -> int | None:
    """How many there are of all that is searched; None where a dimension is continuous."""
    counts = [one.count for one in dimensions]
    return None if None in counts else prod(count for count in counts if count is not None)


def _start_faults(search: Search) -> Iterator[tuple[tuple[str | int, ...], str]]:
    by_name = {one.name: one for one in search.dimensions}
    for index, values in enumerate(search.spec.start):
        here = ("search", "start", index)
        fault = False
        for name, value in values.items():
            one = by_name.get(name)
            if one is None:
                fault = True
                yield (*here, name), f"must name a setting that is searched ({', '.join(by_name)})"
            elif not one.holds(value):
                fault = True
                yield (
                    (*here, name),
                    f"must be in the `{one.key}` {show(list(one.values))} that is searched, got {show(value)}",
                )
        if not fault:
            try:
                search.trial((search.series[0], index), values)
            except (SpecError, ValidationError) as error:
                yield here, f"must have values that are valid together, got: {error}"


def is_search(tree: Mapping[str, Any]) -> bool:
    """Whether a ``tree`` without `tree_faults` describes a search."""
    section = tree.get("search")
    return isinstance(section, Mapping) and section.get("method", "grid") != "grid"
