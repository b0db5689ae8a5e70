"""Optuna's samplers, asked in an order that nothing but the search itself decides.

For each trial a study is made anew in memory: those of earlier waves with what came of them, those of its own wave as
running, the sampler seeded by the sweep's seed and the trial's number. So the same trials are asked for whatever
finished first, on any cluster, and after any interruption.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pgan_ray.errors import SpecError
from pgan_ray.results import Trial
from pgan_ray.spec import Dimension, Search, TrialKey, is_random
from pgan_ray.spec.seeds import seed_sequence

if TYPE_CHECKING:
    import optuna

MAJOR = "5"
EXTRA = "pip install 'pgan-ray[search]'"
DETECTABILITY = "detectability"
ATTEMPTS = 20


@dataclass(frozen=True)
class Asked:
    """What a sampler asks for: ``values`` by name, and its own ``memory`` of the trial."""

    values: dict[str, Any]
    memory: dict[str, Any]


def check_sampler() -> None:
    """See that an Optuna that we know is there. Raises `SpecError`."""
    try:
        found = version("optuna")
    except PackageNotFoundError:
        raise SpecError(
            [f"search.method: must be `grid`, because Optuna is not installed (to search: {EXTRA})"]
        ) from None
    if found.partition(".")[0] != MAJOR:
        raise SpecError([f"search.method: must go with Optuna {MAJOR}, got {found} ({EXTRA})"])


def make_sampler(search: Search, seed: int) -> "Sampler":
    """What asks for the trials of ``search``, in a sweep of this ``seed``. Raises `SpecError` as `check_sampler`."""
    check_sampler()
    return Sampler(search, seed)


class Sampler:
    """Asks for trials."""

    def __init__(self, search: Search, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._search, self._seed = search, seed
        self._distributions = {one.name: _distribution(one) for one in search.dimensions}

    @property
    def library(self) -> str:
        """What asks, with its version: another may ask for other trials."""
        import optuna

        return f"optuna {optuna.__version__}"

    def ask(self, key: TrialKey, before: Sequence[Trial]) -> Asked:
        """The values of the trial ``key``. ``before``: all earlier ones of its series, by number.

        Those of its own wave count as running, whatever is known of them. The same values twice would train the same
        networks twice: the sampler is asked again, with another seed.
        """
        known = [trial.values for trial in before]
        for attempt in range(ATTEMPTS):
            asked = self._ask(key, before, attempt)
            if asked.values not in known:
                break
        return asked

    def _ask(self, key: TrialKey, before: Sequence[Trial], attempt: int) -> Asked:
        import optuna

        series, number = key
        spec = self._search.spec
        wave = number - number % spec.parallel
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is experimental, and of dimensions that are drawn by themselves
            more, less = optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE
            directions = [more] if spec.goal == "worst_case" else [more, less]
            study = optuna.create_study(directions=directions, sampler=self._sampler(key, attempt))
            for trial in before:
                study.add_trial(self._frozen(trial, is_told=trial.key[1] < wave))
            if not is_random(series) and number < len(spec.start):
                study.enqueue_trial(self._internal(spec.start[number]))
            asked = study.ask(self._distributions)
            attributes = study.get_trials(deepcopy=False)[-1].system_attrs
        values = {one.name: _value(one, asked.params[one.name]) for one in self._search.dimensions}
        return Asked(values, {name: value for name, value in attributes.items() if name != "fixed_params"})

    def _sampler(self, key: TrialKey, attempt: int) -> "optuna.samplers.BaseSampler":
        import optuna

        spec = self._search.spec
        series, number = key
        seed = int(seed_sequence(self._seed, "search", series, number, attempt).generate_state(1)[0])
        method = "random" if is_random(series) else spec.method
        startup = max(2 * spec.parallel, min(10, spec.trials // 4))
        if method == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        if method == "tpe":
            return optuna.samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=startup)
        if method == "gp":
            return optuna.samplers.GPSampler(seed=seed, n_startup_trials=startup, deterministic_objective=False)
        # A generation is no smaller than two waves, and there are at least four where the trials suffice.
        population = max(2 * spec.parallel, min(50, spec.trials // 4), 2)
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=population)

    def _frozen(self, trial: Trial, *, is_told: bool) -> "optuna.trial.FrozenTrial":
        from optuna.trial import TrialState, create_trial

        params = self._internal(trial.values)
        given: dict[str, Any] = {"params": params, "distributions": self._distributions}
        given["system_attrs"] = dict(trial.memory)
        if not is_told:
            return create_trial(state=TrialState.RUNNING, **given)
        at_most = self._search.spec.detectability.at_most
        if trial.state == "stopped":
            probe = trial.probes[-1]
            assert probe.harm is not None  # it was judged by them
            assert probe.detectability is not None
            given["intermediate_values"] = {round(100 * probe.share): probe.harm.mean}
            given["constraints"] = {DETECTABILITY: probe.detectability.mean - at_most}
            return create_trial(state=TrialState.PRUNED, **given)
        if trial.state != "complete" or trial.harm is None or trial.detectability is None:
            return create_trial(state=TrialState.FAIL, **given)
        spec = self._search.spec
        harm, seen = trial.harm.mean, trial.detectability.mean
        if spec.goal == "front":
            return create_trial(values=[harm, seen], **given)
        return create_trial(values=[harm], constraints={DETECTABILITY: seen - at_most}, **given)

    def _internal(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """``values`` as Optuna has them: a choice, which may be anything, by its index."""
        by_name = {one.name: one for one in self._search.dimensions}
        return {name: _index(by_name[name], value) for name, value in values.items()}


def importance(search: Search, trials: Sequence[Trial]) -> dict[str, float]:
    """How much each of what is searched matters to the harm, from 0 to 1, by PED-ANOVA; empty where too few tell.

    Of complete trials, whether they are feasible or not.
    """
    complete = [trial for trial in trials if trial.state == "complete"]
    if find_spec("optuna") is None or len(complete) < 10 or len(search.dimensions) < 2:
        return {}
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = Sampler(search, 0)
    study = optuna.create_study(direction="maximize")
    for trial in complete:
        assert trial.harm is not None  # complete
        params = sampler._internal(trial.values)
        distributions = sampler._distributions
        study.add_trial(optuna.trial.create_trial(value=trial.harm.mean, params=params, distributions=distributions))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        found: dict[str, float] = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return found


def _distribution(one: Dimension) -> "optuna.distributions.BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if one.ends is None:
        return CategoricalDistribution(range(len(one.choices)))
    if one.is_whole:
        return IntDistribution(int(one.ends[0]), int(one.ends[1]), log=one.log)
    return FloatDistribution(float(one.ends[0]), float(one.ends[1]), log=one.log)


def _index(one: Dimension, value: Any) -> Any:
    return one.choices.index(value) if one.ends is None else value


def _value(one: Dimension, internal: Any) -> Any:
    if one.ends is None:
        return one.choices[internal]
    return min(max(internal, one.ends[0]), one.ends[1])  # a logarithm and back may lead a last bit out of the range
