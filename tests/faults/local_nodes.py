"""A node provider for Ray's autoscaler whose machines are processes of this one: Ray's own fake one, as an external.

By name, `provider: {type: fake_multinode}` does not start from Ray's wheel, which lacks a file that it reads.
"""

from typing import Any

from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider


class LocalNodes(FakeMultiNodeProvider):  # type: ignore[misc]  # ray has no types
    """Makes all the nodes that are asked for at once, as clouds do."""

    def __init__(self, provider_config: dict[str, Any], cluster_name: str) -> None:
        super().__init__(provider_config | {"launch_multiple": True}, cluster_name)
