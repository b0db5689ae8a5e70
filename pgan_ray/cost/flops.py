"""Floating point operations that the algorithms need, per member; only matrix products count.

A layer of I inputs and O outputs takes 2 I O operations a point forward, as much again for its weights' gradient,
and as much again for its input's gradient.
"""

from itertools import pairwise

from pgan_ray.spec import NetworkSpec, TrainedNetworkSpec


def forward(inputs: int, network: NetworkSpec, outputs: int) -> int:
    """One point through a network."""
    return sum(2 * size_in * size_out for size_in, size_out in pairwise([inputs, *network.widths, outputs]))


def trained(inputs: int, network: NetworkSpec, outputs: int) -> int:
    """One point forward and backward; the input's own gradient is not needed."""
    first = 2 * inputs * (network.widths[0] if network.widths else outputs)
    return 3 * forward(inputs, network, outputs) - first


def outputs_of(classes: int) -> int:
    """Logits of a classifier: one for two classes."""
    return 1 if classes == 2 else classes


def victim_step(victim: TrainedNetworkSpec, features: int, classes: int) -> int:
    """One step of a victim on a full batch."""
    return victim.batch_size * trained(features, victim, outputs_of(classes))
