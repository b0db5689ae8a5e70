"""What came of a sweep, by its rows."""

from collections.abc import Mapping
from typing import Literal

Outcome = Literal["complete", "partial", "paused", "interrupted", "failed"]


def outcome_of(outcomes: Mapping[str, int], cells: int) -> Outcome:
    """The outcome of a sweep of so many ``cells``, of which so many have each of ``outcomes``.

    ``complete`` where every cell has come to its score; ``partial`` where some diverged or failed; ``interrupted``
    where some have no row yet.
    """
    there = sum(outcomes.values())
    if there < cells:
        return "interrupted"
    return "complete" if outcomes.get("complete", 0) == there else "partial"
