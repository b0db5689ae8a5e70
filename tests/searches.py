"""A search so small that a whole one takes seconds, and trials by hand."""

from copy import deepcopy
from typing import Any

from pgan_ray.results import Estimate, Trial
from pgan_ray.spec import MAIN, Search, Sweep, load_sweep
from pgan_ray.spec.layers import with_overrides
from tests.tiny import TINY

SEARCH: dict[str, Any] = {
    "method": "tpe",
    "trials": 4,
    "parallel": 2,
    "detectability": {"at_most": 1},  # so little training gives poison that is seen
    "confirm": {"top": 1, "replicates": 2, "runs": 2},
    "start": [{"alpha": 0.1}],
}

STOPS: dict[str, Any] = {"search__scheduler": "successive_halving"}
"""What makes a search stop trials, as `small_search` takes it."""

AGAINST_EACH: dict[str, Any] = {
    "search__against": "each",
    "evaluation__defence": {"grid": [[], [{"name": "slab"}, {"name": "sphere"}]]},
}
"""What makes a search have trials against each of two pipelines, likewise."""


def search_file(**changes: Any) -> dict[str, Any]:
    """The content of a sweep file with a search, with the values at dotted keys (``__`` for a dot) replaced."""
    tree = deepcopy(TINY)
    tree |= {"name": "search", "search": deepcopy(SEARCH)}
    tree["attack"] |= {
        "alpha": {"range": [0.01, 1.0], "log": True},
        "iterations": {"range": [10, 14]},
        "sample_from": {"choice": ["last", "average"]},
        "replicates": 2,
    }
    tree["evaluation"] |= {"poison_fractions": [0, 0.4], "train_per_class": 50, "trusted_per_class": 40}
    return with_overrides(tree, [(tuple(key.split("__")), value) for key, value in changes.items()])


def small_search(**changes: Any) -> Sweep:
    """The sweep of `search_file`."""
    return load_sweep(search_file(**changes))


def search_of(sweep: Sweep) -> Search:
    assert sweep.search is not None
    return sweep.search


def trial(number: int, harm: float | None = None, seen: float = 0.0, series: str = MAIN, **values: Any) -> Trial:
    """A trial by hand: complete if it has a harm, else failed."""
    values = {"alpha": 0.1, "iterations": 12, "sample_from": "last"} | values
    if harm is None:
        return Trial((series, number), values, "failed", message="no score")
    scores = (Estimate(found, 0.01, 2, 4) for found in (harm, seen))
    return Trial((series, number), values, "complete", *scores)
