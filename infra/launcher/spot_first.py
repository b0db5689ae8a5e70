"""Spot nodes first, on-demand nodes where there is no spot capacity.

Ray's autoscaler knows which node types could not be launched in the last half hour, but its own way of ranking
node types does not look at it, so that it asks for spot nodes for ever. It takes another way of ranking from the
environment variable RAY_AUTOSCALER_UTILIZATION_SCORER, which the launcher files set to `spot_first.score`.
"""

from typing import Any

from ray.autoscaler._private.resource_demand_scheduler import _default_utilization_scorer

SPOT = "spot"


def score(
    node_resources: dict[str, float],
    resources: list[dict[str, float]],
    node_type: str,
    *,
    node_availability_summary: Any,
) -> tuple[Any, ...] | None:
    """Ray's own score between two of ours: can be had, ..., is spot. None if nothing fits the node type."""
    usual = _default_utilization_scorer(
        node_resources, resources, node_type, node_availability_summary=node_availability_summary
    )
    if usual is None:
        return None
    record = node_availability_summary.node_availabilities.get(node_type)
    return (record is None or record.is_available, *usual, node_type.endswith(SPOT))
