"""Showing an autoscaler the work that waits for room."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ray.util import placement_group, placement_group_table, remove_placement_group

Request = Mapping[str, float]

MOST = 100  # of each request; Tune, too, shows a part of what waits
# A new node's room is for the actors that this stands for: nothing is asked for again before they had time to take it.
REST_S = 5.0
# Nodes take minutes to come: an actor with less work than this is not worth one.
WORTH_S = 30.0


@dataclass
class _Shown:
    """What is shown of one request."""

    groups: list[Any] = field(default_factory=list)
    given: int = 0  # placed though no node came: the cluster had that room all the time
    given_at: float = float("-inf")


class Demand:
    """Placement groups that wait in Ray's queue in place of actors that have no room yet.

    The driver starts no more actors than the nodes hold, so that neither stage takes what the other needs; an
    autoscaler would never learn that more could be used. A group that Ray places is given back at once. Groups belong
    to the driver's job: they end with it however it ends, while `ray.autoscaler.sdk.request_resources` would keep
    the nodes of a driver that was killed.
    """

    def __init__(self) -> None:
        self._shown: dict[tuple[tuple[str, float], ...], _Shown] = {}
        self._nodes = -1
        self._rest_until = float("-inf")

    def show(self, wanted: list[tuple[Request, int]], *, nodes: int) -> None:
        """Let ``wanted``, so many actors of each request, wait; ``nodes``: of the cluster as the caller sees it."""
        now = time.monotonic()
        if nodes != self._nodes:
            self.end()
            self._nodes, self._rest_until = nodes, now + REST_S
        if now < self._rest_until:
            return
        placed = self._placed()
        targets: dict[tuple[tuple[str, float], ...], int] = {}
        for request, number in wanted:
            key = tuple(sorted(request.items()))
            targets[key] = targets.get(key, 0) + max(0, number)
        for key in targets.keys() | self._shown.keys():
            self._adjust(key, min(MOST, targets.get(key, 0)), placed, now)

    def end(self) -> None:
        """Show nothing more."""
        for shown in self._shown.values():
            for group in shown.groups:
                remove_placement_group(group)
        self._shown.clear()

    def _adjust(self, key: tuple[tuple[str, float], ...], target: int, placed: set[str], now: float) -> None:
        shown = self._shown.setdefault(key, _Shown())
        if now - shown.given_at > REST_S:
            shown.given = 0
        ready = [group for group in shown.groups if group.id.hex() in placed]
        if ready:
            shown.given, shown.given_at = shown.given + len(ready), now
        waiting = [group for group in shown.groups if group not in ready]
        target = max(0, target - shown.given)
        for group in ready + waiting[target:]:
            remove_placement_group(group)
        missing = range(target - len(waiting[:target]))
        shown.groups = waiting[:target] + [placement_group([dict(key)], strategy="PACK") for _ in missing]

    def _placed(self) -> set[str]:
        if not any(shown.groups for shown in self._shown.values()):
            return set()
        return {name for name, group in placement_group_table().items() if group["state"] == "CREATED"}


def worth(batches: int, cells: int, seconds_per_cell: float | None) -> int:
    """How many actors ``batches`` of so many ``cells`` in all are worth, by the pace so far, if there is one."""
    if seconds_per_cell is None:
        return batches
    return min(batches, math.ceil(cells * seconds_per_cell / WORTH_S))
