"""Showing an autoscaler the work that waits for room."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ray.util import placement_group, placement_group_table, remove_placement_group

Request = Mapping[str, float]
Key = tuple[tuple[str, float], ...]

MOST = 100  # of each request; Tune, too, shows a part of what waits
ASK_S = 1.0
# Room that comes is for the actors that the groups stand for: nothing is asked for before they had time to take it.
REST_S = 5.0
LONGEST_REST_S = 600.0
# Nodes take minutes to come: an actor with less work than this is not worth one.
WORTH_S = 30.0
# More evaluators than there are, before the first batch has told how long one takes.
FIRST = 4


@dataclass
class _Shown:
    """What is shown of one request. Times are of the monotonic clock, in seconds."""

    groups: list[Any] = field(default_factory=list)
    quiet_until: float = 0.0
    given: int = 0  # groups that were placed though no node came: so much is free, and left free for somebody
    given_until: float = 0.0
    rest_s: float = REST_S


class Demand:
    """Placement groups that wait in Ray's queue in place of actors that have no room yet.

    The driver starts no more actors than the nodes hold, so that neither stage takes what the other needs; an
    autoscaler would never learn that more could be used. A group that Ray places is given back at once. Groups belong
    to the driver's job: they end with it however it ends, while `ray.autoscaler.sdk.request_resources` would keep
    the nodes of a driver that was killed.
    """

    def __init__(self) -> None:
        self._shown: dict[Key, _Shown] = {}
        self._nodes = -1
        self._ask_at = self._withdraw_at = 0.0

    def show(self, wanted: Sequence[tuple[Request, int]], *, nodes: int) -> None:
        """Let ``wanted``, so many actors of each request, wait; ``nodes``: of the cluster as the caller sees it."""
        now = time.monotonic()
        if now < self._ask_at:
            return
        self._ask_at = now + ASK_S
        if nodes != self._nodes:
            self._nodes = nodes
            self._begin_anew(now)
        targets: Counter[Key] = Counter()
        for request, number in wanted:
            targets[tuple(sorted(request.items()))] += max(0, number)
        for key in targets.keys() | self._shown.keys():
            self._adjust(key, targets[key], now)

    def withdraw(self) -> None:
        """Show nothing, for now."""
        for shown in self._shown.values():
            _remove(shown)

    def _begin_anew(self, now: float) -> None:
        """The cluster changed: what was known of its free room no longer holds."""
        quiet = now >= self._withdraw_at  # where nodes keep coming, the demand shows in between
        if quiet:
            self._withdraw_at = now + 4 * REST_S
            self.withdraw()
        for shown in self._shown.values():
            shown.given, shown.rest_s = 0, REST_S
            if quiet:
                shown.quiet_until = now + REST_S

    def _adjust(self, key: Key, target: int, now: float) -> None:
        shown = self._shown.setdefault(key, _Shown())
        placed = sum(placement_group_table(group).get("state") == "CREATED" for group in shown.groups)
        if placed:
            # All of them go: else one after the other would take what was given back.
            _remove(shown)
            shown.given, shown.given_until = shown.given + placed, now + shown.rest_s
            shown.rest_s = min(LONGEST_REST_S, 2 * shown.rest_s)
            shown.quiet_until = now + REST_S
        if now > shown.given_until:
            shown.given = 0
        if now < shown.quiet_until:
            return
        target = min(MOST, max(0, target - shown.given))
        while len(shown.groups) > target:
            remove_placement_group(shown.groups.pop())
        shown.groups += [placement_group([dict(key)], strategy="PACK") for _ in range(target - len(shown.groups))]


def _remove(shown: _Shown) -> None:
    while shown.groups:
        remove_placement_group(shown.groups.pop())


def worth(batches: int, cells: int, seconds_per_cell: float | None, at_work: int) -> int:
    """How many actors beside those ``at_work`` the waiting ``batches`` of so many ``cells`` in all are worth.

    ``seconds_per_cell``: the pace so far, if there is one.
    """
    if seconds_per_cell is None:
        return min(batches, FIRST)
    return max(0, min(batches, int(cells * seconds_per_cell / WORTH_S) - at_work))
