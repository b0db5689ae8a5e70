"""A search's trials, ``search/trial/0007.json`` and the like: what was asked for, and what came of it.

They are the truth about a search. Each is written before its trial starts, and once more with its scores; the trials
that are evaluated afresh are chosen once, and written down before that.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from pgan_ray.errors import SpecError
from pgan_ray.results import json_text
from pgan_ray.results.identity import check_own, identity
from pgan_ray.results.redact import reason_of, redact
from pgan_ray.results.store import Store
from pgan_ray.results.summary import Estimate
from pgan_ray.spec import KnownTrials, Search, SearchSpec, SweepRecord, TrialKey

FOLDER = "search"
MAX_BYTES = 1 << 20  # of a file
CONFIRMED = f"{FOLDER}/confirmed.json"
PAUSE = "PAUSE"
"""The file that stops a search between two waves."""

TrialState = Literal["running", "complete", "stopped", "failed", "invalid"]


@dataclass(frozen=True)
class Probe:
    """What a trial came to at a rung, after this ``share`` of its training: its scores by few victims; None without."""

    share: float
    harm: Estimate | None = None
    detectability: Estimate | None = None


@dataclass(frozen=True)
class Trial:
    """One trial.

    ``values``: by the names of what is searched. ``state``: running, until it is scored; complete; stopped, at the rung
    of its last probe; failed, where a generator diverged or a component failed; or invalid, where its values do not go
    together: ``message`` says why. ``harm`` and ``detectability``: as the search defines them, on validation points;
    None unless complete. ``memory``: what the method keeps of it. ``method``: what asked for it, with its version.
    ``probes``: one for each rung that it came to.
    """

    key: TrialKey
    values: Mapping[str, Any]
    state: TrialState = "running"
    harm: Estimate | None = None
    detectability: Estimate | None = None
    message: str = ""
    memory: Mapping[str, Any] = field(default_factory=dict)
    method: str = ""
    probes: Sequence[Probe] = ()

    @property
    def point(self) -> tuple[float, float]:
        """Harm and detectability of a complete trial."""
        assert self.harm is not None  # it is complete
        assert self.detectability is not None
        return self.harm.mean, self.detectability.mean

    def is_within(self, spec: SearchSpec) -> bool:
        """Whether it is complete, and as hard to detect as the search asks for. A front asks for nothing."""
        if self.detectability is None:
            return False
        return spec.goal == "front" or self.detectability.mean <= spec.detectability.at_most


def values_text(trial: Trial) -> str:
    """``alpha 0.1, learning_rate 0.0002``."""
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in trial.values.items()
    )


def counts(trials: Iterable[Trial]) -> dict[str, int]:
    """How many of ``trials`` are in each state that any is in, in the order of `TrialState`."""
    found = Counter(trial.state for trial in trials)
    return {state: found[state] for state in get_args(TrialState) if found[state]}


def counts_text(found: Mapping[str, int]) -> str:
    """``16 trials: 7 complete, 8 stopped early, 1 failed``."""
    words = {"stopped": "stopped early"}
    states = ", ".join(f"{number} {words.get(state, state)}" for state, number in found.items())
    return f"{sum(found.values())} trials: {states}"


def best_so_far(spec: SearchSpec, trials: Sequence[Trial], most: float | None = None) -> list[float | None]:
    """After each of ``trials``, which are in the order of their numbers: the harm of the best feasible one.

    ``most``: that of those before them.
    """
    found: list[float | None] = []
    for trial in trials:
        if trial.harm is not None and trial.is_within(spec):
            most = trial.harm.mean if most is None else max(most, trial.harm.mean)
        found.append(most)
    return found


def write_trial(store: Store, record: SweepRecord, trial: Trial) -> None:
    """Write ``trial``, whole."""
    content = {**identity(record), **asdict(trial), "message": redact(trial.message)}
    del content["key"]  # the file's name
    store.write(_name(trial.key), json.dumps(content, indent=1, allow_nan=False).encode())


def read_trials(store: Store, record: SweepRecord) -> dict[TrialKey, Trial]:
    """The trials that were asked for so far, by series and number.

    Raises `SpecError` where a file is not as it must be: what comes after it depends on it.
    """
    search = record.sweep.search
    if search is None:
        return {}
    there = set(store.names(FOLDER, ".json"))
    keys = [(series, number) for series in search.series for number in range(search.spec.trials)]
    return {key: _read(store, record, search, key) for key in keys if _name(key) in there}


def settled_trials(store: Store, record: SweepRecord, series: str, first: int) -> Iterator[Trial]:
    """Those of one series from the number ``first`` on, up to one that is running or was not asked for.

    Raises `SpecError` as `read_trials`.
    """
    search = record.sweep.search
    assert search is not None  # its callers look
    for number in range(first, search.spec.trials):
        key = series, number
        if not store.exists(_name(key)) or (trial := _read(store, record, search, key)).state == "running":
            return
        yield trial


@dataclass(frozen=True)
class Confirmed:
    """The trials that are evaluated afresh, the best first, and ``among`` how many trials they were chosen."""

    keys: list[TrialKey]
    among: int


def write_confirmed(store: Store, record: SweepRecord, confirmed: Confirmed) -> None:
    """Write which trials are evaluated afresh."""
    content = {**identity(record), "trials": [list(key) for key in confirmed.keys], "among": confirmed.among}
    store.write(CONFIRMED, json.dumps(content, indent=1).encode())


def read_confirmed(store: Store, record: SweepRecord) -> Confirmed | None:
    """The trials that are evaluated afresh; None before they are chosen. Raises `SpecError` as `read_trials`."""
    search = record.sweep.search
    if search is None:
        return None
    try:
        content = _content(store, record, CONFIRMED)
        keys = [(series, number) for series, number in content["trials"]]
        known = all(series in search.series and type(number) is int for series, number in keys)
        known &= type(content["among"]) is int
        if not known or len(set(keys)) < len(keys):
            raise ValueError("must name trials, each once")
    except FileNotFoundError:
        return None
    except _DAMAGE as error:
        raise _fault(store, CONFIRMED, error) from None
    return Confirmed(keys, content["among"])


def known_trials(store: Store, record: SweepRecord) -> KnownTrials:
    """How far the search of ``record`` is. Raises `SpecError` as `read_trials`."""
    return known_of(read_trials(store, record), read_confirmed(store, record))


def known_of(trials: Mapping[TrialKey, Trial], confirmed: Confirmed | None) -> KnownTrials:
    """How far a search with these ``trials`` is."""
    values = {key: None if trial.state == "invalid" else trial.values for key, trial in trials.items()}
    stopped = frozenset(key for key, trial in trials.items() if trial.state == "stopped")
    chosen = (confirmed.keys, confirmed.among) if confirmed else ([], 0)
    return KnownTrials(values, *chosen, stopped)


def is_paused(store: Store) -> bool:
    """Whether somebody asked for a pause."""
    return PAUSE in store.entries()


_DAMAGE = (OSError, ValueError, KeyError, TypeError, RecursionError)


def _name(key: TrialKey) -> str:
    return f"{FOLDER}/{key[0]}/{key[1]:04d}.json"


def _content(store: Store, record: SweepRecord, name: str) -> Any:
    content = json_text.parse(store.read(name, MAX_BYTES))
    if not isinstance(content, dict):
        raise ValueError(f"must be a mapping, got {type(content).__name__}")
    check_own(content, record, store.place(name))
    return content


def _read(store: Store, record: SweepRecord, search: Search, key: TrialKey) -> Trial:
    name = _name(key)
    try:
        found = _content(store, record, name)
        values, state = found["values"], found["state"]
        if state not in get_args(TrialState) or not isinstance(found["message"], str):
            raise ValueError(f"must have a known state, got {str(state)[:80]}")
        if not isinstance(values, dict) or set(values) != {one.name for one in search.dimensions}:
            raise ValueError("must have a value for each of what is searched")
        wrong = [one.name for one in search.dimensions if not one.holds(values[one.name])]
        if wrong:
            raise ValueError(f"must have a value within the range or choice of `{wrong[0]}`")
        harm, seen = _estimate(found["harm"]), _estimate(found["detectability"])
        if (harm is None or seen is None) != (state != "complete"):
            raise ValueError("must have scores if and only if it is complete")
        if not isinstance(found["memory"], dict):
            raise ValueError("must have the memory of its method")
        probes = [_probe(one, search.spec) for one in found.get("probes", [])]  # earlier versions had none
        if state == "stopped" and (not probes or probes[-1].harm is None):
            raise ValueError("must have a probe with scores if it was stopped")
        method = str(found["method"])
        return Trial(key, values, state, harm, seen, found["message"], found["memory"], method, tuple(probes))
    except _DAMAGE as error:
        raise _fault(store, name, error, "; delete it, and `pgan-ray resume` says what else to delete") from None


def _fault(store: Store, name: str, error: BaseException, remedy: str = "") -> SpecError:
    return SpecError([f"{redact(store.place(name))}: {reason_of(error)}{remedy}"])


def _probe(found: Any, spec: SearchSpec) -> Probe:
    probe = Probe(found["share"], _estimate(found["harm"]), _estimate(found["detectability"]))
    if probe.share not in spec.rungs or (probe.harm is None) != (probe.detectability is None):
        raise ValueError("must have probes at the rungs of the search, each with all scores or none")
    return probe


def _estimate(found: Any) -> Estimate | None:
    if found is None:
        return None
    estimate = Estimate(found["mean"], found["half_width"], found["replicates"], found["cells"])
    numbers = [estimate.mean, *([] if estimate.half_width is None else [estimate.half_width])]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise ValueError("must have scores that are numbers")
    return estimate
