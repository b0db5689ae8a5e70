"""Which trials Tune starts, and how many at once."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ray.tune.search import Searcher

FRESH_S = 2.0


class PlannedTrials(Searcher):  # type: ignore[misc]  # ray has no types
    """Suggests the planned trials in order, and leaves room for stage 2.

    Tune never gives the resources of a trial back while others wait, so stage 2 would wait for the whole of stage 1.
    The limit is asked for again as the cluster grows.
    """

    def __init__(self, trial_ids: Sequence[str], limit: Callable[[], int]) -> None:
        """``limit``: trials that may run at once, now."""
        super().__init__()
        self._waiting = list(trial_ids)
        self._ask = limit
        self._running: set[str] = set()
        self._limit, self._asked = 0, float("-inf")

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial's config; None while all of stage 1's share is in use; ``FINISHED`` at the end."""
        if not self._waiting:
            return str(Searcher.FINISHED)
        now = time.monotonic()
        if now - self._asked > FRESH_S:
            self._limit, self._asked = self._ask(), now
        if len(self._running) >= self._limit:
            return None
        self._running.add(trial_id)
        return {"trial": self._waiting.pop(0)}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """A trial ended, well or not: its slot is free."""
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the sweep's directory knows what is done."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, as above."""
