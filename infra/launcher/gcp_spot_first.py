"""Ray's provider for Google Cloud, which tells the autoscaler when a node type could not be had.

Ray's own raises a bare `Exception` when Compute Engine refuses a node, from which the autoscaler learns nothing;
its provider for AWS raises `NodeLaunchException`. See `spot_first` for what is made of it.
"""

import sys
from typing import Any

from ray.autoscaler._private.gcp.node_provider import GCPNodeProvider
from ray.autoscaler.node_launch_exception import NodeLaunchException


class Provider(GCPNodeProvider):
    """Nodes on Compute Engine."""

    def create_node(self, base_config: dict[str, Any], tags: dict[str, str], count: int) -> dict[str, Any]:
        try:
            return super().create_node(base_config, tags, count)
        except Exception as error:
            raise NodeLaunchException("NotLaunched", str(error), sys.exc_info()) from error
