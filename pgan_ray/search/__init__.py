"""Searching for attacks: what to try next, what a trial is worth, and which trials are the best. No Ray in it.

What was tried is in the sweep's directory (`pgan_ray.results.Trial`); all of this follows from it.
"""

from pgan_ray.search.choice import best, front, hypervolumes, ordered, to_confirm
from pgan_ray.search.objective import score
from pgan_ray.search.promise import Confirmation, confirmations
from pgan_ray.search.sampler import check_sampler, importance, make_sampler
from pgan_ray.search.stopping import going_on

__all__ = [
    "Confirmation",
    "best",
    "check_sampler",
    "confirmations",
    "front",
    "going_on",
    "hypervolumes",
    "importance",
    "make_sampler",
    "ordered",
    "score",
    "to_confirm",
]
